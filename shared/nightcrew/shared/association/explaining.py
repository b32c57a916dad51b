"""Telling why a calibration was chosen, or why there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nightcrew.shared.association.associate import Answer


def explain(answer: Answer, misses: int = 3) -> list[str]:
    """Tell an answer, one line each: what was found and why, or what came nearest and why not.

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
    lines = [f"{match.candidate.filename}: {'; '.join(match.reasons)}" for match in answer.matches]
    if not lines:
        wanted = f": wanted {', '.join(answer.wishes)}" if answer.wishes else ""
        lines = [f"no {answer.caltype}{whose}{wanted}"]
    return lines + [f"not {miss.candidate.filename}: {miss.reason}" for miss in answer.near_misses[:misses]]


def why_not(answer: Answer) -> str:
    """Return one line that says what was wanted and what came nearest."""
    if answer.note:
        return f"no {answer.caltype}: {answer.note}"
    wanted = f" with {', '.join(answer.wishes)}" if answer.wishes else ""
    if not answer.near_misses:
        return f"no {answer.caltype}{wanted}"
    miss = answer.near_misses[0]
    return f"no {answer.caltype}{wanted}; nearest is {miss.candidate.filename}: {miss.reason}"
