"""Writes into every product what was asked for and which files were used, so that it can be made again."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nightcrew.reducer
from nightcrew.reducer.products.request_record import Calibration, Named, RequestRecord, Setting
from nightcrew.reducer.software import software_version
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
PACKAGES = ("numpy", "numba", "sep", "scipy", "astropy")
"""Whose version may change a number, if they have been used."""


@dataclass(slots=True)
class Recorder:
    """Listens to a run, and labels what it writes.

    Parameters
    ----------
    request
        What the user asks for.
    recipe
        What runs.
    inputs
        The files that could be opened, in order.
    md5
        Tells the md5 of a file.
    """

    request: Request
    recipe: Recipe
    inputs: Sequence[Path]
    md5: Callable[[Path], str]
    _used: dict[str, dict[str, Path | None]] = field(default_factory=dict)

    def around(self, around: Surroundings) -> Surroundings:
        """Return surroundings in which calibrations and products pass this recorder."""
        return replace(
            around, calibrations=_Watched(around.calibrations, self), store=_Labelling(around.store, self)
        )

    def note(self, frame: Frame, caltype: str, answer: Answer) -> None:
        """Take down which calibration a frame got."""
        path = answer.path if isinstance(answer, Found) else None
        self._used.setdefault(caltype, {})[frame.filename] = path

    def record(self) -> RequestRecord:
        """Return what is known by now."""
        return RequestRecord(
            recipe=self.recipe.name,
            recipe_file=self._recipe_file(),
            mode=self.request.mode,
            profile=self.request.profile,
            suffix=self.request.suffix,
            inputs=tuple(self._named(path) for path in self.inputs),
            calibrations=tuple(self._calibrations()),
            settings=tuple(self._setting(parameter) for parameter in self.request.user),
            software=(("nightcrew", software_version()), *_versions()),
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
                path = next(iter(answers.values()))
                found += [Calibration(caltype, self._named(path))] if path is not None else []
            else:
                found += [Calibration(caltype, self._named(path), name) for name, path in answers.items() if path]
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


def _versions() -> list[tuple[str, str]]:
    loaded = [(name, sys.modules.get(name)) for name in PACKAGES]
    return [(name, str(module.__version__)) for name, module in loaded if hasattr(module, "__version__")]


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

    def write(self, frame: Frame) -> Path:
        self.recorder.record().write(frame)
        return self.inner.write(frame)

    def store(self, frame: Frame, caltype: str) -> Path:
        self.recorder.record().write(frame)
        return self.inner.store(frame, caltype)
