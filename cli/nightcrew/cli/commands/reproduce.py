"""`nightcrew reproduce`: make a product again from what it says of itself, and compare."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nightcrew.cli.errors import ExitCode, UsageProblem, complain, warn
from nightcrew.cli.inputs import checked_directory
from nightcrew.cli.options import Debug, Json, Memory, Threads  # noqa: TC001  (Typer reads the annotations)
from nightcrew.cli.resources import memory_budget, thread_count

if TYPE_CHECKING:
    from nightcrew.reducer.engine.digests import Digests
    from nightcrew.reducer.engine.reduction import Result
    from nightcrew.reducer.engine.replaying import Replay
    from nightcrew.reducer.products.request_record import RequestRecord


def reproduce(
    product: Annotated[
        list[str] | None, typer.Argument(metavar="PRODUCT", help="Products of nightcrew, or @lists of them.")
    ] = None,
    raw: Annotated[
        list[Path] | None,
        typer.Option(
            "--raw", metavar="DIR", help="Where inputs and calibrations lie, besides the product's own place."
        ),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option("--recipe", "-r", help="In place of the recorded recipe, if that was never in a file."),
    ] = None,
    keep: Annotated[
        Path | None, typer.Option("--keep", metavar="DIR", help="Leave what is made there; by default it is deleted.")
    ] = None,
    memory: Memory = None,
    threads: Threads = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Make products again from what they say of themselves, and compare.

    Every pixel, every row of a table and every keyword is compared but the time stamps. Inputs and calibrations are
    looked for by name and MD5 beside the product and below the directories given. Exit code 0 means that all are
    identical.
    """
    if not product:
        raise UsageProblem("no product given; name a file that nightcrew has made")
    for directory in raw or ():
        checked_directory("--raw", directory, "name one that holds raw frames")
    from nightcrew.reducer.engine.digests import Digests
    from nightcrew.shared.errors import NightcrewError

    work = _Work(tuple(raw or ()), recipe, keep, memory_budget(memory), thread_count(threads), Digests(), debug)
    identical = True
    for name in product:
        try:
            found = work.reproduce(Path(name))
        except NightcrewError as error:
            found = Reproduction(name, reason=str(error))
        _tell(found, as_json=as_json)
        identical &= found.identical
    raise typer.Exit(ExitCode.DONE if identical else ExitCode.FAILED)


@dataclass(frozen=True, slots=True)
class Reproduction:
    """What became of a product that was made again.

    Parameters
    ----------
    product
        File name.
    differences
        How it differs, in words.
    reason
        Why it could not be made again; empty if it could.
    software
        Packages of other versions: name, then, now.
    """

    product: str
    differences: tuple[str, ...] = ()
    reason: str = ""
    software: tuple[tuple[str, str, str], ...] = ()

    @property
    def identical(self) -> bool:
        """Whether it was made again and does not differ."""
        return not self.differences and not self.reason


@dataclass(frozen=True, slots=True)
class _Work:
    raw: tuple[Path, ...]
    recipe: str | None
    keep: Path | None
    budget: int
    threads: int
    digests: Digests
    debug: bool

    def reproduce(self, product: Path) -> Reproduction:
        """Make a product again in a directory of its own, and compare."""
        from nightcrew.reducer.engine.replaying import Library, replay
        from nightcrew.reducer.products.comparing import differences
        from nightcrew.reducer.products.request_record import read_record
        from nightcrew.shared.fits import open_frame

        theirs = open_frame(product)
        record = read_record(theirs)
        again = replay(record, Library(self.raw, product.parent, self.digests.md5), self.recipe)
        with TemporaryDirectory(prefix="nightcrew-") as scratch:
            place = self.keep or Path(scratch)
            if place.resolve() == product.resolve().parent:
                raise UsageProblem(f"--keep {place}: {product.name} lies there and would be replaced; name another one")
            place.mkdir(parents=True, exist_ok=True)
            result = self._run(again, place)
            if not result.outcome.ok:
                return Reproduction(str(product), reason=result.outcome.reason, software=_changed(record))
            made = place / theirs.filename
            if not made.is_file():
                # The file may have been renamed since.
                made = place / result.outcome.products[-1]
            return Reproduction(str(product), tuple(differences(open_frame(made), theirs)), "", _changed(record))

    def _run(self, again: Replay, place: Path) -> Result:
        from nightcrew.reducer.engine.memory import Memory
        from nightcrew.reducer.engine.reduction import reduce
        from nightcrew.reducer.engine.run import Surroundings
        from nightcrew.reducer.engine.store import Directory
        from nightcrew.shared.fits import Scratch

        with Scratch(place) as scratch:
            around = Surroundings(
                again.calibrations, Directory(place, keep_calibrations=False), Memory(self.budget, scratch),
                threads=self.threads, digests=self.digests,
            )  # fmt: skip
            result = reduce(again.request, around)
        if result.trace and self.debug:
            typer.echo(result.trace, err=True)
        return result


def _changed(record: RequestRecord) -> tuple[tuple[str, str, str], ...]:
    """Return the packages whose version is not that of the record."""
    from nightcrew.reducer.engine.recording import software

    now = dict(software())
    return tuple((name, then, now.get(name, "none")) for name, then in record.software if now.get(name) != then)


def _tell(found: Reproduction, *, as_json: bool) -> None:
    if as_json:
        document: dict[str, Any] = {
            "product": found.product,
            "identical": found.identical,
            "differences": list(found.differences),
            "reason": found.reason,
            "software": [{"name": name, "then": then, "now": now} for name, then, now in found.software],
        }
        typer.echo(json.dumps(document))
        return
    if found.reason:
        complain("reproduce", found.reason if found.product in found.reason else f"{found.product}: {found.reason}")
    elif found.identical:
        typer.echo(f"{found.product}: identical")
    for line in found.differences:
        typer.echo(f"{found.product}: {line}")
    if not found.identical:
        for name, then, now in found.software:
            warn("reproduce", f"{found.product}: made with {name} {then}, here is {now}")
