"""Alerts fire when they should, say what to do, and nothing else."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import Any

import pytest
import yaml

from support.composing import ROOT

PROMETHEUS = ROOT / "deploy" / "prometheus"
RULES = sorted((PROMETHEUS / "rules").glob("*.yml"))
TESTS = sorted((PROMETHEUS / "tests").glob("*.yml"))
RUNBOOKS = ROOT / "docs" / "runbooks"
SEVERITIES = {"page", "ticket", "warning", "info", "none"}


def promtool(*arguments: object) -> str:
    """Run promtool and return what it says."""
    program = shutil.which("promtool")
    if program is None:
        remedy = "promtool is missing: install it (Debian: apt-get install prometheus)"
        if os.environ.get("CI") == "true":
            pytest.fail(remedy, pytrace=False)
        pytest.skip(remedy)
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def alerts() -> list[dict[str, Any]]:
    return [
        rule
        for path in RULES
        for group in yaml.safe_load(path.read_text())["groups"]
        for rule in group["rules"]
        if "alert" in rule
    ]


def firing_expected(alert: str) -> set[float]:
    """Return the numbers of firing alerts that the tests of one expect."""
    counts: set[float] = set()
    for path in TESTS:
        for story in yaml.safe_load(path.read_text())["tests"]:
            for asked in story["promql_expr_test"]:
                if f'alertname="{alert}"' in asked["expr"]:
                    counts |= {sample["value"] for sample in asked["exp_samples"]}
    return counts


def test_prometheus_takes_the_configuration_and_the_rules() -> None:
    assert "FAILED" not in promtool("check", "config", PROMETHEUS / "prometheus.yml")
    promtool("check", "rules", *RULES)


def test_alerts_fire_when_they_should_and_at_no_other_time() -> None:
    assert "FAILED" not in promtool("test", "rules", *TESTS)


@pytest.mark.parametrize("name", sorted({alert["alert"] for alert in alerts()}))
def test_every_alert_is_tested_to_fire_and_not_to_fire(name: str) -> None:
    counts = firing_expected(name)
    assert max(counts) >= 1
    assert 0 in counts or name == "Watchdog"


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])
def test_every_alert_says_how_bad_it_is_and_where_to_read_on(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in SEVERITIES
    assert set(alert["annotations"]) == {"summary", "description", "runbook_url"}
    page = ROOT / alert["annotations"]["runbook_url"]
    assert page == RUNBOOKS / f"{alert['alert']}.md"
    text = page.read_text()
    assert text.startswith(f"# {alert['alert']}\n")
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert headings == ["What it means", "Look", "Do"]


def test_every_runbook_belongs_to_an_alert() -> None:
    pages = {path.stem for path in RUNBOOKS.glob("*.md")} - {"index"}
    assert pages == {alert["alert"] for alert in alerts()}


def test_whoever_is_told_exists() -> None:
    about = yaml.safe_load((ROOT / "deploy" / "alertmanager" / "alertmanager.yml").read_text())
    receivers = {one["name"] for one in about["receivers"]}
    assert {about["route"]["receiver"], *(route["receiver"] for route in about["route"]["routes"])} <= receivers
    named = {
        name
        for rule in about["inhibit_rules"]
        for matcher in rule["source_matchers"] + rule["target_matchers"]
        if matcher.startswith("alertname")
        for name in re.findall(r"\w+", matcher.partition('"')[2])
    }
    assert named <= {alert["alert"] for alert in alerts()}
