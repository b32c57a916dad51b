"""Quality gates: each can fail alone, and says why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from nightcrew.calmanager.core.gate_file import lint_gates, parse_gates, shipped_gates
from nightcrew.calmanager.core.gates import GATES, Limits, TypeGates, judge
from nightcrew.calmanager.core.measuring import Measures, Pixels, measure
from nightcrew.shared.errors import CalibrationError

GOOD = Measures(counts=80.0, noise=11.0, bad_fraction=0.001, change=5.0)
DARK = shipped_gates()["NIRI"]["processed_dark"]
SHAPE = (100_000,)


def pixels(counts: float = 80.0, sigma: float = 10.0, seed: int = 1, bad: int = 0, variance: bool = True) -> Pixels:
    """Return a master with known median and noise, of which some pixels are bad."""
    data = np.random.default_rng(seed).normal(counts, sigma, SHAPE).astype(np.float32)
    mask = np.zeros(SHAPE, bool)
    mask[:bad] = True
    data[:bad] = 1e6
    return Pixels(data, mask, np.full(SHAPE, sigma**2, np.float32) if variance else None)


@pytest.mark.parametrize(
    ("gate", "value"),
    [("counts", -21.0), ("counts", 1301.0), ("noise", 0.1), ("noise", 101.0), ("bad_fraction", 0.06), ("change", 51.0)],
)
def test_each_gate_fails_alone(gate: str, value: float) -> None:
    assert judge(GOOD, "electron", DARK).passed
    verdict = judge(replace(GOOD, **{gate: value}), "electron", DARK)
    assert [finding.gate for finding in verdict.findings if not finding.passed] == [gate]
    assert len(verdict.reasons) == 1
    assert f"{value:.4g}" in verdict.reasons[0]
    assert "must be" in verdict.reasons[0]


def test_limits_belong_to_what_passes() -> None:
    limits = Limits(-20, 1300)
    assert limits.hold(-20)
    assert limits.hold(1300)
    assert not limits.hold(float("nan"))


def test_a_master_in_other_units_does_not_pass() -> None:
    assert judge(GOOD, "adu", DARK).reasons == ("its unit is adu, the limits are in electron",)
    assert judge(GOOD, "", DARK).reasons == ("its unit is not told, the limits are in electron",)


def test_what_cannot_be_measured_does_not_pass_but_the_first_of_its_kind_does() -> None:
    assert judge(replace(GOOD, change=None), "electron", DARK).passed
    assert judge(replace(GOOD, counts=None), "electron", DARK).reasons == ("median of the good pixels unknown",)


def test_a_verdict_tells_all_its_numbers() -> None:
    (first, *_) = judge(GOOD, "electron", DARK).findings
    assert first.told() == {
        "gate": "counts",
        "value": 80.0,
        "low": -20,
        "high": 1300,
        "passed": True,
        "reason": "median of the good pixels 80 electron, must be -20 to 1300",
    }


def test_counts_noise_and_bad_pixels_are_those_of_the_good_pixels() -> None:
    measures = measure(pixels(bad=1000), None, mask=False)
    assert measures.counts == pytest.approx(80, abs=0.2)
    assert measures.noise == pytest.approx(10)
    assert measures.bad_fraction == pytest.approx(0.01)
    assert measures.change is None


def test_without_variance_the_noise_is_the_scatter() -> None:
    assert measure(pixels(variance=False), None, mask=False).noise == pytest.approx(10, rel=0.02)


def test_two_masters_that_differ_by_their_noise_have_not_changed() -> None:
    assert measure(pixels(), pixels(seed=2), mask=False).change == pytest.approx(0, abs=2)


def test_an_offset_and_a_new_structure_are_changes() -> None:
    assert measure(pixels(110), pixels(80, seed=2), mask=False).change == pytest.approx(30, rel=0.02)
    new = pixels(seed=3)
    structured = replace(new, data=new.data + np.random.default_rng(4).normal(0, 40, SHAPE).astype(np.float32))
    assert measure(structured, pixels(seed=2), mask=False).change == pytest.approx(40, rel=0.05)


def test_masks_change_where_they_say_different_things() -> None:
    one, other = pixels(bad=1000), pixels(bad=500)
    measures = measure(one, other, mask=True)
    assert measures == Measures(None, None, 0.01, 0.005)


@pytest.mark.parametrize("previous", [None, Pixels(np.zeros(4), np.zeros(4, bool)), pixels(bad=SHAPE[0])])
def test_masters_that_cannot_be_compared_have_no_change(previous: Pixels | None) -> None:
    assert measure(pixels(), previous, mask=False).change is None


def test_a_master_without_good_pixels_has_neither_counts_nor_noise() -> None:
    measures = measure(pixels(bad=SHAPE[0]), None, mask=False)
    assert measures == Measures(None, None, 1.0)
    assert not judge(measures, "electron", DARK).passed


def test_the_gates_that_come_with_nightcrew_are_sound_and_cover_the_masters_of_a_night() -> None:
    gates = shipped_gates()
    assert set(gates) == {"NIRI", "F2"}
    for types in gates.values():
        assert set(types) == {"processed_dark", "processed_flat", "processed_bpm"}
        assert set(types["processed_dark"].limits) == set(GATES)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[", "not YAML"),
        ("- NIRI", "must map instruments"),
        ("NURI: {}", "no instrument 'NURI'"),
        ("NIRI: 3", "must map types"),
        ("NIRI: {processed_drak: {}}", "no such master"),
        ("NIRI: {dark: {}}", "no such master"),
        ("NIRI: {processed_telluric: {}}", "no such master"),
        ("NIRI: {processed_dark: {}}", "must map gates to limits"),
        ("NIRI: {processed_dark: {noise: {high: 1}}}", "lacks the unit"),
        ("NIRI: {processed_dark: {unit: electron, nose: {high: 1}}}", "no gate 'nose'"),
        ("NIRI: {processed_bpm: {unit: electron, bad_fraction: {high: 1}}}", "no gate 'unit'"),
        ("NIRI: {processed_bpm: {noise: {high: 1}}}", "no gate 'noise'"),
        ("NIRI: {processed_dark: {unit: electron, noise: 3}}", "low, high or both"),
        ("NIRI: {processed_dark: {unit: electron, noise: {}}}", "low, high or both"),
        ("NIRI: {processed_dark: {unit: electron, noise: {hihg: 3}}}", "low, high or both"),
        ("NIRI: {processed_dark: {unit: electron, noise: {high: much}}}", "'much', which is no number"),
        ("NIRI: {processed_dark: {unit: electron, noise: {high: true}}}", "True, which is no number"),
        ("NIRI: {processed_dark: {unit: electron, noise: {low: 3, high: 2}}}", "nothing could pass"),
        ("NIRI: {processed_dark: {unit: electron, bad_fraction: {high: 5}}}", "between 0 and 1"),
    ],
)
def test_a_faulty_file_of_gates_is_told_what_is_wrong(text: str, said: str) -> None:
    wrong = lint_gates(text, "my.yaml")
    assert len(wrong) == 1
    assert wrong[0].startswith("my.yaml: ")
    assert said in wrong[0]
    with pytest.raises(CalibrationError, match=r"^my\.yaml: "):
        parse_gates(text, "my.yaml")


@pytest.mark.parametrize(("text", "gates"), [
    ("", {}),
    ("F2: {processed_bpm: {change: {high: 0.5}}}", {"F2": {"processed_bpm": TypeGates({"change": Limits(high=0.5)})}}),
])  # fmt: skip
def test_gates_are_read(text: str, gates: dict[str, Any]) -> None:
    assert parse_gates(text, "my.yaml") == gates


@pytest.mark.parametrize(("limits", "words"), [
    (Limits(high=3), "at most 3"), (Limits(low=1), "at least 1"), (Limits(1, 3), "1 to 3"),
])  # fmt: skip
def test_limits_are_said_as_one_says_them(limits: Limits, words: str) -> None:
    assert str(limits) == words
