"""A frame finds its place on a growing stack by the sources that both show, or is told why it has none."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nightcrew.reducer.catalogue.columns import make_catalogue
from nightcrew.reducer.geometry import TangentPlane
from nightcrew.reducer.growing.placing import Field, Limits, Misplaced, Placed, place

SCALE = 0.1
SIZE = 400
STARS = np.random.default_rng(4).uniform(20, SIZE - 20, (30, 2))
FLUXES = np.linspace(5000.0, 50000.0, 30)


def plane(dx: float = 0.0, dy: float = 0.0) -> TangentPlane:
    """Return a WCS that is off by so many pixels."""
    step = SCALE / 3600
    return TangentPlane((150.0, 2.0), (SIZE / 2 + dx, SIZE / 2 + dy), ((-step, 0.0), (0.0, step)))


def field(stars=STARS, light: float = 1.0, fluxes=FLUXES, wcs: TangentPlane | None = None) -> Field:
    """Return an image that shows stars at 0-based pixels."""
    where = wcs or plane()
    fluxes = fluxes[: len(stars)] * light
    ra, dec = where.sky(*stars.T) if len(stars) else (np.empty(0), np.empty(0))
    values = {
        "X_IMAGE": stars[:, 0] + 1, "Y_IMAGE": stars[:, 1] + 1, "X_WORLD": ra, "Y_WORLD": dec,
        "FLUX_AUTO": fluxes, "FLUXERR_AUTO": np.full(len(stars), 50.0), "FLAGS": np.zeros(len(stars), int),
        "NIMAFLAGS_ISO": np.zeros(len(stars), int), "ISOAREA_IMAGE": np.full(len(stars), 60),
    }  # fmt: skip
    return Field(make_catalogue(values, len(stars)), where, (SIZE, SIZE))


def test_a_frame_whose_wcs_is_off_is_moved_onto_the_stack() -> None:
    frame = field(STARS + np.array([12.0, -7.0]))
    found = place(frame, field(), Limits())
    assert isinstance(found, Placed)
    assert found.matched > 20
    assert np.hypot(*found.shift) == pytest.approx(math.hypot(12.0, 7.0), abs=0.05)
    assert found.rms < 0.01
    assert found.plane.onto(plane(), STARS + np.array([12.0, -7.0])) == pytest.approx(STARS, abs=0.05)


@pytest.mark.parametrize("light", [0.5, 1.0, 1.5])
def test_the_light_that_reaches_it_is_that_of_its_sources(light: float) -> None:
    found = place(field(light=light), field(), Limits())
    assert isinstance(found, Placed)
    assert found.transparency == pytest.approx(light, rel=1e-3)


@pytest.mark.parametrize("light", [0.01, 8.0])
def test_light_that_cannot_be_is_not_believed(light: float) -> None:
    # Errors stay as they are, so that all sources are still well detected.
    found = place(field(light=light, fluxes=FLUXES * 100), field(fluxes=FLUXES * 100), Limits())
    assert isinstance(found, Placed)
    assert found.transparency == 1.0


@pytest.mark.parametrize("stars", [np.empty((0, 2)), STARS[:2]])
def test_too_few_sources_tell_no_place(stars) -> None:
    found = place(field(stars), field(), Limits())
    assert isinstance(found, Misplaced)
    assert found.reason.startswith(f"it shows {len(stars)} well-detected sources")
    assert "3 are needed" in found.reason


def test_an_image_without_a_catalogue_has_no_place() -> None:
    found = place(Field(None, plane(), (SIZE, SIZE)), field(), Limits())
    assert isinstance(found, Misplaced)
    assert "it shows 0 well-detected sources" in found.reason


def test_a_frame_beside_the_stack_has_nothing_in_common_with_it() -> None:
    found = place(field(wcs=plane(dx=-3 * SIZE)), field(), Limits())
    assert isinstance(found, Misplaced)
    assert "the stack 0 where its WCS puts it" in found.reason


def test_sources_of_another_field_are_not_those_of_the_stack() -> None:
    others = np.random.default_rng(9).uniform(20, SIZE - 20, (30, 2))
    found = place(field(others), field(), Limits(share=0.7))
    assert isinstance(found, Misplaced)
    assert "sources fall on those of the stack, wherever it is moved within 6 arcsec" in found.reason
