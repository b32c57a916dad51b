"""From exceptions to one line on the screen and an exit code."""

from __future__ import annotations

import sys
import traceback
from enum import IntEnum
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Callable


class ExitCode(IntEnum):
    """What the shell learns."""

    DONE = 0
    """Also when nothing was selected."""
    FAILED = 1
    USAGE = 2
    DRAGONS_FAILED = 6
    """`reduce` instead of FAILED where NIGHTCREW_DRAGONS_EXIT=1 is set."""
    INTERRUPTED = 130


class UsageProblem(typer.TyperException):
    """The command line itself is wrong, whatever the files are.

    Parameters
    ----------
    message
        What is wrong, in one line.
    """

    exit_code = ExitCode.USAGE
    ctx: typer.Context | None = None
    """The command whose usage to show."""


def complain(command: str, message: str) -> None:
    """Write a problem to stderr, under the name of the command as users know it."""
    typer.echo(f"{command}: error: {message}", err=True)


def warn(command: str, message: str) -> None:
    """Write to stderr what a user should know although the command goes on."""
    typer.echo(f"{command}: warning: {message}", err=True)


def guarded(command: str, work: Callable[[], object], *, debug: bool = False) -> int:
    """Do the work of a command and turn what goes wrong into a message and an exit code.

    Parameters
    ----------
    command
        Name that messages begin with.
    work
        Returns an exit code, or anything else for success.
    debug
        Whether to print the traceback too.
    """
    try:
        code = work()
    except KeyboardInterrupt:
        code = ExitCode.INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone; what is left in the buffer must not fail again at exit.
        sys.stdout = None
        return ExitCode.FAILED
    except (typer.Exit, SystemExit) as end:
        code = end.exit_code if isinstance(end, typer.Exit) else end.code
    except typer.Abort:
        typer.echo("Aborted.", err=True)
        return ExitCode.FAILED
    except Exception as error:  # noqa: BLE001  (the border of the program: nobody else could explain it)
        if debug:
            traceback.print_exc()
        return _explain(command, error)
    if code == ExitCode.INTERRUPTED:
        typer.echo(f"{command}: interrupted", err=True)
    return code if isinstance(code, int) else ExitCode.DONE


def _explain(command: str, error: Exception) -> int:
    from nightcrew.shared.errors import NightcrewError

    match error:
        case typer.TyperException():
            context: typer.Context | None = getattr(error, "ctx", None)
            if context is not None:
                typer.echo(context.get_usage(), err=True)
            complain(command, _in_one_line(error, context))
            return error.exit_code
        case NightcrewError():
            complain(command, _pointed(error))
        case OSError():
            name = f"{error.filename}: " if error.filename else ""
            complain(command, f"{name}{error.strerror or error}; check the name, the permissions and the disk")
        case _:
            what = f"{type(error).__name__}: {error}"
            complain(command, f"defect in nightcrew: {what}; run it again with --debug and report what it prints")
    return ExitCode.FAILED


def _in_one_line(error: typer.TyperException, context: typer.Context | None) -> str:
    """Return the message; to one that Typer has written, the command that tells how it is done right."""
    message = " ".join(error.format_message().split()).replace(": Value error, ", ": ")
    if context is None or isinstance(error, UsageProblem):
        return message
    return f"{message if message.endswith(('.', '?')) else f'{message}.'} See `{context.command_path} --help`."


def _pointed(error: Exception) -> str:
    """Return the message; below the one of an expression, the expression with a caret under the wrong place."""
    from nightcrew.shared.selection import ExpressionError

    if not isinstance(error, ExpressionError):
        return str(error)
    shown = error.pointed().splitlines()[0]
    return f"{error}\n    {shown}\n    {' ' * error.position}^"
