"""Write what follows from the code: reference pages, schemas of the messages, definitions for RabbitMQ.

With `--check`, say which of them are out of date and exit 1.
"""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deployment_pages import FILES as DEPLOYMENT
from messaging_pages import FILES

from nightcrew.cli.main import BESIDE, COMMANDS, load
from nightcrew.reducer.defaults import BEST, ROWS
from nightcrew.reducer.engine.parameters import settings
from nightcrew.reducer.engine.recipe import calls_of
from nightcrew.reducer.primitives import PRIMITIVES
from nightcrew.reducer.recipes import RECIPES

if TYPE_CHECKING:
    from nightcrew.reducer.engine.primitive import Primitive
    from nightcrew.reducer.engine.recipe import Recipe

REFERENCE = Path(__file__).resolve().parents[1] / "docs" / "reference"
SOURCE = re.compile(r" \([a-z-]*,? ?\d+(\.\d+)*\)(?=\.)")
"""A section of the written rules, as docstrings name their sources."""
MADE = "<!-- written by `make docs`: edit the code instead -->"


ABOUT_COMMANDS = """
Results go to standard output, messages to standard error. A file argument may be `@list`, a file with one name per
line. An option with `_` in its name is also understood with `-`.

Exit codes: 0 done (also when nothing was selected), 1 an error, 2 a wrong command line, 130 Ctrl-C.
"""
ABOUT_RECIPES = """
The recipe of a reduction follows from the tags of the first input and from the mode; `-r NAME` asks for another one.
A primitive's name is understood in place of a recipe's. Modes: `sq` science quality, `ql` quick look, `qa` quality
assessment. What a primitive can be told is in [parameters](parameters.md).
"""
ABOUT_PARAMETERS = """
`-p primitive:name=value` sets a parameter of one primitive, `-p name=value` of all that have it. A recipe's own
settings win over the user's, the user's over the instrument's, those over the default. `nightcrew showpars FILE
PRIMITIVE` prints what holds for a file.
"""


def commands() -> str:
    """Return the page of the commands."""
    return "\n".join(
        [f"# Commands\n\n{MADE}\n{ABOUT_COMMANDS}", *(page for name in COMMANDS for page in _commands(name))]
    )


def _commands(name: str) -> list[str]:
    """Return a command, and those that stand beside it under its name."""
    beside = [_usage(" ".join(words), load(module)) for words, module in BESIDE.items() if words[0] == name]
    return [_command(name), *beside]


def _command(name: str) -> str:
    command = load(name)
    parts = getattr(command, "commands", None)
    if parts is None:
        return _usage(name, command)
    head = f"## {name}\n\n{_plain(command.help or '')}\n"
    return "\n".join([head, *(_usage(f"{name} {part}", one) for part, one in parts.items())])


def _usage(name: str, command: Any) -> str:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option" and not p.hidden and p.name != "help"]
    usage = " ".join([name, *(_metavar(a) for a in arguments)])
    lines = [f"## {name}", "", f"`nightcrew {usage}`", "", _plain(command.help or ""), ""]
    lines += ["| argument or option | meaning |", "|---|---|"]
    lines += [f"| `{_metavar(a)}` | {_cell(a.help or '')} |" for a in arguments]
    lines += [f"| {_spelling(o)} | {_cell(o.help or '')} |" for o in options]
    for option in options:
        _, _, more = _plain(option.help or "").partition("\n\n")
        if more:
            lines += ["", f"`{option.opts[0]}`:", "", "```", more, "```"]
    return "\n".join(lines) + "\n"


def _metavar(argument: Any) -> str:
    word = (argument.metavar or argument.name).upper()
    word = f"{word}..." if argument.nargs == -1 else word
    return word if argument.required else f"[{word}]"


def _spelling(option: Any) -> str:
    names = [name for name in (*option.opts, *option.secondary_opts) if "_" not in name or len(option.opts) == 1]
    value = "" if option.is_flag else f" {option.metavar or option.name.upper()}".replace("|", "\\|")
    return ", ".join(f"`{name}{value}`" for name in names)


def _plain(text: str) -> str:
    """Return a help text without the marks that keep a terminal from filling its lines."""
    return inspect.cleandoc(text).replace("\b\n", "").replace("\f", "")


def _cell(text: str) -> str:
    """Return the first paragraph of a text as it may stand in a table."""
    return " ".join(_plain(text).partition("\n\n")[0].split()).replace("|", "\\|")


def recipes() -> str:
    """Return the page of the recipes."""
    return "\n".join([f"# Recipes\n\n{MADE}\n{ABOUT_RECIPES}", *(_recipe(recipe) for recipe in RECIPES)])


def _recipe(recipe: Recipe) -> str:
    tags = ", ".join(sorted(recipe.tags))
    modes = ", ".join(mode for mode in ("sq", "ql", "qa") if mode in recipe.modes)
    profile = "" if recipe.profile == "standard" else f", profile {recipe.profile}"
    default = "; the default for these tags" if recipe.default else ""
    lines = [
        f"## {recipe.name}: {tags}",
        "",
        (recipe.function.__doc__ or "").strip(),
        "",
        f"Modes {modes}{profile}{default}.",
        "",
    ]
    for number, (name, given) in enumerate(calls_of(recipe), 1):
        arguments = ", ".join(f"{key}={value!r}" for key, value in given.items())
        lines.append(f"{number}. `{name}({arguments})`")
    return "\n".join(lines) + "\n"


def parameters() -> str:
    """Return the page of the primitives and their parameters."""
    names = sorted(PRIMITIVES, key=str.lower)
    head = f"# Parameters of the primitives\n\n{MADE}\n{ABOUT_PARAMETERS}"
    return "\n".join([head, *(_primitive(PRIMITIVES[name]) for name in names)])


def _primitive(primitive: Primitive) -> str:
    summary = SOURCE.sub("", primitive.doc.partition("\n")[0])
    lines = [f"## {primitive.name}", "", summary, ""]
    if primitive.stamp:
        lines += [f"Time stamp: `{primitive.stamp}`.", ""]
    lines += ["| parameter | default | range or choices | meaning |", "|---|---|---|---|"]
    for setting in settings(primitive.model()):
        allowed = setting.valid_range or ", ".join(f"`{value}`" for value, _ in setting.choices)
        lines.append(f"| `{setting.name}` | `{setting.value}` | {allowed} | {_cell(setting.description)} |")
    for rows, profile in ((ROWS, ""), (BEST, ", profile best")):
        for tags, name, values in rows:
            if name == primitive.name:
                changed = ", ".join(f"`{key}={value}`" for key, value in values.items())
                lines += ["", f"{', '.join(sorted(tags))}{profile}: {changed}."]
    return "\n".join(lines) + "\n"


PAGES = {"commands.md": commands, "recipes.md": recipes, "parameters.md": parameters}


def main() -> int:
    """Write the pages, or check them."""
    files = {REFERENCE / name: make for name, make in PAGES.items()} | FILES | DEPLOYMENT
    stale = {}
    for path, make in files.items():
        text = make()
        if not path.exists() or path.read_text() != text:
            stale[path] = text
    if "--check" in sys.argv[1:]:
        for path in stale:
            print(f"{path.relative_to(REFERENCE.parents[1])} is out of date: run 'make docs'", file=sys.stderr)
        return int(bool(stale))
    for path, text in stale.items():
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
