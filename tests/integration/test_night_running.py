"""Nights in which something goes wrong: the planner of the suite decides what that means for the rest."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from nightcrew.cli.caldb.configuration import Config
from nightcrew.cli.caldb.reductions import Databases
from nightcrew.cli.night.asking import DatabaseDesk
from nightcrew.cli.night.collecting import collect
from nightcrew.cli.night.running import NightRun
from nightcrew.cli.night.working import Worker
from nightcrew.reducer.engine.reporting import Silent
from nightcrew.shared.calibrations import CouldNotAsk, Found, NotFound
from nightcrew.shared.outcomes import Status
from nightcrew.simulator import niri_night

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nightcrew.cli.night.reports import GroupReport
    from nightcrew.planner.core.model import Group
    from nightcrew.reducer.engine.reporting import Reporter
    from nightcrew.shared.calibrations import Answer, CalibrationSource
    from nightcrew.shared.frames import Frame

DARK = "N20160102S0423_dark.fits"
FLAT = "N20160102S0373_flat.fits"
OF_THE_DARK = "N20160102S042*.fits"


@dataclass
class Seen:
    """Remembers what was taken up and how it ended."""

    stop_at: str = ""
    begun: list[tuple[str, int, int]] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)

    @property
    def reporter(self) -> Reporter:
        return Silent()

    def begin(self, group: Group, number: int, groups: int) -> None:
        if group.kind == self.stop_at:
            raise KeyboardInterrupt
        self.begun.append((group.kind, number, groups))

    def end(self, report: GroupReport) -> None:
        self.ended.append(report.group.kind)


class Thief(Databases):
    """Is told of a product, and removes it."""

    def record(self, path: Path, recipe: str) -> list[str]:
        path.unlink()
        return []


@dataclass(frozen=True)
class Answers:
    """A source that has one answer for a type of calibration, and none for others."""

    caltype: str
    answer: Answer

    def find(self, frame: Frame, caltype: str) -> Answer:
        return self.answer if caltype == self.caltype else NotFound(f"no {caltype} for {frame.filename}")


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Frames of a night without its standard star."""
    directory = tmp_path_factory.mktemp("night")
    niri_night(1, size=256, frames=3).write(directory)
    for path in directory.glob("N20160102S029*.fits"):
        path.unlink()
    return directory


@pytest.fixture
def raw(night: Path, tmp_path: Path) -> Path:
    return shutil.copytree(night, tmp_path / "raw")


def night_run(raw: Path, out: Path, *sources: CalibrationSource, mode: str = "sq") -> NightRun:
    """Receive the frames of a night that is to be reduced."""
    collection = collect(raw)
    out.mkdir(exist_ok=True)
    worker = Worker(out, 1 << 30, Databases(Config()), mode, previews=False)
    return NightRun(collection, DatabaseDesk(sources, collection.paths, worker.digests, mode), worker)


@pytest.fixture
def reduced(raw: Path, tmp_path: Path) -> Callable[..., NightRun]:
    """Return what reduces the night, after something has happened to frames that were received already."""

    def reduce(
        *sources: CalibrationSource,
        mode: str = "sq",
        meanwhile: Callable[[], None] = lambda: None,
        seen: Seen | None = None,
    ) -> NightRun:
        run = night_run(raw, tmp_path / "out", *sources, mode=mode)
        meanwhile()
        run.run(seen or Seen())
        return run

    return reduce


def report_of(run: NightRun, kind: str) -> GroupReport:
    (report,) = (report for report in run.in_order() if report.group.kind == kind)
    return report


def shorten(raw: Path, pattern: str) -> None:
    for path in raw.glob(pattern):
        path.write_bytes(path.read_bytes()[:100_000])


def test_groups_are_taken_up_in_the_order_of_the_plan_and_counted(reduced, raw):
    seen = Seen()
    run = reduced(seen=seen)
    assert [kind for kind, _, _ in seen.begun] == seen.ended == ["dark", "dark", "bpm", "flat", "science"]
    assert [number for _, number, _ in seen.begun] == [1, 2, 3, 4, 5]
    assert {groups for _, _, groups in seen.begun} == {5}
    assert run.complete
    accounts = run.accounts()
    assert sorted(accounts.reduced) == sorted(path.name for path in raw.glob("*.fits"))
    assert str(accounts) == f"{accounts.found} files: {accounts.found} reduced"


def test_what_was_done_before_an_interruption_is_accounted_for(raw, tmp_path):
    run = night_run(raw, tmp_path / "out")
    with pytest.raises(KeyboardInterrupt):
        run.run(Seen(stop_at="flat"))
    assert not run.complete
    accounts = run.accounts()
    assert set(accounts.reduced) == {name for report in run.in_order() for name in report.group.owned}
    assert set(accounts.unaccounted) == {path.name for path in raw.glob("*.fits")} - set(accounts.reduced)


def test_what_fails_takes_along_what_cannot_do_without_it_and_nothing_else(reduced, raw):
    run = reduced(meanwhile=lambda: shorten(raw, "N20160102S03*.fits"))
    assert run.complete
    flat, science = (report_of(run, kind) for kind in ("flat", "science"))
    assert [report.outcome.ok for report in run.in_order() if report.group.kind == "dark"] == [True, True]
    assert not flat.outcome.ok
    assert not science.outcome.ok
    assert science.outcome.code == "calibration"
    assert science.outcome.reason.startswith(f"{flat.group.product} could not be made: ")
    assert flat.outcome.reason in science.outcome.reason
    accounts = run.accounts()
    assert set(science.group.owned) | set(flat.group.inputs) <= set(accounts.unreduced)
    assert accounts.unaccounted == ()
    assert set(accounts.reduced) | set(accounts.unreduced) == {path.name for path in raw.glob("*.fits")}


def test_what_may_help_the_maker_of_a_calibration_may_help_who_needs_it(reduced, tmp_path):
    (tmp_path / "out" / FLAT / "in the way").mkdir(parents=True)
    run = reduced()
    assert report_of(run, "flat").outcome.status is Status.RETRYABLE
    assert report_of(run, "science").outcome.status is Status.RETRYABLE


def test_a_product_that_somebody_removes_meanwhile_ends_its_group_and_not_the_night(raw, tmp_path):
    run = night_run(raw, tmp_path / "out")
    run.worker = replace(run.worker, databases=Thief(Config()))
    run.run(Seen())
    science = report_of(run, "science").outcome
    assert science.status is Status.RETRYABLE
    assert "cannot be read again" in science.reason
    assert run.complete
    assert run.accounts().unaccounted == ()


@pytest.mark.parametrize(
    ("caltype", "frames", "who"), [("bpm", "N20160103S04*.fits", "flat"), ("processed_dark", OF_THE_DARK, "science")]
)
def test_what_a_group_can_do_without_is_done_without_and_told(caltype, frames, who, reduced, raw):
    run = reduced(meanwhile=lambda: shorten(raw, frames))
    (failed,) = (report for report in run.in_order() if not report.outcome.ok and report.group.provides == caltype)
    outcome = report_of(run, who).outcome
    assert outcome.ok
    (caveat,) = (one for one in outcome.caveats if one.startswith(f"reduced without {caltype}: "))
    assert f"{failed.group.product} could not be made" in caveat
    assert failed.outcome.reason in caveat


def test_a_calibration_that_breaks_a_rule_is_used_rather_than_none(reduced, raw, tmp_path):
    run = reduced()
    dark = (tmp_path / "out" / DARK).rename(tmp_path / "old_dark.fits")
    shutil.rmtree(tmp_path / "out")
    for path in raw.glob(OF_THE_DARK):
        path.unlink()
    run = reduced(Answers("processed_dark", Found(dark, "the archive", "nearest", relaxed="taken 300 d before")))
    science = report_of(run, "science")
    assert science.outcome.ok
    (used,) = (one for one in science.used if one.caltype == "processed_dark")
    assert (used.file, used.reason) == ("old_dark.fits", "nearest; taken 300 d before; from the archive")


def test_a_master_among_the_frames_is_used(reduced, raw, tmp_path):
    reduced()
    (tmp_path / "out" / DARK).rename(raw / "old_dark.fits")
    shutil.rmtree(tmp_path / "out")
    for path in raw.glob(OF_THE_DARK):
        path.unlink()
    run = reduced()
    science = report_of(run, "science")
    assert science.outcome.ok
    assert "old_dark.fits" in {one.file for one in science.used}
    assert dict(run.accounts().left_out)["old_dark.fits"].startswith("finished already")


def test_in_science_quality_somebody_who_does_not_answer_is_waited_for(reduced, raw):
    for path in raw.glob(OF_THE_DARK):
        path.unlink()
    silent = Answers("processed_dark", CouldNotAsk("http://archive: cannot be asked"))
    run = reduced(silent)
    science = report_of(run, "science").outcome
    assert run.complete
    assert (science.status, science.code) == (Status.RETRYABLE, "service")
    assert science.reason == ("processed_dark: http://archive: cannot be asked; reduce the night again when it answers")
    assert set(run.accounts().unreduced) == set(report_of(run, "science").group.owned)
    shutil.rmtree(raw.parent / "out")
    quick = report_of(reduced(silent, mode="ql"), "science").outcome
    assert quick.ok
    assert "reduced without processed_dark: http://archive: cannot be asked" in quick.caveats
