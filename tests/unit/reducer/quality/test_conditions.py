"""What a sequence tells of the night: seeing, sky, and light that clouds took."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from nightcrew.reducer.quality.bands import bg_limits, by_value
from nightcrew.reducer.quality.conditions import Conditions
from nightcrew.reducer.quality.measurements import Amount, Bands
from support.fields import exposure
from support.runs import SCALE, running

PLACES = [(x, y) for x in (25.3, 60.1, 94.7, 130.4) for y in (30.2, 69.6, 110.5)]
SKY = 1000.0
FWHM, WINGS = 4.7, 3.5
"""Of the stars: pixels, and the exponent of Moffat's profile."""


def frame(number: int, part: float = 1.0, **cards):
    """Return a frame of stars that so great a part of the light has reached, its sky subtracted."""
    made = exposure(number, size=160, sources=[], sky=0.0, **cards)
    plane = made.planes[0]
    y, x = np.mgrid[:160, :160]
    core = FWHM / (2 * np.sqrt(2 ** (1 / WINGS) - 1))
    peak = part * 120000.0 * (WINGS - 1) / (np.pi * core**2)
    image = sum(peak * (1 + ((x - cx) ** 2 + (y - cy) ** 2) / core**2) ** -WINGS for cx, cy in PLACES)
    plane.data = (plane.data + image).astype(np.float32)
    plane.header["NCSKYLVL"] = SKY
    return made


def measured(directory, *frames, detect: bool = True) -> Conditions:
    with running(directory, *frames, user=("detectSources:detect_minarea=10",)) as run:
        if detect:
            run.step("detectSources", {})
        before = [(str(f.phu), str(f.planes[0].header), f.planes[0].data.tobytes()) for f in frames]
        run.step("measureConditions", {})
        after = [(str(f.phu), str(f.planes[0].header), f.planes[0].data.tobytes()) for f in run.stream("main")]
        assert before == after
        assert not run.ledger.warnings
        (found,) = run.measurements
    return found


def test_a_sequence_tells_seeing_sky_and_the_light_that_a_cloud_took(tmp_path) -> None:
    found = measured(tmp_path, frame(2, 0.8), frame(1), frame(3, AIRMASS=2.0))
    assert found.frame == "N20160102S0001.fits"
    assert [one.name[10:14] for one in found.frames] == ["0001", "0002", "0003"]
    assert found.fwhm.value == pytest.approx(FWHM * SCALE, rel=0.05)
    assert found.frames[2].zenith_fwhm.value == pytest.approx(found.frames[2].fwhm.value * 2.0**-0.6)
    assert found.iq.band is not None
    assert found.dimming == pytest.approx(-2.5 * math.log10(0.8), abs=0.02)
    assert found.frames[1].dimming == found.dimming
    assert found.frames[0].dimming < 0.02 > found.frames[2].dimming


def test_light_is_compared_per_second(tmp_path) -> None:
    found = measured(tmp_path, frame(1), frame(2, 0.5, EXPTIME=10.0), frame(3, 2.0, EXPTIME=40.0))
    assert found.dimming < 0.02


def test_the_sky_is_that_of_a_second_and_a_square_arcsec(tmp_path) -> None:
    found = measured(tmp_path, frame(1), frame(2))
    rate = SKY / 20.0 / SCALE**2
    zero_point = found.sky.value + 2.5 * math.log10(rate)
    with running(tmp_path, exposure(3, sky=SKY)) as run:
        run.step("measureBG", {})
        (sky,) = run.measurements
    assert found.sky.value == pytest.approx(sky.magnitude.value, abs=0.01)
    assert 20 < zero_point < 30
    assert found.sky.error == 0.0


def test_a_frame_without_stars_tells_what_it_can(tmp_path) -> None:
    empty = exposure(3, size=160, sources=[], sky=0.0)
    found = measured(tmp_path, frame(1), frame(2), empty)
    told = found.frames[2]
    assert (told.stars, told.fwhm, told.sky, told.dimming) == (0, None, None, None)
    assert found.dimming < 0.02


def test_frames_of_which_nothing_is_known_tell_nothing(tmp_path) -> None:
    one, two = exposure(1, EXPTIME=None), exposure(2)
    one.planes[0].header["NCSKYLVL"] = SKY
    found = measured(tmp_path, one, two, detect=False)
    assert (found.fwhm, found.sky, found.dimming) == (None, None, None)
    assert str(found) == "neither stars nor sky to tell the conditions by"


def test_a_stream_without_frames_tells_nothing(tmp_path) -> None:
    with running(tmp_path, exposure(1)) as run:
        run.streams["main"] = []
        run.step("measureConditions", {})
        assert run.measurements == []


def test_conditions_are_a_line_for_people_and_json_for_programs(tmp_path) -> None:
    bg = by_value("BG", Amount(14.9, 0.1), bg_limits("K"), None)
    conditions = Conditions(
        "N1.fits", (), Amount(0.6, 0.05), Amount(0.55, 0.05), Bands("IQ", None), Amount(14.9, 0.1), bg, 0.25
    )
    assert str(conditions) == (
        "seeing 0.60 arcsec (+/- 0.05), sky 14.90 mag/arcsec2 (+/- 0.10, BG20), light dimmed by up to 0.25 mag"
    )
    told = json.loads(measured(tmp_path, frame(1)).to_json())
    assert told["kind"] == "conditions"
    assert told["frames"][0]["fwhm"]["value"] == told["fwhm"]["value"]
    assert told["dimming"] is None


def test_a_trailed_frame_is_named_while_it_is_still_in_the_stack(tmp_path) -> None:
    frames = [frame(1), frame(2), frame(3)]
    pixels = frames[1].planes[0].data
    frames[1].planes[0].data = sum(np.roll(pixels, step, axis=1) for step in range(16)) / 16
    with running(tmp_path, *frames, user=("detectSources:detect_minarea=10",)) as run:
        run.step("detectSources", {})
        run.step("measureConditions", {})
        (told,) = run.ledger.warnings
    assert told.startswith("N20160102S0002.fits: stars are trailed, ellipticity 0.")
    assert told.endswith("it is in the stack all the same, leave it out or use --profile best")
