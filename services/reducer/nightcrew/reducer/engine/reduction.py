"""A reduction from a request to an outcome."""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from nightcrew.reducer.defaults import defaults_for
from nightcrew.reducer.engine.describing import describe_frame
from nightcrew.reducer.engine.naming import stem
from nightcrew.reducer.engine.parameters import make
from nightcrew.reducer.engine.recipe import DEFAULT, MODES, Mode, Pipeline, Profile, Recipe, calls_of, choose, matching
from nightcrew.reducer.engine.recording import Recorder
from nightcrew.reducer.engine.reporting import Ledger
from nightcrew.reducer.engine.run import META_WORDS, STREAM_WORDS, Run, Running, Surroundings, UserParameter
from nightcrew.reducer.engine.store import Sparing
from nightcrew.reducer.engine.suggestions import unknown_parameter, unknown_primitive
from nightcrew.reducer.engine.user_recipes import load_recipe
from nightcrew.reducer.primitives import PRIMITIVES
from nightcrew.reducer.recipes import RECIPES
from nightcrew.shared.errors import (
    CalibrationError,
    FrameError,
    NightcrewError,
    RecipeError,
    ServiceError,
    UnknownParameter,
    UnknownRecipe,
)
from nightcrew.shared.fits import open_frame
from nightcrew.shared.outcomes import Outcome, Status

if TYPE_CHECKING:
    from pathlib import Path

    from nightcrew.reducer.quality.measurements import Measurement
    from nightcrew.shared.frames import Frame

RecipeFunction: TypeAlias = Callable[[Pipeline], None]


@dataclass(frozen=True, slots=True)
class Request:
    """What a user asks for.

    Parameters
    ----------
    files
        Inputs in order; the first decides instrument, recipe and defaults.
    recipe
        Name of a recipe or of a primitive, `[path/]module.function` or `[path/]file.py` of a user's own, a function,
        or None for the default recipe.
    user
        Parameters, as typed.
    mode
        Processing mode: sq, ql or qa.
    suffix
        Ending that final products get instead of their own.
    profile
        `standard` for the reference's numbers, `best` for what a user would rather have.
    """

    files: tuple[Path, ...]
    recipe: str | Recipe | RecipeFunction | None = None
    user: tuple[UserParameter, ...] = ()
    mode: Mode = "sq"
    suffix: str | None = None
    profile: Profile = "standard"


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request whose files, recipe and parameters have been checked.

    Parameters
    ----------
    frames
        The inputs, headers read.
    missing
        Files that cannot be read, and why.
    tags
        Tags of the first input.
    instrument
        Its instrument.
    recipe
        What will run.
    calls
        The primitives that the recipe calls, with the arguments it fixes.
    """

    frames: list[Frame]
    missing: list[tuple[str, str]]
    tags: frozenset[str]
    instrument: str
    recipe: Recipe
    calls: list[tuple[str, dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a request.

    Parameters
    ----------
    outcome
        How it ended, and the final products.
    recipe
        Name of the recipe that ran, empty if none did.
    stored
        Paths of the calibrations that were stored.
    ledger
        CPU seconds by primitive, and all warnings.
    trace
        Where in our code a defect showed, for the log.
    measurements
        What was measured about the frames: image quality, background, cloud cover.
    """

    outcome: Outcome
    recipe: str = ""
    stored: tuple[str, ...] = ()
    ledger: Ledger = field(default_factory=Ledger)
    trace: str = ""
    measurements: tuple[Measurement, ...] = ()


def open_inputs(files: tuple[Path, ...]) -> tuple[list[Frame], list[tuple[str, str]]]:
    """Read the headers of the files; those that cannot be read are listed with the reason."""
    frames, missing = [], []
    for path in files:
        try:
            frames.append(open_frame(path))
        except (FrameError, ServiceError) as error:
            missing.append((str(path), str(error)))
    return frames, missing


def find_recipe(request: Request, tags: frozenset[str], instrument: str) -> Recipe:
    """Return what to run for the request.

    Raises
    ------
    RecipeError
        If neither a recipe nor a primitive has the name asked for, or a user's file has no such recipe.
    """
    if isinstance(request.recipe, Recipe):
        return request.recipe
    if callable(request.recipe):
        name = getattr(request.recipe, "__name__", "recipe")
        return Recipe(name, request.recipe, frozenset(), frozenset(MODES))
    name = request.recipe or DEFAULT
    found = load_recipe(name) or choose(RECIPES, tags, request.mode, name, request.profile)
    if found is not None:
        return found
    if name in PRIMITIVES:
        return Recipe(name, lambda p: getattr(p, name)(), frozenset(), frozenset(MODES))
    if name == DEFAULT:
        raise UnknownRecipe(f"{instrument or 'these'} recipes do not define a '{request.mode}' recipe for these data")
    known = ", ".join(r.name for r in matching(RECIPES, tags, request.mode, request.profile)) or "none"
    others = sorted({"/".join(sorted(r.tags)) for r in RECIPES if r.name == name})
    hint = f"; {name} is for {' and '.join(others)} data: the first file decides" if others else ""
    raise UnknownRecipe(f"no recipe or primitive named {name}; recipes for these data: {known}{hint}")


def check_parameters(
    user: tuple[UserParameter, ...], recipe: Recipe, tags: frozenset[str], profile: Profile = "standard"
) -> None:
    """Refuse names that do not exist and values that are not valid, before anything runs.

    Raises
    ------
    RecipeError
        Naming the parameter, and what may have been meant.
    """
    all_names = {name for primitive in PRIMITIVES.values() for name in primitive.model.model_fields}
    for setting in user:
        if setting.primitive and setting.primitive not in PRIMITIVES:
            raise UnknownParameter(unknown_primitive(setting.primitive, PRIMITIVES))
        if setting.name in META_WORDS and setting.primitive:
            continue
        known = PRIMITIVES[setting.primitive].model.model_fields if setting.primitive else all_names
        if setting.name not in known or setting.name in STREAM_WORDS:
            raise UnknownParameter(unknown_parameter(setting.name, known))
    called = {name for name, _ in calls_of(recipe)}
    defaults = defaults_for(tags, profile)
    for name, primitive in PRIMITIVES.items():
        given = {
            u.name: u.value
            for u in user
            if (u.primitive == name or (not u.primitive and name in called)) and u.name in primitive.model.model_fields
        }
        if given:
            make(primitive.model, {**defaults.get(name, {}), **given}, name)


def prepare_run(request: Request) -> Prepared:
    """Open the files, choose the recipe and check every parameter.

    Raises
    ------
    FrameError
        If no file can be read.
    RecipeError
        If recipe or parameters are not valid.
    """
    if not request.files:
        raise RecipeError("no input files given; name FITS files or an @list")
    frames, missing = open_inputs(request.files)
    if not frames:
        raise FrameError(f"no input can be read: {missing[0][1]}")
    about = describe_frame(frames[0])
    recipe = find_recipe(request, about.tags, about.instrument)
    check_parameters(request.user, recipe, about.tags, request.profile)
    return Prepared(frames, missing, about.tags, about.instrument, recipe, calls_of(recipe))


def reduce(request: Request, around: Surroundings, prepared: Prepared | None = None) -> Result:
    """Carry out a request, checked already or not; what goes wrong becomes the outcome."""
    run: Run | None = None
    name = ""
    try:
        prepared = prepared or prepare_run(request)
        name = prepared.recipe.name
        inputs = [frame.path for frame in prepared.frames if frame.path is not None]
        around = replace(around, store=Sparing(around.store, frozenset(path.resolve() for path in inputs)))
        if around.threads > 1:
            around.digests.ahead(inputs, around.threads)
        recorder = Recorder(
            prepared.recipe, request, inputs, around.digests.md5, ordered=prepared.recipe not in RECIPES
        )
        run = Run(
            PRIMITIVES,
            defaults_for(prepared.tags, request.profile),
            request.mode,
            request.user,
            recorder.around(around),
            instrument=prepared.instrument,
        )
        for path, reason in prepared.missing:
            run.warn(f"left out: {reason}" if path in reason else f"{path}: left out, {reason}")
        for file, times in Counter(path.resolve() for path in inputs).items():
            if times > 1:
                run.warn(f"{file.name}: given {times} times, and counts as so many frames; name it once")
        run.streams["main"] = prepared.frames
        opened = [(frame.filename, frame) for frame in prepared.frames]
        prepared.recipe.function(Running(run))
        products = _write_products(run, opened, request.suffix)
        outcome = _outcome(products, run)
        trace = ""
    except NightcrewError as error:
        outcome, trace = Outcome(_status(error), str(error), code=error.code), ""
    except MemoryError:
        outcome, trace = Outcome(Status.RESOURCE, "out of memory; lower --memory or give the process more"), ""
    except OSError as error:
        reason = f"{error.filename or 'disk'}: {error.strerror or error}; free the disk or check permissions"
        outcome, trace = Outcome(Status.RETRYABLE, reason, code=ServiceError.code), traceback.format_exc()
    except Exception as error:  # noqa: BLE001  (the border: a defect becomes an outcome, its trace goes to the log)
        outcome = Outcome(Status.FAILED, f"defect in nightcrew: {type(error).__name__}: {error}; please report the log")
        trace = traceback.format_exc()
    if run is None:
        return Result(outcome, name, trace=trace)
    return Result(outcome, name, tuple(run.stored), run.ledger, trace, tuple(run.measurements))


def _status(error: NightcrewError) -> Status:
    if error.retryable:
        return Status.RETRYABLE
    return Status.UNPROCESSABLE if isinstance(error, FrameError | CalibrationError | RecipeError) else Status.FAILED


def _outcome(products: tuple[str, ...], run: Run) -> Outcome:
    """Tell how a recipe ended: one that changes no frame, as checkWCS, need not leave a product."""
    caveats = tuple(run.ledger.warnings)
    if products or run.stream("main"):
        return Outcome(Status.SUCCEEDED, products=products, caveats=caveats)
    reason = caveats[-1] if caveats else "the recipe left no product; see the log"
    return Outcome(Status.UNPROCESSABLE, reason, caveats=caveats)


def _write_products(run: Run, opened: list[tuple[str, Frame]], suffix: str | None) -> tuple[str, ...]:
    """Write what the recipe left in the main stream under another name than it was opened with."""
    products = list(run.written)
    opened_as = {name for name, _ in opened}
    for frame in run.stream("main"):
        if suffix is not None:
            frame.filename = f"{stem(frame.filename).partition('_')[0]}{suffix}.fits"
        if (frame.filename not in opened_as or suffix is not None) and frame.filename not in products:
            run.around.store.write(frame)
            products.append(frame.filename)
        elif frame.filename not in products and all(frame is not one for _, one in opened):
            run.warn(f"{frame.filename}: not written, an input has the same name; give another with --suffix")
    return tuple(products)


class Call(NamedTuple):
    """A primitive, and the parameters that it would run with."""

    primitive: str
    parameters: dict[str, Any]


def describe_calls(prepared: Prepared, request: Request, around: Surroundings) -> list[Call]:
    """Return the primitives that a request would run, in order, and the parameters of each."""
    run = Run(
        PRIMITIVES,
        defaults_for(prepared.tags, request.profile),
        request.mode,
        request.user,
        around,
        instrument=prepared.instrument,
    )
    return [
        Call(name, run.parameters(name, {k: v for k, v in given.items() if k not in STREAM_WORDS}).model_dump())
        for name, given in prepared.calls
    ]
