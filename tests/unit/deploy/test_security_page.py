"""The promises of the page on security: each is held by tests that exist."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from ipaddress import ip_address

import pytest

import nightcrew
from nightcrew.shared.settings import ServiceSettings
from support.composing import ROOT

PAGE = ROOT / "docs" / "explanation" / "security.md"
SETTINGS = re.compile(r"\.settings$")


def promises() -> dict[str, list[str]]:
    """Return the tests of each promise, as `file::test`."""
    table = PAGE.read_text().partition("## What is tested")[2].partition("\n## ")[0]
    rows = [line.strip("|").split("|") for line in table.splitlines() if line.startswith("| ")][1:]
    return {promise.strip(): re.findall(r"`([^`]+::[^`]+)`", tests) for promise, tests in rows}


def test_the_page_makes_promises() -> None:
    assert len(promises()) >= 15


@pytest.mark.parametrize("promise", list(promises()))
def test_a_promise_is_held_by_tests_that_exist(promise: str) -> None:
    assert promises()[promise], "no test"
    for named in promises()[promise]:
        file, _, test = named.partition("::")
        functions = {one.name for one in ast.parse((ROOT / "tests" / file).read_text()).body if hasattr(one, "name")}
        assert test in functions, named


def services() -> list[type[ServiceSettings]]:
    """Return the settings of all services, also of those to come."""
    for module in pkgutil.walk_packages(nightcrew.__path__, "nightcrew."):
        if SETTINGS.search(module.name):
            importlib.import_module(module.name)
    return [one for one in ServiceSettings.__subclasses__() if one.__module__.startswith("nightcrew.")]


def test_every_service_listens_on_loopback_unless_told_otherwise() -> None:
    found = services()
    assert {one.__name__ for one in found} >= {
        "IngestSettings",
        "PlannerSettings",
        "ReducerSettings",
        "CalmanagerSettings",
    }
    for one in found:
        assert ip_address(one.model_fields["host"].default).is_loopback, one
