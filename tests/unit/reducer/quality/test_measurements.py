"""Measurements as JSON."""

from __future__ import annotations

import json
import math

from nightcrew.reducer.quality.measurements import Amount, Background, Bands, CorrectionLevel


def test_a_measurement_is_one_line_of_json_with_names_units_apart() -> None:
    bands = Bands("BG", 20, ((20, 0.97), (100, 0.03)), 80, met=True)
    sky = Background(
        "N1_bgMeasured.fits", None, 100, Amount(10.0, math.nan), "electron", None, Amount(16.5, 0.01), bands
    )
    told = json.loads(sky.to_json())
    assert "\n" not in sky.to_json()
    assert told["kind"] == "background"
    assert told["level"] == {"value": 10.0, "error": None}
    assert told["electrons"] is None
    assert told["bands"]["probabilities"] == {"20": 0.97, "Any": 0.03}
    assert told["bands"]["likely"] == [20]
    assert told["bands"]["met"] is True
    assert told["comments"] == []


def test_the_level_of_correction_is_a_word() -> None:
    assert CorrectionLevel("N1.fits", ("dark", "flat"), ("bpm",)).level == "dark+flat"
    assert CorrectionLevel("N1.fits", (), ("bpm", "dark", "flat")).level == "none"
    assert json.loads(CorrectionLevel("N1.fits", ("dark",), ("bpm",)).to_json()) == {
        "kind": "correction_level", "frame": "N1.fits", "applied": ["dark"], "missing": ["bpm"],
    }  # fmt: skip
