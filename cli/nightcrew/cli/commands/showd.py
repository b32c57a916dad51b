"""`nightcrew showd`: descriptors of files as a table (commands, 3)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nightcrew.cli.errors import UsageProblem, warn
from nightcrew.cli.formatting import comma_separated, table
from nightcrew.cli.inputs import describe_file, expand, piped_names
from nightcrew.cli.options import Adpkg, Debug, Json  # noqa: TC001  (Typer reads the annotations)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nightcrew.shared.instruments import Description


def showd(
    inputs: Annotated[
        list[str] | None,
        typer.Argument(metavar="INPUT", help="Files, patterns, @lists; - (or nothing) reads names from stdin."),
    ] = None,
    descriptors: Annotated[
        str | None, typer.Option("--descriptors", "-d", metavar="NAME,...", help="Descriptors, comma separated.")
    ] = None,
    long: Annotated[bool, typer.Option("--long", help="Print values with all component names.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print comma-separated values.")] = False,
    as_json: Json = False,
    adpkg: Adpkg = None,  # noqa: ARG001
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Show descriptors of files as a table.

    With --json: one object a line with tags and values; without -d all descriptors, and never shortened.
    """
    if descriptors is None and not as_json:
        raise UsageProblem("the following arguments are required: -d/--descriptors")
    names = _checked(descriptors)
    described = [(path, describe_file(path)) for path in expand(inputs or piped_names()).names]
    if as_json:
        for path, about in described:
            typer.echo(json.dumps(_record(path, about, names)))
        return
    header = ["filename", *names]
    rows = [[path, *(_text(path, about, name, long=long) for name in names)] for path, about in described]
    typer.echo(comma_separated(header, rows) if as_csv else table(header, rows))


def _checked(descriptors: str | None) -> list[str]:
    """Split a list of descriptors; refuse names that no instrument has."""
    import difflib

    from nightcrew.shared.errors import NightcrewError
    from nightcrew.shared.selection.names import DESCRIPTORS

    names = [name.strip() for name in (descriptors or "").split(",") if name.strip()]
    for name in names:
        if name not in DESCRIPTORS:
            near = difflib.get_close_matches(name, DESCRIPTORS, n=1)
            remedy = f", did you mean {near[0]}?" if near else "; `nightcrew showd FILE --json` shows all"
            raise NightcrewError(f"there is no descriptor '{name}'{remedy}")
    return names


def _text(path: str, about: Description, name: str, *, long: bool) -> str:
    from nightcrew.shared.instruments import DescriptorError

    pretty = {} if long or name not in about.pretty_capable else {"pretty": True}
    try:
        return str(about.value(name, **pretty))
    except DescriptorError as error:
        warn("showd", f"{path}: no answer for {name} ({error.kind})")
        return str(None)


def _record(path: str, about: Description, names: Sequence[str]) -> dict[str, Any]:
    """Return what the headers of a file mean, ready for JSON; a descriptor that fails is `{"error": ...}`."""
    from nightcrew.shared.instruments import DescriptorError, encode

    def value(name: str) -> Any:
        try:
            return about.value(name)
        except DescriptorError as error:
            return error

    values = {name: value(name) for name in names} if names else about.all()
    encoded = {name: encode(found) for name, found in values.items()}
    return {"file": path, "tags": sorted(about.tags), "descriptors": encoded}
