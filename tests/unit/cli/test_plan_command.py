"""`nightcrew plan`: rules of one's own, tried on a directory."""

from __future__ import annotations

import json
from importlib import resources
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

SHIPPED = (resources.files("nightcrew.planner") / "rules" / "niri.yaml").read_text(encoding="utf-8")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    return tmp_path / "own.yaml"


def groups(said) -> dict[str, str]:
    assert said.code == 0, said.err
    return {group["name"]: group["recipe"] for group in json.loads(said.out)["groups"]}


@pytest.mark.usefixtures("night")
def test_without_rules_of_ones_own_the_plan_is_that_of_the_night(nightcrew):
    assert json.loads(nightcrew("plan", "raw", "--json").out) == json.loads(
        nightcrew("night", "raw", "--plan", "--json").out
    )


@pytest.mark.usefixtures("night")
def test_frames_are_grouped_by_rules_of_ones_own(nightcrew, own):
    own.write_text(SHIPPED.replace("recipe: makeProcessedDark", "recipe: myDark"))
    planned = groups(nightcrew("plan", "raw", "--rules", str(own), "--json"))
    assert planned["dark-N1_dark"] == "myDark"
    assert "myDark" in nightcrew("plan", "raw", "--rules", str(own)).out


@pytest.mark.usefixtures("night")
def test_rules_of_another_instrument_change_nothing(nightcrew, own):
    own.write_text(SHIPPED.replace("instrument: NIRI", "instrument: F2"))
    assert groups(nightcrew("plan", "raw", "--rules", str(own), "--json"))["dark-N1_dark"] == "makeProcessedDark"


@pytest.mark.usefixtures("night")
def test_rules_with_a_fault_are_refused_with_its_line(nightcrew, own):
    own.write_text(SHIPPED.replace("recipe: makeProcessedDark", "recipee: makeProcessedDark"))
    said = nightcrew("plan", "raw", "--rules", str(own))
    assert (said.code, said.out) == (1, "")
    assert f"plan: error: {own}:" in said.err
    assert "recipee" in said.err


@pytest.mark.usefixtures("night")
def test_a_damaged_file_is_named_and_left_out(nightcrew, night):
    (night / "raw" / "N9.fits").write_bytes(b"SIMPLE")
    said = nightcrew("plan", "raw")
    assert said.code == 0
    assert "left out: raw/N9.fits" in said.err
