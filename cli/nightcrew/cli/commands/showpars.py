"""`nightcrew showpars`: the parameters that a primitive has for a file (commands, 4)."""

from __future__ import annotations

import json
from inspect import cleandoc
from typing import TYPE_CHECKING, Annotated

import typer

from nightcrew.cli.formatting import set_of
from nightcrew.cli.inputs import describe_file
from nightcrew.cli.options import Adpkg, Debug, Drpkg, Json, Profile, ProfileOption, Version

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nightcrew.reducer.engine.parameters import Setting

HIDDEN = "debug"
"""How the names of parameters begin that are shown with --all only."""


def showpars(
    file: Annotated[str, typer.Argument(metavar="FILE", help="FITS file; its tags decide the defaults.")],
    primitive: Annotated[str, typer.Argument(metavar="PRIMITIVE", help="Name of the primitive, as addDQ.")],
    everything: Annotated[bool, typer.Option("--all", "-a", help="Also parameters for debugging.")] = False,
    doc: Annotated[bool, typer.Option("--doc", "-d", help="Also the documentation of the primitive.")] = False,
    profile: ProfileOption = Profile.STANDARD,
    as_json: Json = False,
    adpkg: Adpkg = None,  # noqa: ARG001
    drpkg: Drpkg = None,  # noqa: ARG001
    debug: Debug = False,  # noqa: ARG001
    version: Version = False,  # noqa: ARG001
) -> None:
    """Show the parameters that a primitive has for a file."""
    from nightcrew.reducer.defaults import defaults_for
    from nightcrew.reducer.engine.parameters import make, settings
    from nightcrew.reducer.engine.suggestions import unknown_primitive
    from nightcrew.reducer.primitives import PRIMITIVES
    from nightcrew.shared.errors import RecipeError

    tags = describe_file(file).tags
    if not as_json:
        typer.echo(f"Dataset tagged as {set_of(tags)}")
    if primitive not in PRIMITIVES:
        hint = unknown_primitive(primitive, PRIMITIVES).removeprefix(f"Primitive {primitive} not recognized")
        hint = hint.replace(", did", " Did").replace(";", " See:")
        raise RecipeError(f"'{primitive}' doesn't exist for this data type.{hint}")
    chosen = PRIMITIVES[primitive]
    values = make(chosen.model, defaults_for(tags, profile.value).get(primitive, {}), primitive)
    shown = [setting for setting in settings(values) if everything or not setting.name.startswith(HIDDEN)]
    if as_json:
        record = {"file": file, "tags": sorted(tags), "primitive": primitive, "parameters": [_record(s) for s in shown]}
        typer.echo(json.dumps(record | ({"doc": chosen.doc} if doc else {}), default=str))
        return
    typer.echo("\n".join(_listing(primitive, shown)))
    if doc:
        typer.echo(f"\n{cleandoc(chosen.doc)}")


def _listing(primitive: str, shown: Iterable[Setting]) -> Iterator[str]:
    yield ""
    yield f"Settable parameters on '{primitive}':"
    yield "=" * 40
    yield f"{'Name':<20} {'Current setting':<20} Description"
    yield ""
    for setting in shown:
        yield f"{setting.name:<20} {setting.value!r:<20} {setting.description}"
        if setting.valid_range:
            yield f"\tValid Range = {setting.valid_range}"
        if setting.choices:
            yield "Allowed values:"
            yield from (f"\t{value}\t{meaning}" for value, meaning in setting.choices)
            yield ""


def _record(setting: Setting) -> dict[str, object]:
    record: dict[str, object] = {
        "name": setting.name,
        "value": setting.value,
        "description": setting.description,
    }
    if setting.valid_range:
        record["valid_range"] = setting.valid_range
    if setting.choices:
        record["choices"] = dict(setting.choices)
    return record
