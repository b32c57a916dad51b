"""What pages print for users to type: blocks whose info string says that they run.

````
```sh run            is run; it has to end with 0
```sh run exit=1     is run; it has to end with 1
```ini file=NAME     is written to the file, below the home directory for `~/`
````
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

DOCS = Path(__file__).resolve().parents[2] / "docs"
BLOCK = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block that is to be run or written."""

    page: str
    line: int
    language: str
    options: dict[str, str]
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(page: str) -> list[Block]:
    """Return the blocks of a page that are to be run or written, in order."""
    text = (DOCS / page).read_text(encoding="utf-8")
    found = []
    for match in BLOCK.finditer(text):
        language, *words = match["info"].split() or [""]
        options = {name: value for name, _, value in (word.partition("=") for word in words)}
        if options.keys() & {"run", "file"}:
            line = text.count("\n", 0, match.start()) + 1
            found.append(Block(page, line, language, options, match["text"]))
    return found


def pages() -> list[str]:
    """Return the pages that have such blocks."""
    return [name for path in sorted(DOCS.rglob("*.md")) if blocks(name := str(path.relative_to(DOCS)))]


@dataclass
class Terminal:
    """A terminal of a user: a home directory, the place where commands are typed, what was exported."""

    home: Path
    place: Path
    environment: dict[str, str] = field(default_factory=dict)

    def follow(self, page: str, instead: Mapping[str, str] | None = None) -> None:
        """Do what a page says, from top to bottom; `cd` holds until its end.

        What stands in `instead` is typed instead of what is printed: `simulate niri raw --size 256`.
        """
        place = self.place
        for printed in blocks(page):
            block = printed
            for what, other in (instead or {}).items():
                block = replace(block, text=block.text.replace(what, other))
            if "file" in block.options:
                self._write(block)
            else:
                place = self._run(block, place)

    def _write(self, block: Block) -> None:
        file = Path(block.options["file"].replace("~", str(self.home), 1))
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(block.text, encoding="utf-8")

    def _run(self, block: Block, place: Path) -> Path:
        last = self.home / "last-place"
        argv = {
            "sh": ["bash", "-o", "pipefail", "-ec", f"trap 'pwd > {last}' EXIT\n{block.text}"],
            "python": [sys.executable, "-c", block.text],
        }[block.language]
        last.write_text(str(place), encoding="utf-8")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("NIGHTCREW_", "DRAGONS"))}
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        done = subprocess.run(
            argv, cwd=place, env={**kept, "HOME": str(self.home), "PATH": path, **self.environment},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        told = f"{block}\n{block.text}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        assert done.returncode == int(block.options.get("exit", "0")), told
        assert "Traceback" not in done.stderr, told
        return Path(last.read_text(encoding="utf-8").strip())
