"""Ask for known vulnerabilities of everything that constraints.txt pins.

Exit 0: all of it was asked about, and none is known; 1: some are; 3: the advisory service does not answer, or knows
nothing of what is asked.  pip-audit alone calls that "no known vulnerabilities".
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

CONSTRAINTS = Path(__file__).resolve().parents[1] / "constraints.txt"
PROBE = "pip==9.0.1\n"
"""Something old: a service that knows of no vulnerability in it knows of none at all."""
PATIENCE = 300.0
"""Seconds that the service may take."""


@dataclass(frozen=True, slots=True)
class Clean:
    """All was asked about, and nothing is known against it."""

    asked: int

    def __str__(self) -> str:
        return f"{self.asked} packages, no known vulnerabilities"


@dataclass(frozen=True, slots=True)
class Vulnerable:
    """What is known, a line each."""

    known: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join(self.known)


@dataclass(frozen=True, slots=True)
class Unanswered:
    """It cannot be told."""

    reason: str

    def __str__(self) -> str:
        return f"nothing can be told: {self.reason}; run `make audit` where the advisories of PyPI can be reached"


Verdict: TypeAlias = Clean | Vulnerable | Unanswered
CODES = {Clean: 0, Vulnerable: 1, Unanswered: 3}


def judge(report: dict[str, Any]) -> Verdict:
    """Judge what pip-audit has reported as JSON."""
    packages = report.get("dependencies", [])
    known = tuple(
        f"{one['name']} {one['version']}: {found['id']}, mended in {', '.join(found['fix_versions']) or 'no version'}"
        for one in packages
        for found in one.get("vulns", ())
    )
    if known:
        return Vulnerable(known)
    skipped = [one for one in packages if "skip_reason" in one]
    if skipped or not packages:
        first = skipped[0]["skip_reason"] if skipped else "there was no answer"
        return Unanswered(f"{len(skipped)} of {len(packages)} packages are unknown to the service ({first})")
    return Clean(len(packages))


def audit(requirements: str) -> Verdict:
    """Ask about requirements, one `name==version` a line."""
    with tempfile.TemporaryDirectory() as place:
        listed = Path(place) / "requirements.txt"
        listed.write_text(requirements, encoding="utf-8")
        command = [sys.executable, "-m", "pip_audit", "-r", str(listed), "--no-deps", "--disable-pip"]
        command += ["--format", "json", "--progress-spinner", "off"]
        try:
            done = subprocess.run(  # noqa: S603 (our own words)
                command, capture_output=True, text=True, timeout=PATIENCE, check=False
            )
        except subprocess.TimeoutExpired:
            return Unanswered(f"no answer within {PATIENCE:g} s")
    try:
        return judge(json.loads(done.stdout))
    except ValueError:
        said = done.stderr.strip().splitlines()
        return Unanswered(said[-1] if said else f"pip-audit ended with {done.returncode} and said nothing")


def verdict() -> Verdict:
    """Ask about all that is pinned, if the service answers at all."""
    match audit(PROBE):
        case Unanswered() as unanswered:
            return unanswered
        case Clean():
            return Unanswered("the service knows of no vulnerability in pip 9.0.1, and there are some")
        case Vulnerable():
            return audit(CONSTRAINTS.read_text(encoding="utf-8"))


def main() -> int:
    """Run the command."""
    found = verdict()
    print(found)
    return CODES[type(found)]


if __name__ == "__main__":
    sys.exit(main())
