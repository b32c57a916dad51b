"""The golden nights are planned as they were reduced by hand with the reference."""

from __future__ import annotations

import bz2
from typing import TYPE_CHECKING

import pytest
from astropy.io.fits import Header

from nightcrew.planner.core.plan import plan_descriptions
from nightcrew.shared.instruments import Description, describe, science_headers
from support.reference import require_reference

if TYPE_CHECKING:
    from pathlib import Path

    from nightcrew.planner.core.model import Plan

pytestmark = pytest.mark.reference


MENDED = {"prepare:bad_wcs": "fix"}
"""What every group on the sky gets."""


def planned(*parts: str) -> Plan:
    paths: list[Path] = sorted(require_reference("golden", *parts).glob("*.fits.bz2"))
    return plan_descriptions((path.name, described(path)) for path in paths)


def described(path: Path) -> Description:
    """Read the primary header and that of the one extension, not the compressed pixels behind them."""
    with bz2.open(path) as stream:
        return describe(science_headers([Header.fromfile(stream), Header.fromfile(stream)], path.name))


def by_product(made: Plan) -> dict[str, tuple[str, int, dict[str, object]]]:
    return {group.product: (group.recipe, len(group.inputs), dict(group.parameters)) for group in made.groups}


def test_the_niri_night_comes_out_as_by_hand() -> None:
    made = planned("niri256", "raw")
    mask = {"addDQ:user_bpm": "N20160102S0373_bpm.fits"}
    assert by_product(made) == {
        "N20160102S0423_dark.fits": ("makeProcessedDark", 5, {}),
        "N20160103S0463_dark.fits": ("makeProcessedDark", 5, {}),
        "N20160102S0373_bpm.fits": ("makeProcessedBPM", 15, {}),
        "N20160102S0373_flat.fits": ("makeProcessedFlat", 10, mask),
        "N20160102S0296_image.fits": ("reduce", 5, mask | MENDED | {"darkCorrect:do_cal": "skip"}),
        "N20160102S0271_image.fits": ("reduce", 10, mask | MENDED | {"skyCorrect:scale_sky": False}),
    }
    assert made.left_out == ()
    dark = next(link for link in made.links if link.caltype == "processed_dark")
    assert (dark.group, dark.provider.file) == ("science-N20160102S0271", "N20160102S0423_dark.fits")


def test_the_f2_night_comes_out_as_by_hand() -> None:
    made = planned("f2", "raw")
    mask = {"addDQ:user_bpm": "S20131128S0320_bpm.fits"}
    assert by_product(made) == {
        "S20131128S0369_dark.fits": ("makeProcessedDark", 3, {}),
        "S20131128S0380_dark.fits": ("makeProcessedDark", 3, {}),
        "S20131128S0320_bpm.fits": ("makeProcessedBPM", 9, {}),
        "S20131128S0320_flat.fits": ("makeProcessedFlat", 6, mask),
        "S20131128S0075_image.fits": ("reduce", 5, mask | MENDED),
    }
    assert made.left_out == ()
