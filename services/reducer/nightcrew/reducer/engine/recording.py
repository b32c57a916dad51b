"""Writes into every product what was asked for and which files were used, so that it can be made again."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nightcrew.reducer
from nightcrew.reducer.growing.ledger import GROWTH, shown_files
from nightcrew.reducer.primitives.prepare import software_version
from nightcrew.reducer.products.request_record import Calibration, Named, RequestRecord, Setting
from nightcrew.shared.calibrations import Found
from nightcrew.shared.frames import Frame

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nightcrew.reducer.engine.recipe import Recipe
    from nightcrew.reducer.engine.reduction import Request
    from nightcrew.reducer.engine.run import Surroundings, UserParameter
    from nightcrew.reducer.engine.store import Store
    from nightcrew.shared.calibrations import Answer, CalibrationSource

OUR_OWN = Path(nightcrew.reducer.__file__).resolve().parent
PACKAGES = ("numpy", "numba", "scipy", "sep", "astropy")
"""Packages whose version may change a number."""


@dataclass(slots=True)
class Recorder:
    """Listens to a run, and labels what it writes.

    Parameters
    ----------
    recipe
        What runs.
    request
        What the user asks for.
    inputs
        The files that could be opened, in order.
    md5
        Tells the md5 of a file, which is asked for before the file is used.
    ordered
        Whether the order of the inputs after the first may matter, and is kept.
    """

    recipe: Recipe
    request: Request
    inputs: Sequence[Path]
    md5: Callable[[Path], str]
    ordered: bool = True
    _inputs: tuple[Named, ...] = ()
    _settings: tuple[Setting, ...] = ()
    _used: dict[str, dict[str, Named | None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        files = [self._named(path) for path in self.inputs]
        self._inputs = tuple(files if self.ordered else [*files[:1], *sorted(files[1:])])
        self._settings = tuple(self._setting(parameter) for parameter in self.request.user)

    def around(self, around: Surroundings) -> Surroundings:
        """Return surroundings in which calibrations and products pass this recorder."""
        return replace(around, calibrations=_Watched(around.calibrations, self), store=_Labelling(around.store, self))

    def note(self, frame: Frame, caltype: str, answer: Answer) -> None:
        """Take down which calibration a frame got."""
        file = self._named(answer.path) if isinstance(answer, Found) else None
        self._used.setdefault(caltype, {})[frame.filename] = file

    def record(self) -> RequestRecord:
        """Return what is known by now."""
        return RequestRecord(
            recipe=self.recipe.name,
            recipe_file=self._recipe_file(),
            mode=self.request.mode,
            profile=self.request.profile,
            suffix=self.request.suffix,
            inputs=self._inputs,
            calibrations=tuple(self._calibrations()),
            settings=self._settings,
            software=software(),
        )

    def _recipe_file(self) -> Named | None:
        """Return the file of a user's recipe."""
        source = getattr(getattr(self.recipe.function, "__code__", None), "co_filename", "")
        path = Path(source)
        if OUR_OWN in path.resolve().parents:
            return None
        return self._named(path) if path.is_file() else Named(source or "unknown", "")

    def _calibrations(self) -> list[Calibration]:
        found = []
        for caltype, answers in sorted(self._used.items()):
            if len(set(answers.values())) == 1:
                file = next(iter(answers.values()))
                found += [Calibration(caltype, file)] if file is not None else []
            else:
                found += [Calibration(caltype, file, name) for name, file in answers.items() if file]
        return found

    def _setting(self, given: UserParameter) -> Setting:
        name = f"{given.primitive}:{given.name}" if given.primitive else given.name
        path = Path(given.value) if isinstance(given.value, str | Path) and str(given.value) else None
        if path is not None and path.is_file():
            return Setting(name, path.name, self.md5(path))
        return Setting(name, as_text(given.value))

    def _named(self, path: Path) -> Named:
        return Named(path.name, self.md5(path))


def as_text(value: Any) -> str:
    """Return a parameter's value as a user would type it; a frame in memory by its name in brackets."""
    if isinstance(value, list | tuple):
        return ",".join(map(as_text, value))
    return f"<{value.filename}>" if isinstance(value, Frame) else str(value)


@cache
def software() -> tuple[tuple[str, str], ...]:
    """Return the versions of what the numbers come from."""
    return (("nightcrew", software_version()), *((name, version(name)) for name in PACKAGES))


@dataclass(frozen=True, slots=True)
class _Watched:
    """A source of calibrations whose answers are taken down."""

    source: CalibrationSource
    recorder: Recorder

    def find(self, frame: Frame, caltype: str) -> Answer:
        answer = self.source.find(frame, caltype)
        self.recorder.note(frame, caltype, answer)
        return answer


@dataclass(frozen=True, slots=True)
class _Labelling:
    """A store whose files bear the record."""

    inner: Store
    recorder: Recorder

    @property
    def root(self) -> Path:
        return self.inner.root

    def write(self, frame: Frame) -> Path:
        record = self.recorder.record()
        if GROWTH in frame.tables:
            record = replace(record, inputs=tuple(Named(*file) for file in shown_files(frame.tables[GROWTH])))
        record.write(frame)
        return self.inner.write(frame)

    def store(self, frame: Frame, caltype: str) -> Path:
        self.recorder.record().write(frame)
        return self.inner.store(frame, caltype)
