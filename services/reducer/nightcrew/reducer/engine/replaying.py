"""From the record that a product carries back to a request that makes it again."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

from nightcrew.reducer.engine.recipe import Mode, Profile
from nightcrew.reducer.engine.reduction import Request
from nightcrew.reducer.engine.run import user_parameters
from nightcrew.reducer.products.request_record import Named
from nightcrew.shared.calibrations import Found, NotFound
from nightcrew.shared.errors import FrameError, RecipeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from nightcrew.reducer.products.request_record import Calibration, RequestRecord, Setting
    from nightcrew.shared.calibrations import Answer
    from nightcrew.shared.frames import Frame


@dataclass(slots=True)
class Library:
    """Finds files by name and content.

    Parameters
    ----------
    trees
        Directories to look in and below; the first that has a file gives it.
    beside
        Directory to look in too, and below its `calibrations/`.
    md5
        Tells the md5 of a file.
    """

    trees: tuple[Path, ...]
    beside: Path
    md5: Callable[[Path], str]
    _by_name: dict[str, list[Path]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for path in self._paths():
            if path.is_file():
                self._by_name.setdefault(path.name, []).append(path)

    def _paths(self) -> Iterator[Path]:
        for tree in self.trees:
            yield from sorted(tree.rglob("*"))
        yield from sorted(self.beside.iterdir())
        yield from sorted((self.beside / "calibrations").rglob("*"))

    def find(self, file: Named) -> Path | str:
        """Return the file, or in words why there is none."""
        candidates = self._by_name.get(file.name, [])
        for path in candidates:
            if self.md5(path) == file.md5:
                return path
        if candidates:
            return f"{candidates[0]}: not the file of that name that was used, whose MD5 is {file.md5}"
        return f"{file.name}: not found"

    def find_all(self, files: Iterable[Named]) -> dict[Named, Path]:
        """Return the files.

        Raises
        ------
        FrameError
            If some are missing: all of them are named.
        """
        found = {file: self.find(file) for file in files}
        missing = [answer for answer in found.values() if isinstance(answer, str)]
        if missing:
            looked = ", ".join(map(str, (*self.trees, self.beside)))
            raise FrameError(f"{'; '.join(missing)} (looked in {looked}); name their directory with --raw")
        return {file: Path(answer) for file, answer in found.items()}


@dataclass(frozen=True, slots=True)
class Recorded:
    """Gives every frame the calibrations that it had."""

    used: tuple[Calibration, ...]
    files: dict[Named, Path]

    def find(self, frame: Frame, caltype: str) -> Answer:
        """Return the calibration that the frame had; none if it had none."""
        for used in self.used:
            if used.caltype == caltype and used.frame in {"", frame.filename}:
                return Found(self.files[used.file], "the record of the product", "used before")
        return NotFound(f"the product was made without a {caltype} for {frame.filename}")


@dataclass(frozen=True, slots=True)
class Replay:
    """A request that makes a product again, and the calibrations for it."""

    request: Request
    calibrations: Recorded


def replay(record: RequestRecord, library: Library, recipe: str | None = None) -> Replay:
    """Find the files of a record and return the request.

    Parameters
    ----------
    record
        Of the product.
    library
        Where the files lie.
    recipe
        What to run in place of the recorded recipe, as after `-r`: for recipes that were functions in memory.

    Raises
    ------
    FrameError
        If files are missing or are others than they were.
    RecipeError
        If the recipe, or a frame given as a parameter, was never in a file; or the record was tampered with.
    """
    if record.mode not in get_args(Mode) or record.profile not in get_args(Profile):
        raise RecipeError(f"recorded mode '{record.mode}' or profile '{record.profile}' is not known")
    wanted = [*record.inputs, *(used.file for used in record.calibrations)]
    wanted += [_file_of(setting) for setting in record.settings if setting.md5]
    if recipe is None and record.recipe_file is not None:
        if not record.recipe_file.md5:
            raise RecipeError(
                f"the recipe {record.recipe} was a function in memory; name a file that has it with --recipe FILE.NAME"
            )
        wanted.append(record.recipe_file)
    files = library.find_all(dict.fromkeys(wanted))
    if recipe is None:
        recipe = record.recipe
        if record.recipe_file is not None:
            source = files[record.recipe_file]
            recipe = f"{source.with_suffix('')}.{record.recipe}"
    request = Request(
        files=tuple(files[file] for file in record.inputs),
        recipe=recipe,
        user=tuple(user_parameters(_given(setting, files) for setting in record.settings)),
        mode=cast("Mode", record.mode),
        suffix=record.suffix,
        profile=cast("Profile", record.profile),
    )
    return Replay(request, Recorded(record.calibrations, files))


def _file_of(setting: Setting) -> Named:
    return Named(setting.value, setting.md5)


def _given(setting: Setting, files: dict[Named, Path]) -> tuple[str, str]:
    if setting.md5:
        return setting.name, str(files[_file_of(setting)])
    if setting.value.startswith("<") and setting.value.endswith(">"):
        raise RecipeError(f"{setting.name} was the frame {setting.value[1:-1]} in memory, which no file keeps")
    return setting.name, setting.value
