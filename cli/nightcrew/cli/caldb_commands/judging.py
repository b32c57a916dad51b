"""`nightcrew caldb certify`, `veto`, `restore`, `affected`, `history`: what is thought of a calibration."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from nightcrew.cli.caldb_commands.common import Where, opened_database, tell_json, tell_lines
from nightcrew.cli.errors import UsageProblem
from nightcrew.cli.options import ConfigFile, Debug, Json, Who, who_says

Why: TypeAlias = Annotated[str, typer.Option("--why", help="Why; the history keeps it.")]
Name: TypeAlias = Annotated[str, typer.Argument(metavar="NAME", help="Name of the file, as the list shows it.")]


def certify(
    name: Name,
    why: Why,
    who: Who = None,
    since: Annotated[
        str | None, typer.Option("--from", metavar="UTC", help="First moment: 2026-11-28 or 2026-11-28T04:10:00.")
    ] = None,
    until: Annotated[str | None, typer.Option("--to", metavar="UTC", help="It is valid until then, exclusive.")] = None,
    as_json: Json = False,
    config: ConfigFile = None,
    database: Where = None,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Vouch for a calibration; with --from or --to for a time, which then replaces that of the rules."""
    from nightcrew.cli.caldb.wording import standing

    first, last = _moment("--from", since), _moment("--to", until)
    with opened_database(config, database, quiet=as_json) as opened:
        record = opened.certify(Path(name).name, who_says(who), why, first, last)
    tell_json([record]) if as_json else tell_lines([standing(record)])


def veto(
    name: Name, why: Why, who: Who = None, as_json: Json = False, config: ConfigFile = None, database: Where = None,
    debug: Debug = False,  # noqa: ARG001
) -> None:  # fmt: skip
    """Withdraw a calibration as bad, and list the products that it went into."""
    from nightcrew.cli.caldb.wording import affected as told
    from nightcrew.cli.caldb.wording import standing

    with opened_database(config, database, quiet=as_json) as opened:
        vetoed = opened.veto(Path(name).name, who_says(who), why)
    if as_json:
        tell_json([vetoed])
    else:
        tell_lines([standing(vetoed["record"]), *told(vetoed["affected"], Path(name).name)])


def restore(
    name: Name, why: Why, who: Who = None, as_json: Json = False, config: ConfigFile = None, database: Where = None,
    debug: Debug = False,  # noqa: ARG001
) -> None:  # fmt: skip
    """Take a veto back; the calibration is a candidate then, to be certified."""
    from nightcrew.cli.caldb.wording import standing

    with opened_database(config, database, quiet=as_json) as opened:
        record = opened.restore(Path(name).name, who_says(who), why)
    tell_json([record]) if as_json else tell_lines([standing(record)])


def affected(
    name: Name, as_json: Json = False, config: ConfigFile = None, database: Where = None, debug: Debug = False  # noqa: ARG001
) -> None:  # fmt: skip
    """List the products that a calibration went into, directly or through other masters."""
    from nightcrew.cli.caldb.wording import affected as told

    with opened_database(config, database, quiet=as_json) as opened:
        products = opened.affected(Path(name).name)
    tell_json(products) if as_json else tell_lines(told(products, Path(name).name))


def history(
    name: Name, as_json: Json = False, config: ConfigFile = None, database: Where = None, debug: Debug = False  # noqa: ARG001
) -> None:  # fmt: skip
    """Tell what happened to a calibration: who did what, when and why (UTC)."""
    from nightcrew.cli.caldb.wording import history as told

    with opened_database(config, database, quiet=as_json) as opened:
        lines = opened.history(Path(name).name)
    tell_json(lines) if as_json else tell_lines(told(lines))


def _moment(option: str, text: str | None) -> datetime | None:
    """Read a moment, UTC; one with a zone is converted."""
    if text is None:
        return None
    from datetime import UTC

    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageProblem(f"{option} {text}: write UTC as 2026-11-28 or 2026-11-28T04:10:00") from error
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)
