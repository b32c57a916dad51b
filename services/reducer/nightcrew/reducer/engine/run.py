"""One run of a recipe: streams, parameters, and what the engine does around every primitive."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nightcrew.reducer.engine.digests import Digests
from nightcrew.reducer.engine.naming import original_name, with_suffix
from nightcrew.reducer.engine.parameters import Parameters, make
from nightcrew.reducer.engine.reporting import Ledger, Reporter, Silent
from nightcrew.shared.errors import RecipeError
from nightcrew.shared.fits import open_frame
from nightcrew.shared.frames import Frame, HistoryRow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from nightcrew.reducer.engine.memory import Memory
    from nightcrew.reducer.engine.primitive import Primitive
    from nightcrew.reducer.engine.recipe import Mode
    from nightcrew.reducer.engine.store import Store
    from nightcrew.reducer.quality.measurements import Measurement
    from nightcrew.shared.calibrations import CalibrationSource

STREAM_WORDS = frozenset({"stream", "instream", "outstream"})
META_WORDS = frozenset({"skip_primitive", "write_outputs"})


@dataclass(frozen=True, slots=True)
class UserParameter:
    """`primitive:name=value` or `name=value` as a user typed it; `primitive` is empty in the second form."""

    primitive: str
    name: str
    value: Any


def utc_now() -> datetime:
    """Return the time of the machine's clock, UTC."""
    return datetime.now(UTC)


@dataclass(slots=True)
class Surroundings:
    """What a run gets from outside.

    Parameters
    ----------
    calibrations
        Whom to ask for darks, flats and bad-pixel masks.
    store
        Takes the products.
    memory
        Keeps the pixels within a budget.
    reporter
        Listens.
    clock
        Tells the time, UTC.
    threads
        How many threads the kernels may use; changes no result.
    digests
        Remembers the md5 of files; runs may share it.
    """

    calibrations: CalibrationSource
    store: Store
    memory: Memory
    reporter: Reporter = field(default_factory=Silent)
    clock: Callable[[], datetime] = utc_now
    threads: int = 1
    digests: Digests = field(default_factory=Digests)


@dataclass(slots=True)
class Run:
    """A recipe at work.

    Parameters
    ----------
    primitives
        All that exist, by name.
    defaults
        What the instrument sets otherwise than the primitive, by primitive and parameter.
    mode
        Processing mode.
    user
        Parameters given by the user.
    around
        What the run gets from outside.
    instrument
        Instrument of the first input.
    streams
        Named lists of frames; `main` holds the inputs, and in the end the products.
    stored, written
        Paths of stored calibrations; names of files that primitives wrote.
    to_store
        Calibrations, and their types, to be written at the end of the present step.
    measurements
        What was measured about the frames, in the order of measuring.
    """

    primitives: Mapping[str, Primitive]
    defaults: Mapping[str, Mapping[str, Any]]
    mode: Mode
    user: Sequence[UserParameter]
    around: Surroundings
    instrument: str = ""
    streams: dict[str, list[Frame]] = field(default_factory=dict)
    ledger: Ledger = field(default_factory=Ledger)
    stored: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    to_store: list[tuple[Frame, str]] = field(default_factory=list)
    measurements: list[Measurement] = field(default_factory=list)
    level: int = 0
    _working: list[list[Frame]] = field(default_factory=list)
    _auxiliary: dict[Path, Frame] = field(default_factory=dict)

    # What primitives ask for.

    def info(self, text: str) -> None:
        """Tell the user something."""
        self.around.reporter.info(text, self.level)

    def warn(self, text: str) -> None:
        """Tell the user something that becomes a caveat of the outcome."""
        if text not in self.ledger.warnings:
            self.ledger.warnings.append(text)
        self.around.reporter.warning(text, self.level)

    def now(self) -> str:
        """Return the time as headers and tables have it: UTC, ISO 8601, microseconds, no zone."""
        return self.around.clock().replace(tzinfo=None).isoformat(timespec="microseconds")

    def md5(self, path: Path) -> str:
        """Return the md5 of a file."""
        return self.around.digests.md5(path)

    def auxiliary(self, path: Path) -> Frame:
        """Return a calibration's frame, opened once in a run; callers must not change it.

        Its pixels are forgotten when the present step is done: hardly one is wanted by two.
        """
        if path not in self._auxiliary:
            self._auxiliary[path] = open_frame(path)
        return self._auxiliary[path]

    def stamp(self, frame: Frame, keyword: str, primitive: str) -> None:
        """Record in the primary header that a primitive has run."""
        now = self.now()
        frame.phu[keyword] = (now, f"UT time stamp for {primitive}")
        frame.phu["GEM-TLM"] = (now, "UT last modification with GEMINI")

    def call(self, name: str, frames: list[Frame], **given: Any) -> list[Frame]:
        """Run a primitive from within another one; what is given wins over the user's settings."""
        return self._perform(self._primitive(name), frames, self.parameters(name, given, quiet=True))

    def parameters(self, name: str, given: Mapping[str, Any], *, quiet: bool = False) -> Parameters:
        """Resolve the parameters of a primitive: default, instrument, user, recipe; the later wins (commands, 12.2)."""
        primitive = self._primitive(name)
        values: dict[str, Any] = dict(self.defaults.get(name, {}))
        fields = primitive.model.model_fields
        ordered = [u for u in self.user if not u.primitive] + [u for u in self.user if u.primitive == name]
        for setting in ordered:
            if setting.name not in fields:
                continue
            if setting.name in given and not quiet and given[setting.name] != setting.value:
                self.warn(
                    f"Parameter {name}:{setting.name}={setting.value} was set but will be ignored because the recipe "
                    f"enforces a different value (={given[setting.name]})"
                )
            values[setting.name] = setting.value
        values.update(given)
        return make(primitive.model, values, name)

    # What recipes ask for.

    def stream(self, name: str) -> list[Frame]:
        """Return the frames of a stream; one that does not exist is empty."""
        return self.streams.get(name, [])

    def step(self, name: str, given: Mapping[str, Any]) -> None:
        """Run a primitive on a stream, as a recipe asks for it."""
        primitive = self._primitive(name)
        arguments = {key: value for key, value in given.items() if key not in STREAM_WORDS}
        stream = given.get("stream", "main")
        source, target = given.get("instream", stream), given.get("outstream", stream)
        parameters = self.parameters(name, arguments)
        frames = list(self.stream(source))
        if source != target:
            frames = [frame.copy() for frame in frames]
        if self._meta(name, "skip_primitive"):
            self.info(f"{name} is skipped as requested")
        else:
            start = self.now()
            frames = self._perform(primitive, frames, parameters)
            row = HistoryRow(name, _arguments(parameters), start, self.now())
            for frame in frames:
                frame.history.append(row)
        self.streams[target] = frames
        self._store()
        for auxiliary in self._auxiliary.values():
            for plane in auxiliary.planes:
                plane.release()
        if self._meta(name, "write_outputs"):
            for frame in frames:
                self.around.store.write(frame)
        self.settle()

    def settle(self) -> None:
        """Keep the pixels within the budget; frames in use now are touched last."""
        alive = {id(f): f for frames in (*self.streams.values(), *self._working) for f in frames}
        self.around.memory.settle(alive.values())

    @contextmanager
    def holding(self, frames: list[Frame]) -> Iterator[None]:
        """Let the budget see frames that are in no stream; the list may change meanwhile."""
        self._working.append(frames)
        try:
            yield
        finally:
            self._working.pop()

    # The engine's own.

    def _store(self) -> None:
        """Write the calibrations that a primitive declared finished, their last line of history included."""
        for frame, caltype in self.to_store:
            path = self.around.store.store(frame, caltype)
            self.stored.append(str(path))
            self.info(f"Processed Filename: {path}")
        self.to_store.clear()

    def _primitive(self, name: str) -> Primitive:
        if name not in self.primitives:
            raise RecipeError(f"no primitive named {name}; 'nightcrew showrecipes FILE' lists what a recipe calls")
        return self.primitives[name]

    def _meta(self, primitive: str, word: str) -> bool:
        values = [u.value for u in self.user if u.primitive == primitive and u.name == word]
        return bool(values) and str(values[-1]) == "True"

    def _perform(self, primitive: Primitive, frames: list[Frame], parameters: Parameters) -> list[Frame]:
        reporter = self.around.reporter
        reporter.enter(primitive.name, self.level, len(frames))
        began = time.process_time()
        self.level += 1
        self._working.append(frames)
        try:
            ready, passed = self._split(primitive, frames)
            done = (
                self._map(primitive, ready, parameters) if primitive.each else self._apply(primitive, ready, parameters)
            )
        finally:
            self._working.pop()
            self.level -= 1
        seconds = time.process_time() - began
        self.ledger.charge(primitive.name, seconds)
        reporter.leave(primitive.name, self.level, seconds)
        if not passed:
            return done
        results = iter(done)
        return [frame if id(frame) in passed else next(results) for frame in frames]

    def _split(self, primitive: Primitive, frames: list[Frame]) -> tuple[list[Frame], set[int]]:
        """Separate the frames that a primitive must not treat twice."""
        if not (primitive.stamp and primitive.once):
            return frames, set()
        passed = {id(frame) for frame in frames if primitive.stamp in frame.phu}
        for frame in frames:
            if id(frame) in passed:
                self.warn(
                    f"No changes will be made to {frame.filename}, "
                    f"since it has already been processed by {primitive.name}"
                )
        return [frame for frame in frames if id(frame) not in passed], passed

    def _map(self, primitive: Primitive, frames: list[Frame], parameters: Parameters) -> list[Frame]:
        done = []
        for number, frame in enumerate(frames, 1):
            result = primitive.function(frame, parameters, self)
            self._finish(primitive, result, parameters)
            done.append(result)
            self.settle()
            self.around.reporter.advance(primitive.name, self.level, number, len(frames))
        return done

    def _apply(self, primitive: Primitive, frames: list[Frame], parameters: Parameters) -> list[Frame]:
        results: list[Frame] = primitive.function(frames, parameters, self)
        if primitive.stamp:
            for frame in results:
                self._finish(primitive, frame, parameters)
        return results

    def _finish(self, primitive: Primitive, frame: Frame, parameters: Parameters) -> None:
        if primitive.stamp:
            self.stamp(frame, primitive.stamp, primitive.name)
        self.rename(frame, getattr(parameters, "suffix", None))

    def rename(self, frame: Frame, suffix: str | None) -> None:
        """Give a frame the name that its last primitive stands for."""
        frame.filename = with_suffix(frame.filename, original_name(frame), suffix)


@dataclass(frozen=True, slots=True)
class Running:
    """A pipeline that runs: primitives as methods."""

    run: Run

    def __getattr__(self, primitive: str) -> Callable[..., None]:
        """Return a function that runs the primitive of that name."""
        return lambda **given: self.run.step(primitive, given)

    def stream(self, name: str) -> list[Frame]:
        """Return the frames of a stream."""
        return self.run.stream(name)


def _arguments(parameters: Parameters) -> str:
    """Return the resolved parameters as HISTORY has them: JSON, without `debug_...`, files by their names."""
    values = {
        name: _placeless(getattr(parameters, name))
        for name in type(parameters).model_fields
        if not name.startswith("debug_")
    }
    return json.dumps(values, default=_printable)


def _placeless(value: object) -> object:
    """Return the name of a file instead of its path: a product is the same wherever its inputs lie."""
    if isinstance(value, str) and "/" in value and Path(value).is_file():
        return Path(value).name
    return value


def _printable(value: object) -> str:
    if isinstance(value, Frame):
        return value.filename
    return value.name if isinstance(value, Path) else "<not serializable>"


def user_parameters(texts: Iterable[str | tuple[str, Any]]) -> list[UserParameter]:
    """Read `primitive:name=value` and `name=value`; pairs `(name, value)` are taken as they are.

    Raises
    ------
    RecipeError
        If there is no `=`.
    """
    parsed = []
    for item in texts:
        key, value = item if isinstance(item, tuple) else _pair(item)
        primitive, colon, name = key.strip().rpartition(":")
        parsed.append(UserParameter(primitive if colon else "", name, value))
    return parsed


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise RecipeError(f"'{text}': expecting parameter=value or primitive:parameter=value after -p")
    value = value.strip()
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        value = value[1:-1]
    return key, value
