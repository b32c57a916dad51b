"""Worked examples of calibration association (`association.json`): they come with the calibration manager."""

from __future__ import annotations

from typing import Any

from support.examples_io import Report


def run(content: dict[str, Any]) -> Report:
    """Say that there is nothing yet to run them against."""
    report = Report()
    report.record(f"{len(content['results'])} targets", "not run: association comes with the calibration manager")
    return report
