"""From which commit the code that runs here was made."""

from __future__ import annotations

import json
import os
import subprocess
from importlib.metadata import Distribution, PackageNotFoundError
from typing import Any
from urllib.parse import unquote, urlsplit

VARIABLE = "NIGHTCREW_REVISION"
"""Environment variable with the commit that an image was built from."""
UNKNOWN = "unknown"
LENGTH = 12
"""Characters of a commit that are told."""
PATIENCE = 5.0
"""Seconds in which git answers, else it is not waited for."""


def revision(distribution: str) -> str:
    """Return the commit of an installed distribution, or `unknown`.

    It is what `NIGHTCREW_REVISION` says, as images set it; else the commit that pip took from a repository; else that
    of the checkout which is installed in place.  Nothing is remembered: ask once, when a service starts.

    Parameters
    ----------
    distribution
        Its name: `nightcrew-planner`.
    """
    told = os.environ.get(VARIABLE, "").strip()
    return told if told not in ("", UNKNOWN) else _installed(_origin(distribution))


def _origin(distribution: str) -> dict[str, Any]:
    """Return where pip took a distribution from (PEP 610); nothing if it does not tell."""
    try:
        text = Distribution.from_name(distribution).read_text("direct_url.json")
        found = json.loads(text or "{}")
    except (PackageNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _installed(origin: dict[str, Any]) -> str:
    commit = origin.get("vcs_info", {}).get("commit_id")
    if isinstance(commit, str) and commit:
        return commit[:LENGTH]
    place = urlsplit(str(origin.get("url", "")))
    if place.scheme == "file" and origin.get("dir_info", {}).get("editable"):
        return _checked_out(unquote(place.path))
    return UNKNOWN


def _checked_out(directory: str) -> str:
    """Return the commit that a checkout is at; what is not committed in it does not count."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ("git", "-C", directory, "rev-parse", f"--short={LENGTH}", "HEAD")
    try:
        done = subprocess.run(  # noqa: S603 - our own command
            command, capture_output=True, text=True, timeout=PATIENCE, check=True, env=plain, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.SubprocessError):
        return UNKNOWN
    return done.stdout.strip() or UNKNOWN
