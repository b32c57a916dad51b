"""Telling why a calibration was chosen, or why there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nightcrew.shared.association.answers import Answer, Match


NOTHING = "nothing of the kind was ever ingested"


def explain(answer: Answer, misses: int = 3) -> list[str]:
    """Tell an answer, one line each: what was found and why, or what came nearest and why not.

    Where nothing was found among several, the last line tells how many each condition has left.

    Parameters
    ----------
    answer
        What `associate` returned.
    misses
        Number of near misses to tell.
    """
    whose = f" for {answer.target}" if answer.target else ""
    if answer.note:
        return [f"no {answer.caltype}{whose}: {answer.note}"]
    lines = [_told(match) for match in answer.matches]
    if not lines:
        facts = [f"wanted {', '.join(answer.wishes)}"] if answer.wishes else []
        facts += [] if answer.ingested else [NOTHING]
        lines = [f"no {answer.caltype}{whose}: {'; '.join(facts)}".rstrip(": ")]
    lines += [f"not {miss.candidate.filename}: {miss.reason}" for miss in answer.near_misses[:misses]]
    if answer.ingested > 1 and len(answer.near_misses) == answer.ingested:
        left = "; ".join(f"{number} left by {wish}" for wish, number in survivors(answer))
        lines.append(f"of {answer.ingested} {answer.caltype}: {left}")
    return lines


def reasons_of(match: Match) -> list[str]:
    """Return why a match serves, and what speaks against it."""
    return [*match.reasons, *(f"but {caveat}" for caveat in match.caveats)]


def _told(match: Match) -> str:
    broken = [f"provisional: {'; '.join(match.relaxed)}"] if match.relaxed else []
    return f"{match.candidate.filename}: {'; '.join([*reasons_of(match), *broken])}"


def why_not(answer: Answer) -> str:
    """Return one line that says what was wanted and what came nearest."""
    if answer.note:
        return f"no {answer.caltype}: {answer.note}"
    wanted = f" with {', '.join(answer.wishes)}" if answer.wishes else ""
    if not answer.ingested:
        return f"no {answer.caltype}{wanted}; {NOTHING}"
    if not answer.near_misses:
        return f"no {answer.caltype}{wanted}"
    miss = answer.near_misses[0]
    return f"no {answer.caltype}{wanted}; nearest is {miss.candidate.filename}: {miss.reason}"


def survivors(answer: Answer) -> list[tuple[str, int]]:
    """Return each condition and how many candidates fulfil it and all conditions before it.

    Only conditions at which candidates were lost are told.
    """
    left, told_of = answer.ingested, []
    for number, condition in enumerate(answer.conditions):
        lost = sum(miss.passed == number for miss in answer.near_misses)
        left -= lost
        if lost:
            told_of.append((condition.wish(), left))
    return told_of
