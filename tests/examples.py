"""Run worked examples of the specification against nightcrew.

usage: python tests/examples.py FILE...

Each failure is printed in one line; the last line is ``N passed, N failed``.  Exit status 1 if any failed.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from support.examples_io import Report


def runner_of(content: Any) -> str:
    """Tell by its structure what kind of examples a file holds."""
    if isinstance(content, list):
        return "combine"
    if "kinds" in content:
        return "sky"
    if "queries" in content:
        return "dataselect"
    if str(content.get("format", "")).startswith("association-scenarios"):
        return "association"
    raise ValueError("no known format of worked examples")


def run_file(path: Path) -> Report:
    """Run the examples of one file."""
    report = Report()
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        runner = runner_of(content)
    except (OSError, ValueError) as error:
        report.record("file", str(error))
        return report
    done: Report = import_module(f"support.examples_{runner}").run(content)
    if runner == "association" and not import_module("support.examples_association_sql").run(content, done):
        print(f"{path.name}: no PostgreSQL to be reached, so only answered in memory", file=sys.stderr)
    return done


def main(arguments: list[str]) -> int:
    """Run all files; return the exit status."""
    if not arguments or {"-h", "--help"} & set(arguments):
        print(__doc__)
        return 0 if arguments else 2
    passed = failed = 0
    for argument in arguments:
        report = run_file(Path(argument))
        for failure in report.failures:
            print(f"{Path(argument).name}: {failure}")
        passed, failed = passed + report.passed, failed + report.failed
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
