"""The part of the calibration manager that answers which calibrations belong to a frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nightcrew.calmanager.associating import Asking
from nightcrew.calmanager.database.asking import asking
from nightcrew.calmanager.keeping import Keeping
from nightcrew.shared.association import Answer, Level

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nightcrew.calmanager.records import FileFacts
    from nightcrew.shared.association import Target


class Answering(Keeping):
    """Answers questions; none of them changes anything."""

    def associate(
        self,
        target: Target,
        caltype: str,
        *,
        mode: str | None = None,
        max_level: Level = Level.RULE,
        howmany: int | None = None,
    ) -> Answer:
        """Find the calibrations that belong to a frame.

        Parameters
        ----------
        target
            The frame.
        caltype
            `dark`, `flat`, ... for raw ones, `processed_dark`, ... for masters.
        mode
            Mode of the reduction: `sq` takes nothing that was made for a quick look; None takes everything.
        max_level
            The worst level that is still a match.
        howmany
            How many to return; as many as the rule says if None or 0.

        Returns
        -------
        Answer
            Its candidates have paths to files that are there.  A file that is gone or has changed is skipped: a near
            miss, and a caveat of the first match.  Without any match it carries the five nearest misses, and counts
            those of the kind up to a hundred.

        Raises
        ------
        CalibrationError
            If the target does not tell something that the rule compares.
        """
        return self.offer(target, caltype, mode=mode, max_level=max_level, howmany=howmany)[0]

    def offer(
        self,
        target: Target,
        caltype: str,
        *,
        mode: str | None = None,
        max_level: Level = Level.RULE,
        howmany: int | None = None,
        near: bool = True,
    ) -> tuple[Answer, Mapping[int, FileFacts]]:
        """Find the calibrations that belong to a frame, and tell of their files, by number of the entry.

        It takes one visit to the database for both.  For the other parameters see `associate`.

        Parameters
        ----------
        near
            Whether to look for near misses if nothing matches, which takes longer than to find that out.
        """
        question = self._question(target, caltype, mode, max_level)
        with asking(self.database) as connection:
            return question.answer(connection, howmany, near=near), question.files

    def explain(
        self,
        target: Target,
        caltype: str,
        *,
        mode: str | None = None,
        max_level: Level = Level.RELAXED,
        howmany: int | None = None,
    ) -> Answer:
        """Find the calibrations that belong to a frame, and those that nearly do and why not.

        The near misses are the nearest 200; `ingested` counts all of the kind.  For the parameters see `associate`.
        """
        question = self._question(target, caltype, mode, max_level)
        with asking(self.database) as connection:
            return question.explanation(connection, howmany)

    def survivors(
        self, target: Target, caltype: str, *, mode: str | None = None, max_level: Level = Level.RULE
    ) -> Sequence[tuple[str, int]]:
        """Return each condition with how many entries fulfil it and all before it; the first line counts all."""
        question = self._question(target, caltype, mode, max_level)
        with asking(self.database) as connection:
            return question.survivors(connection)

    def _question(self, target: Target, caltype: str, mode: str | None, max_level: Level) -> Asking:
        return Asking(target, caltype, mode, max_level, self._places.of_row, self._looker)
