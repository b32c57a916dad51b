"""Several sources of calibrations, asked in order: found, not found, could not ask."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from nightcrew.shared.calibrations import Answer, Chain, Chosen, CouldNotAsk, Found, NotFound
from nightcrew.shared.frames import Frame
from support.runs import niri_frame

DARK = "processed_dark"


@dataclass
class Says:
    """A source that gives one answer, and counts."""

    answer: Answer
    asked: int = field(default=0)

    def find(self, frame: Frame, caltype: str) -> Answer:
        self.asked += 1
        return self.answer


def ask(*sources) -> Answer:
    return Chain(sources).find(niri_frame("N1.fits"), DARK)


def test_the_first_that_finds_something_answers_and_nobody_after_it_is_asked():
    first, second = Says(Found(Path("a.fits"), "first")), Says(Found(Path("b.fits"), "second"))
    assert ask(Says(NotFound("none in zero")), first, second) == Found(Path("a.fits"), "first")
    assert second.asked == 0


def test_after_a_source_that_cannot_be_asked_the_others_are_and_the_doubt_is_told():
    found = Found(Path("d/b.fits"), "second", caveats=("it is old",))
    answer = ask(Says(CouldNotAsk("cal.example: connection refused")), Says(found))
    assert answer == Found(
        Path("d/b.fits"), "second", caveats=("b.fits used, but cal.example: connection refused", "it is old")
    )


def test_not_found_is_known_only_if_everybody_could_be_asked():
    nothing = Says(NotFound("none here"))
    assert ask(nothing, Says(CouldNotAsk("a is down")), Says(CouldNotAsk("b is down"))) == CouldNotAsk(
        "a is down; b is down"
    )
    assert ask(nothing, Says(NotFound("none there"))) == NotFound("none here; none there")


def test_a_makeshift_is_used_only_if_nobody_has_better():
    makeshift = Found(Path("young_bpm.fits"), "first", relaxed="made of frames taken after these")
    good = Found(Path("old_bpm.fits"), "second")
    assert ask(Says(makeshift), Says(good)) == good
    assert ask(Says(makeshift), Says(NotFound("none"))) == makeshift
    doubted = ask(Says(makeshift), Says(CouldNotAsk("a is down")))
    assert doubted.caveats == ("young_bpm.fits used, but a is down",)


def test_a_chain_of_nobody_says_so():
    assert ask() == NotFound("nobody to ask for a processed_dark")


def test_what_a_user_has_chosen_is_not_questioned():
    chosen = Chosen({DARK: Path("mine.fits")}, reasons={DARK: "it is mine"})
    assert ask(chosen) == Found(Path("mine.fits"), "user calibrations", "it is mine")
    assert chosen.find(niri_frame("N1.fits"), "processed_flat") == NotFound(
        "no processed_flat among the user calibrations for N1.fits"
    )
