"""`nightcrew caldb`: the calibration databases, from the command line (commands, 9)."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout

import typer

from nightcrew.cli.caldb_commands.explaining import explain
from nightcrew.cli.caldb_commands.judging import affected, certify, history, restore, veto
from nightcrew.cli.caldb_commands.keeping import add, config_, init, list_, remove
from nightcrew.cli.errors import ExitCode

caldb = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@caldb.callback(invoke_without_command=True)
def _caldb(context: typer.Context) -> None:
    """Keep calibrations in a database, which reductions ask and tell."""
    if context.invoked_subcommand is None:
        typer.echo(typer.style("No action specified for caldb", bold=True), err=True)
        with redirect_stdout(sys.stderr):
            typer.echo(context.get_help())
        raise typer.Exit(ExitCode.USAGE)


caldb.command()(init)
caldb.command("list")(list_)
caldb.command()(add)
caldb.command()(remove)
caldb.command("config")(config_)
caldb.command()(explain)
for command in (certify, veto, restore, affected, history):
    caldb.command()(command)
