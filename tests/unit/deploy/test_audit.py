"""Known vulnerabilities of what is installed: what was answered, and what no answer is."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from support.composing import ROOT


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("nightcrew_audit", Path(ROOT / "tools" / "audit.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look for it
    spec.loader.exec_module(module)
    return module


def package(**more: Any) -> dict[str, Any]:
    return {"name": "numpy", "version": "2.3.0", "vulns": [], **more}


BAD = package(vulns=[{"id": "PYSEC-1", "fix_versions": ["2.3.1"], "aliases": [], "description": ""}])
UNKNOWN = {"name": "numpy", "skip_reason": "Dependency not found on PyPI"}


@pytest.mark.parametrize(
    ("packages", "code", "says"),
    [
        ([package(), package()], 0, "2 packages, no known vulnerabilities"),
        ([package(), BAD], 1, "numpy 2.3.0: PYSEC-1, mended in 2.3.1"),
        ([BAD, UNKNOWN], 1, "PYSEC-1"),
        ([package(), UNKNOWN], 3, "1 of 2 packages are unknown to the service"),
        ([], 3, "there was no answer"),
    ],
)
def test_what_was_not_answered_is_not_called_clean(tool: Any, packages, code: int, says: str) -> None:
    found = tool.judge({"dependencies": packages})
    assert tool.CODES[type(found)] == code
    assert says in str(found)


def test_no_vulnerability_is_known_of_what_is_installed(tool: Any) -> None:
    found = tool.verdict()
    if isinstance(found, tool.Unanswered):
        pytest.skip(str(found))
    assert isinstance(found, tool.Clean), str(found)
