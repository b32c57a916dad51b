"""The `nightcrew` command: subcommands are imported when they are called, so that help costs nothing."""

from __future__ import annotations

import importlib
import sys
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperGroup

from nightcrew.cli.argv import normalise
from nightcrew.cli.errors import ExitCode, UsageProblem, guarded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

PROGRAM = "nightcrew"
COMMANDS: Mapping[str, str] = {
    "dataselect": "Select files by tags and by an expression over descriptors.",
    "showd": "Show descriptors of files as a table.",
    "typewalk": "Show the tags of the files in a directory tree.",
    "showrecipes": "Show the recipe that a file would be reduced with.",
    "showpars": "Show the parameters that a primitive has for a file.",
    "reduce": "Reduce files with a recipe.",
    "provenance": "Show what a product was made of, and how.",
    "reproduce": "Make products again from what they say of themselves, and compare.",
    "rules": "Check and show the rules of association and grouping.",
    "superclean": "Delete the by-products of reductions in this directory.",
    "caldb": "Keep calibrations in a database, which reductions ask and tell.",
    "database": "Look after the tables in the databases.",
    "night": "Reduce a directory of raw frames: plan, calibrations, science, report.",
    "plan": "Show how a directory would be grouped and reduced, also by rules of your own.",
    "up": "Run the whole suite on this machine: reduce what arrives in a directory.",
    "submit": "Let the suite reduce files with a recipe.",
    "jobs": "Look at the jobs of the suite; fetch what they made, try them again, cancel them, watch them.",
    "frames": "Look at the frames that have arrived.",
    "groups": "Look at the groups of frames; close one by hand.",
    "explain": "Tell the whole story of one frame.",
    "pause": "Let reducers take up no more jobs.",
    "resume": "Let reducers take up jobs again.",
    "drain": "Pause everything, and wait until no job is at work.",
    "dead": "Look at what needs a person, and try it again.",
    "simulate": "Write the raw frames of a night that never was.",
    "shims": "Write scripts that go by the names of DRAGONS' tools.",
}
"""Subcommands and what they are for.

The module has the name of the command, and so has the function in it or, if the command has subcommands of its own,
the `typer.Typer` in it."""

BESIDE: Mapping[tuple[str, str], str] = {("night", "status"): "night_status", ("night", "report"): "night_report"}
"""Subcommands of a command that takes a file name otherwise, and their modules: the word is the subcommand, a file of
that name is written `./status`."""

HELP_NAMES = {"help_option_names": ["-h", "--help"]}


class Command(TyperCommand):
    """A subcommand.

    Long options may be cut short as long as they stay unmistakable: `--rec` for `--recipe`.  A `UsageProblem` learns
    whose usage to print.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Write options in full, then parse."""
        known = {name for param in self.get_params(ctx) for name in (*param.opts, *param.secondary_opts)}
        with _blaming(ctx):
            return super().parse_args(ctx, in_full(args, known))

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        with _blaming(ctx):
            return super().invoke(ctx)


@contextmanager
def _blaming(context: Any) -> Iterator[None]:
    try:
        yield
    except UsageProblem as problem:
        problem.ctx = context
        raise


def in_full(args: Sequence[str], known: set[str]) -> list[str]:
    """Replace abbreviated long options by the only one of `known` that begins so; others stay as they are."""
    written: list[str] = []
    for number, token in enumerate(args):
        if token == "--":  # noqa: S105  (not a password)
            return [*written, *args[number:]]
        name, equals, value = token.partition("=")
        if name.startswith("--") and name not in known:
            # Spellings of one option that differ in `_` and `-` only count once.
            meant = sorted({option.replace("_", "-"): option for option in known if option.startswith(name)}.values())
            name = meant[0] if len(meant) == 1 else name
        written.append(f"{name}{equals}{value}")
    return written


class Subcommands(TyperGroup):
    """A command that has subcommands: without one, it tells which there are."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Show the help on stderr, and refuse, if no subcommand is named."""
        if args or self.invoke_without_command or ctx.resilient_parsing:
            return super().parse_args(ctx, args)
        with redirect_stdout(sys.stderr):
            typer.echo(ctx.get_help())
        raise UsageProblem(f"a command is missing; one of {', '.join(self.commands)}")


class LazyGroup(TyperGroup):
    """Knows names and summaries of all subcommands, and imports the one that is called."""

    def __init__(self, **attributes: Any) -> None:
        attributes["commands"] = {name: TyperCommand(name, help=summary) for name, summary in COMMANDS.items()}
        super().__init__(**attributes)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Import the command that is called."""
        name, command, rest = super().resolve_command(ctx, args)
        beside = BESIDE.get((name or "", rest[0])) if rest else None
        if beside is not None:
            return f"{name} {rest[0]}", load(beside), rest[1:]
        return name, command if name is None else load(name), rest


def load(name: str) -> Any:
    """Import a subcommand: its function, or its `typer.Typer` if it has subcommands of its own."""
    module = f"nightcrew.cli.commands.{name}"
    try:
        found = getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        raise UsageProblem(f"'{name}' is not part of this installation") from error
    if isinstance(found, typer.Typer):
        return _group(found, name)
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    text = in_paragraphs(found.__doc__ or COMMANDS[name])
    app.command(name.replace("_", " "), cls=Command, context_settings=HELP_NAMES, help=text)(found)
    return typer.main.get_command(app)


def in_paragraphs(text: str) -> str:
    """Return a docstring without the line breaks in its paragraphs: screens have widths of their own."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def _group(app: typer.Typer, name: str) -> Any:
    """Make a Typer group of an app; its subcommands behave like all others."""
    app.info.cls = Subcommands
    for command in app.registered_commands:
        command.cls = Command
        command.help = in_paragraphs(command.help or getattr(command.callback, "__doc__", None) or "")
    group = typer.main.get_group(app)
    group.name = name
    group.help = group.help or COMMANDS[name]
    return group


def _print_version(value: bool) -> None:
    if value:
        from nightcrew.cli.version import version

        typer.echo(f"{PROGRAM} {version()}")
        raise typer.Exit


app = typer.Typer(cls=LazyGroup, context_settings=HELP_NAMES, pretty_exceptions_enable=False, add_completion=True)


@app.callback(invoke_without_command=True)
def nightcrew(
    context: typer.Context,
    version: bool = typer.Option(False, "--version", help="Print the version.", callback=_print_version, is_eager=True),
) -> None:
    """Observatory images reduced while they arrive: Gemini NIRI and Flamingos-2 imaging."""
    del version
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main(argv: Sequence[str]) -> int:
    """Run a command line (without the program's name) and return the exit code."""
    name = next((token for token in argv if not token.startswith("-")), PROGRAM)

    def work() -> object:
        code = typer.main.get_command(app).main(normalise(argv), prog_name=PROGRAM, standalone_mode=False)
        sys.stdout.flush()
        return code

    return guarded(name if name in COMMANDS else PROGRAM, work, debug="--debug" in argv)


def run() -> None:
    """Run the command line of the process: the entry point `nightcrew`."""
    sys.exit(ExitCode.DONE if (code := main(sys.argv[1:])) == 0 else code)
