"""The configured databases in a reduction: they are asked for calibrations, and told what was made."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from nightcrew.cli.caldb.configuration import Config, DatabaseLine, Kind
from nightcrew.cli.caldb.database import Product
from nightcrew.cli.caldb.opening import load_config, open_line
from nightcrew.cli.login import login_name
from nightcrew.shared.calibrations import Answer, CouldNotAsk, Found, NotFound
from nightcrew.shared.errors import CalibrationError, NightcrewError

if TYPE_CHECKING:
    from collections.abc import Callable

    from nightcrew.cli.caldb.database import CalibrationDatabase
    from nightcrew.shared.calibrations import CalibrationSource
    from nightcrew.shared.frames import Frame

PATIENCE = 60.0
"""Seconds for which a database that cannot be opened is not tried again."""
CALIBRATIONS = Path("calibrations")


@dataclass(slots=True)
class Connection:
    """A database of the configuration, opened when it is first needed.

    Parameters
    ----------
    line
        Which database, and what for.
    config
        Where the line stands.
    """

    line: DatabaseLine
    config: Config
    _open: CalibrationDatabase | None = field(default=None, init=False)
    _down: NightcrewError | None = field(default=None, init=False)
    _try_again: float = field(default=0.0, init=False)

    def get(self) -> CalibrationDatabase:
        """Return the database.

        Raises
        ------
        NightcrewError
            If it cannot be opened; it is tried again after a while.
        """
        if self._open is None:
            if self._down is not None and time.monotonic() < self._try_again:
                raise self._down
            try:
                self._open = open_line(self.line, self.config, "reduce")
            except NightcrewError as error:
                self._down, self._try_again = error, time.monotonic() + PATIENCE
                raise
        return self._open

    def close(self) -> None:
        """Close it, if it was opened."""
        if self._open is not None:
            self._open.close()
            self._open = None


@dataclass(slots=True)
class ConnectedSource:
    """A configured database as a source of calibrations.

    Parameters
    ----------
    connection
        The database.
    mode
        Processing mode.
    calibrations
        Where downloads go.
    provisional_masks
        Whether a bad-pixel mask may be one that was made of frames taken after the frame that it is for.
    """

    connection: Connection
    mode: str
    calibrations: Path
    provisional_masks: bool = False
    _source: CalibrationSource | None = field(default=None, init=False)

    def find(self, frame: Frame, caltype: str) -> Answer:
        """Ask the database; one that does not answer, for whatever reason, could not be asked."""
        try:
            if self._source is None:
                self._source = self.connection.get().source(
                    self.mode, self.calibrations, provisional_masks=self.provisional_masks
                )
            answer = self._source.find(frame, caltype)
        except NightcrewError as error:
            return CouldNotAsk(str(error))
        if self.provisional_masks and isinstance(answer, Found) and answer.relaxed:
            return _provisional(answer, frame)
        return answer


@dataclass(slots=True)
class Databases:
    """The databases of a configuration during reductions; to be used in a `with` block.

    Parameters
    ----------
    config
        The configuration.
    upload
        What may be sent to servers: `calibs`, `science`.
    store
        Whether what is made is entered at all.

    Attributes
    ----------
    warnings : list of str
        What of the configuration cannot be used, and why; such databases are left out.
    """

    config: Config
    upload: frozenset[str] = frozenset()
    store: bool = True
    warnings: list[str] = field(default_factory=list)
    _connections: list[Connection] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.warnings += self.config.warnings
        for line in self.config.databases:
            try:
                _check(line)
            except CalibrationError as error:
                self.warnings.append(f"not used: {error}")
            else:
                self._connections.append(Connection(line, self.config))

    @classmethod
    def configured(cls, file: Path | None, upload: frozenset[str] = frozenset(), *, store: bool = True) -> Databases:
        """Read the user's configuration.

        Raises
        ------
        SettingsError
            If it cannot be understood.
        """
        return cls(load_config(file), upload, store)

    def __enter__(self) -> Databases:
        return self

    def __exit__(self, *_: object) -> None:
        for connection in self._connections:
            connection.close()

    def __bool__(self) -> bool:
        return bool(self._connections)

    @property
    def uploads(self) -> bool:
        """Whether there is a server that takes what is sent."""
        return any(one.line.kind is Kind.HTTP and one.line.store for one in self._connections)

    def sources(
        self, mode: str, calibrations: Path = CALIBRATIONS, *, provisional_masks: bool = False
    ) -> list[CalibrationSource]:
        """Return the databases to ask for calibrations, in order; for the parameters see `ConnectedSource`."""
        asked = (one for one in self._connections if one.line.get)
        return [ConnectedSource(one, mode, calibrations, provisional_masks) for one in asked]

    def register(self, path: Path, caltype: str, tell: Callable[[str], None]) -> list[str]:
        """Enter a master into every database that stores.

        Parameters
        ----------
        path
            The master.
        caltype
            What it is.
        tell
            Told of every database, as the reference does.

        Returns
        -------
        list of str
            Where that failed, and why.
        """
        troubles = []
        for one in self._connections:
            if not self._stores(one.line, "calibs"):
                if one.line.kind is not Kind.HTTP or one.line.store:
                    tell(f"{one.line.shown}: NOT storing {path} as {caltype}")
                continue
            tell(f"{one.line.shown}: Storing {path} as {caltype}")
            try:
                one.get().add(path, login_name())
            except NightcrewError as error:
                troubles.append(f"{path} is not stored: {error}; add it with 'nightcrew caldb add {path}'")
        return troubles

    def record(self, path: Path, recipe: str) -> list[str]:
        """Record what a product was made of, in every database that stores; return where that failed, and why."""
        told = [one for one in self._connections if self._stores(one.line, "science")]
        if not told:
            return []
        troubles = []
        product = product_of(path, recipe)
        for one in told:
            try:
                one.get().record_product(product)
            except NightcrewError as error:
                troubles.append(f"what {path} was made of is not recorded: {error}")
        return troubles

    def _stores(self, line: DatabaseLine, what: str) -> bool:
        return self.store and line.store and (line.kind is not Kind.HTTP or what in self.upload)

    def objection(self, path: Path) -> str:
        """Return why a master that lies in `calibrations/` must not be used; empty if nobody objects.

        Only databases that are spoken to directly are asked, and one that does not answer does not object.
        """
        from nightcrew.shared.fits import md5_of

        for one in self._connections:
            if one.line.kind is Kind.HTTP or not one.line.get:
                continue
            with suppress(NightcrewError):
                state = one.get().state_of(path.name, md5_of(path))
                if state in {"vetoed", "superseded"}:
                    return f"{path.name} is {state} in {one.line.shown}"
        return ""


def product_of(path: Path, recipe: str) -> Product:
    """Return what a file says about what it was made of.

    Raises
    ------
    FrameError, ServiceError
        If it cannot be read.
    """
    from nightcrew.shared.fits import md5_of, open_frame

    frame = open_frame(path)
    inputs = tuple((row.filename, row.md5, row.added_by) for row in frame.provenance)
    return Product(path, md5_of(path), recipe, datetime.now(UTC).replace(tzinfo=None), inputs)


def _provisional(mask: Found, frame: Frame) -> Found | NotFound:
    """Return a provisional mask, if it covers what the frame shows."""
    from nightcrew.reducer.engine.local_calibrations import NO_OLDER, covers

    if covers(mask.path, frame):
        return replace(mask, relaxed=NO_OLDER)
    return NotFound(f"not {mask.path.name}: it covers another region of the detector")


def _check(line: DatabaseLine) -> None:
    """Refuse a path at which there is no database of ours, before anything runs."""
    if line.kind is Kind.LOCAL:
        from nightcrew.cli.caldb.local import read_marker

        read_marker(line.path)
