"""`recipe_system.reduction.coreReduce.Reduce`: a reduction as an object (commands, 15.1)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nightcrew.compat.errors import NoInputFiles, RecipeNotFound, as_dragons, as_exception
from nightcrew.compat.reduce_utils import normalize_ucals
from nightcrew.shared.errors import NightcrewError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from nightcrew.cli.log import RunLog
    from nightcrew.cli.reducing import Job
    from nightcrew.reducer.engine.reduction import Prepared

__all__ = ["Reduce", "reduce_data"]

DEFAULT = "_default"
DRPKG = "geminidr"


class Reduce:
    """A reduction: set its attributes, call `runr`, read the names of the products.

    Attributes
    ----------
    files
        Paths of the inputs; the first decides which recipe runs.
    recipename
        Recipe, primitive, `[path/]module.function` of your own, or a function; `recipe_name` means the same.
    uparms
        Parameters: `{"addDQ:user_bpm": path}` or a list of such pairs.
    ucals
        Calibrations by type: `{"processed_dark": path}`.
    mode
        `sq`, `qa` or `ql`.
    suffix
        Ending of the final products' names.
    upload
        Any of `metrics`, `calibs`, `science`: a list, or text with commas.
    drpkg
        Only `geminidr`, which means nightcrew's own recipes.
    config_file
        A dragonsrc instead of the usual one.
    output_filenames
        After `runr`: names of the products, in the working directory.
    processed_filenames
        After `runr`: names of calibrations as stored, and of final images.
    recipe_used
        After `runr`: name of the recipe that ran.
    """

    __slots__ = (
        "_output_filenames",
        "_processed_filenames",
        "_recipe_used",
        "config_file",
        "drpkg",
        "files",
        "mode",
        "recipename",
        "suffix",
        "ucals",
        "uparms",
        "upload",
    )

    def __init__(self) -> None:
        self.files: list[str] | str = []
        self.recipename: str | Callable[[Any], None] = DEFAULT
        self.uparms: Mapping[str, Any] | list[tuple[str, Any]] = {}
        self.ucals: Mapping[str, str | Path] = {}
        self.mode = "sq"
        self.suffix: str | None = None
        self.upload: Sequence[str] | str | None = None
        self.drpkg = DRPKG
        self.config_file: str | Path | None = None
        self._output_filenames: list[str] | None = None
        self._processed_filenames: list[str] | None = None
        self._recipe_used: str | None = None

    @property
    def recipe_name(self) -> str | Callable[[Any], None]:
        """The same as `recipename`: tutorials write both."""
        return self.recipename

    @recipe_name.setter
    def recipe_name(self, name: str | Callable[[Any], None]) -> None:
        self.recipename = name

    @property
    def output_filenames(self) -> list[str] | None:
        """Names of the products, in the working directory."""
        return self._output_filenames

    @property
    def processed_filenames(self) -> list[str] | None:
        """Names of calibrations as stored (`calibrations/processed_dark/...`), and of final images."""
        return self._processed_filenames

    @property
    def recipe_used(self) -> str | None:
        """Name of the recipe that ran."""
        return self._recipe_used

    def runr(self) -> None:
        """Reduce, in the working directory.

        Raises
        ------
        NoInputFiles
            If there are no files, or none of them can be read; an `OSError` too.
        UnrecognizedParameterException, FieldValidationError
            If a parameter does not exist, or cannot have that value; nothing has run then.
        RecipeNotFound
            If there is no such recipe, primitive or mode.
        ValueError, TypeError
            If a calibration of the user's is of no known type, or not of the type that he says.
        CalibrationNotFoundError
            If a calibration that the recipe needs is not to be had; a `RuntimeError` too.
        ReductionFailed
            If the reduction ends otherwise than well; a `RuntimeError` too.
        """
        from nightcrew.cli.reducing import announce, conclude
        from nightcrew.shared.fits import Scratch

        job, here, log = self._job(), Path(), _run_log()
        prepared = _prepared(job)
        announce(job, prepared, log)
        with job.databases, Scratch(here) as scratch:
            result = job.run(here, scratch, log, prepared)
        conclude(result, log)
        self._recipe_used = result.recipe
        if not result.outcome.ok:
            raise as_exception(result.outcome)
        self._output_filenames = list(result.outcome.products)
        masters = {Path(path).name for path in result.stored}
        images = [name for name in result.outcome.products if name not in masters]
        self._processed_filenames = [*result.stored, *images]

    def _job(self) -> Job:
        from nightcrew.cli.caldb.reductions import Databases
        from nightcrew.cli.reducing import Job
        from nightcrew.cli.resources import memory_budget, thread_count
        from nightcrew.reducer.engine.recipe import MODES
        from nightcrew.reducer.engine.reduction import Request
        from nightcrew.reducer.engine.run import user_parameters
        from nightcrew.reducer.engine.tuning import tune

        files = [self.files] if isinstance(self.files, str | Path) else list(self.files)
        if not files:
            raise NoInputFiles("NO INPUT FILE(s) specified; put paths into .files")
        if self.drpkg != DRPKG:
            raise ValueError(f"drpkg={self.drpkg!r}: other packages of recipes are not supported; leave it out")
        if self.mode not in MODES:
            raise RecipeNotFound(f"mode '{self.mode}' is not known; use one of {', '.join(MODES)}")
        tune()
        parameters = self.uparms.items() if isinstance(self.uparms, Mapping) else self.uparms
        request = Request(
            tuple(map(Path, files)),
            None if self.recipename == DEFAULT else self.recipename,
            tuple(user_parameters(parameters)),
            self.mode,
            self.suffix,
        )
        file = Path(self.config_file) if self.config_file is not None else None
        databases = Databases.configured(file, frozenset(_words(self.upload)))
        return Job(request, normalize_ucals(self.ucals), 0, memory_budget(None), thread_count(None), databases)


def _prepared(job: Job) -> Prepared:
    from nightcrew.reducer.engine.reduction import prepare_run
    from nightcrew.shared.errors import FrameError

    try:
        return prepare_run(job.request)
    except FrameError as error:
        raise NoInputFiles(f"No valid files passed: {error}") from error
    except NightcrewError as error:
        raise as_dragons(error) from error


def _run_log() -> RunLog:
    """Return what tells the handlers of the root logger; without any, the screen."""
    from nightcrew.cli.log import LOGGER, Level, LogMode, RunLog, screen_handler

    logger = logging.Logger(LOGGER, Level.DEBUG)
    root = logging.getLogger()
    logger.parent = root
    screen = None if root.handlers else screen_handler(LogMode.STANDARD)
    if screen is not None:
        logger.addHandler(screen)
    return RunLog(logger)


def _words(upload: Sequence[str] | str | None) -> tuple[str, ...]:
    texts = upload.split(",") if isinstance(upload, str) else upload or ()
    return tuple(word.strip().lower() for text in texts for word in text.split(",") if word.strip())


def reduce_data(
    files: Sequence[str] | str,
    mode: str = "sq",
    drpkg: str = DRPKG,
    recipename: str | Callable[[Any], None] | None = None,
    uparms: Mapping[str, Any] | Iterable[tuple[str, Any]] | None = None,
    ucals: Mapping[str, str | Path] | None = None,
    upload: Sequence[str] | str | None = None,
    config_file: str | Path | None = None,
    suffix: str | None = None,
    logmode: str | None = None,
) -> dict[str, Any]:
    """Reduce files in one call.

    Returns
    -------
    dict
        `_output_filenames`, `processed_filenames` and `recipename`, as after `Reduce.runr`.
    """
    from nightcrew.compat.logutils import config

    if logmode is not None:
        config(mode=logmode)
    run = Reduce()
    run.files = files if isinstance(files, str) else list(files)
    run.mode, run.drpkg, run.suffix = mode, drpkg, suffix
    run.recipename = recipename or DEFAULT
    run.uparms = dict(uparms or {})
    run.ucals = ucals or {}
    run.upload, run.config_file = upload, config_file
    run.runr()
    return {
        "_output_filenames": run.output_filenames,
        "processed_filenames": run.processed_filenames,
        "recipename": run.recipe_used,
    }
