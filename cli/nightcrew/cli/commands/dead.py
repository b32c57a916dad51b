"""`nightcrew dead`: what needs a person."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from nightcrew.cli.options import Debug, Json, Limit, SuiteDatabase, Who, who_says

if TYPE_CHECKING:
    from nightcrew.shared.bus.dead import DeadLetter
    from nightcrew.shared.bus.settings import RabbitSettings

Broker: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--rabbitmq", metavar="URL", help="Broker whose dead messages count too; by default NIGHTCREW_RABBITMQ_URL."
    ),
]
Number: TypeAlias = Annotated[str, typer.Argument(metavar="NUMBER", help="As the list shows it.")]

dead = typer.Typer(no_args_is_help=True)


@dead.command("list")
def _list(
    limit: Limit = 200, as_json: Json = False, rabbitmq: Broker = None, database: SuiteDatabase = None,
    debug: Debug = False,  # noqa: ARG001
) -> None:  # fmt: skip
    """List what needs a person: jobs that failed or were set aside, files in quarantine, messages that no service
    could use.
    """
    from nightcrew.cli.suite.opening import ledger
    from nightcrew.cli.suite.troubles import TROUBLES, troubles

    letters = _letters(rabbitmq)
    with ledger(database) as opened, opened.begin() as connection:
        found = troubles(connection, letters, limit)
    TROUBLES.show(found, as_json=as_json)


@dead.command()
def show(
    number: Number, as_json: Json = False, rabbitmq: Broker = None, database: SuiteDatabase = None,
    debug: Debug = False,  # noqa: ARG001
) -> None:  # fmt: skip
    """Show all that is known of one of them."""
    from nightcrew.cli.suite import documents
    from nightcrew.cli.suite.opening import ledger
    from nightcrew.cli.suite.troubles import named

    letters = _letters(rabbitmq)
    with ledger(database) as opened, opened.begin() as connection:
        found = named(connection, number, letters)
    if as_json:
        typer.echo(documents.line(found.document))
        return
    typer.echo(f"{found.what} {found.number}: {found.name}")
    typer.echo(f"  since {found.since} UTC: {found.reason}" if found.since else f"  {found.reason}")
    for name, value in found.record.items():
        if value not in (None, "", [], {}):
            typer.echo(f"  {name:<14} {value if isinstance(value, str) else documents.line(value)}")


@dead.command()
def replay(
    numbers: Annotated[list[str], typer.Argument(metavar="NUMBER", help="As the list shows them.")],
    who: Who = None,
    rabbitmq: Broker = None,
    as_json: Json = False,
    database: SuiteDatabase = None,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Try again: queue a job once more, look at a file once more, send a message once more."""
    from nightcrew.cli.suite import documents
    from nightcrew.cli.suite.opening import ledger
    from nightcrew.cli.suite.troubles import MESSAGE, CannotReplay, look_again, named
    from nightcrew.shared.ledger import jobs

    letters = _letters(rabbitmq)
    with ledger(database) as opened:
        for number in numbers:
            with opened.begin() as connection:
                found = named(connection, number, letters)
                if found.what == "job":
                    jobs.again(connection, found.record["id"], who_says(who))
            if found.what == "file":
                look_again(found)
            elif found.what == "message" and not _sent(rabbitmq, found.number.removeprefix(MESSAGE)):
                raise CannotReplay(f"{number}: somebody else has taken it")
            told = {"job": "queued", "file": "will be looked at", "message": "sent"}[found.what]
            typer.echo(documents.line({"number": found.number, "done": told}) if as_json else f"{found.number} {told}")


def _settings(url: str | None) -> RabbitSettings | None:
    """Return where the broker is, if the suite has one."""
    if url is None and not {"NIGHTCREW_RABBITMQ_URL", "NIGHTCREW_RABBITMQ_URL_FILE"} & set(os.environ):
        return None
    from nightcrew.shared.bus.settings import RabbitSettings

    return RabbitSettings.load(**({} if url is None else {"rabbitmq_url": url}))


def _letters(url: str | None) -> list[DeadLetter]:
    settings = _settings(url)
    if settings is None:
        return []
    from nightcrew.shared.bus import Topology
    from nightcrew.shared.bus.dead import letters

    return letters(settings, Topology.load())


def _sent(url: str | None, number: str) -> bool:
    from nightcrew.shared.bus import Topology
    from nightcrew.shared.bus.dead import replay as send

    settings = _settings(url)
    assert settings is not None
    return send(settings, Topology.load(), number) is not None
