"""`nightcrew up`: the whole suite on this machine."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import contextmanager
from pathlib import Path  # noqa: TC003  (Typer reads the annotations)
from typing import TYPE_CHECKING, Annotated

import typer

from nightcrew.cli.errors import ExitCode
from nightcrew.cli.inputs import checked_directory
from nightcrew.cli.options import Debug, Profile, ProfileOption

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nightcrew.cli.suite.running import Suite


def up(
    raw: Annotated[Path, typer.Argument(metavar="RAW", help="Directory in which frames arrive.", show_default=False)],
    out: Annotated[
        Path | None, typer.Option("--out", help="Where products go, by night.", show_default="RAW-reduced")
    ] = None,
    archive: Annotated[
        Path | None, typer.Option("--archive", metavar="DIR", help="Link raw frames to DIR, by night, and use these.")
    ] = None,
    reducers: Annotated[
        int | None,
        typer.Option("--reducers", min=1, max=64, help="Jobs at a time.", show_default="as processors, up to 4"),
    ] = None,
    profile: ProfileOption = Profile.STANDARD,
    database: Annotated[
        str | None,
        typer.Option(
            "--database", "-d", metavar="URL",
            help="PostgreSQL; by default that of NIGHTCREW_DATABASE_URL, else a server of its own.",
        ),
    ] = None,
    rabbitmq: Annotated[
        str | None, typer.Option("--rabbitmq", metavar="URL", help="Broker; by default none is needed.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option("--port", min=0, max=65535, help="Let the calibration manager answer at this port of 127.0.0.1."),
    ] = None,
    debug: Debug = False,
) -> None:  # fmt: skip
    """Run the whole suite on this machine: what arrives in RAW is checked, grouped, reduced, and certified.

    Nothing needs to be installed or set up. A database is made in the data directory (NIGHTCREW_DATA_DIR); its tables
    are brought to this version. On a terminal it shows how things stand, else it writes a log. `nightcrew jobs`,
    `explain`, `night status` and the like look into it while it runs, and afterwards. SIGTERM and Ctrl-C end it when
    jobs at work are done; a second one ends it at once: what was at work is done again by the next `nightcrew up`.
    """
    checked_directory("", raw, "name the one in which frames arrive")
    from nightcrew.cli.suite.running import Settings, opened

    raw = raw.resolve()
    target = out.resolve() if out is not None else raw.with_name(f"{raw.name}-reduced")
    settings = Settings(
        raw, target, None if archive is None else archive.resolve(), reducers or min(4, os.cpu_count() or 1),
        profile.value, database, rabbitmq, port,
    )  # fmt: skip
    with opened(settings) as suite, _stopping(suite), _shown(suite, debug=debug) as beat:
        suite.run(beat)
    raise typer.Exit(ExitCode.DONE)


@contextmanager
def _stopping(suite: Suite) -> Iterator[None]:
    """Let the first signal end the suite in good order, and the second at once."""

    def end(number: int, _frame: object) -> None:
        if suite.stop.is_set():
            # Children die with us, leases run out, and the embedded server notices: nothing is left half done.
            os._exit(128 + number)
        suite.stop.set()

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _shown(suite: Suite, *, debug: bool) -> Iterator[Callable[[], object]]:
    """Show how things stand on a terminal, else only the log; give what is to be called now and then."""
    from nightcrew.shared.logs import configure_logs

    level = "debug" if debug else "info"
    if not sys.stderr.isatty():
        configure_logs("json", level)
        yield lambda: None
        return
    from rich.console import Console
    from rich.live import Live

    from nightcrew.cli.suite.status import glance, picture
    from nightcrew.shared.errors import ServiceError

    with Live(console=Console(stderr=True), auto_refresh=False, transient=True) as live:
        configure_logs("console", level)  # after `live` has taken stderr: lines go above the picture

        def beat() -> None:
            try:
                with suite.database.begin() as connection:
                    live.update(picture(glance(connection)), refresh=True)
            except ServiceError:
                return  # the services tell of it

        yield beat
