"""What a guide probe in the field of F2 shades is flagged, where the headers put it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nightcrew.reducer.guiding import PROBES, Arm, arm_in_field, guide_star, shadow
from nightcrew.shared.dq import DQ
from support.runs import F2_PHU, f2_frame, running

GUIDING = {"PWFS2_ST": "guiding", "OIWFS_ST": "parked"}
SIZE = 512


def star(east: float, north: float) -> dict[str, float]:
    """Return the keywords of a guide star, arcsec from the target."""
    ra, dec = F2_PHU["RA"], F2_PHU["DEC"]
    return {"P2ARA": ra + east / 3600 / math.cos(math.radians(dec)), "P2ADEC": dec + north / 3600}


def flagged(directory, user=(), **cards):
    frame = f2_frame(data=np.zeros((SIZE, SIZE), np.float32), **cards)
    frame.planes[0].dq = np.zeros((SIZE, SIZE), np.uint16)
    frame.planes[0].dq[:20] = DQ.BAD_PIXEL
    with running(directory, frame, user=user) as run:
        run.step("flagGuideProbe", {})
        (result,) = run.stream("main")
    return result, (result.planes[0].dq & DQ.UNILLUMINATED) != 0, run


@pytest.mark.parametrize(("east", "north"), [(0.0, 0.0), (20.0, 0.0), (0.0, -25.0), (15.0, 12.0)])
def test_the_shadow_lies_at_the_guide_star_and_outwards(east, north, tmp_path):
    frame, shade, run = flagged(tmp_path, **GUIDING, **star(east, north))
    # F2's x axis points north, its y axis east.
    x, y = (SIZE - 1) / 2 + north / 0.1792, (SIZE - 1) / 2 + east / 0.1792
    assert shade[round(y), round(x)]
    length = math.hypot(east, north) or 1.0
    along = np.array([north / length, east / length]) * 60
    ahead, behind = np.array([x, y]) + along, np.array([x, y]) - 3 * along
    assert shade[round(ahead[1]), round(ahead[0])]
    if along.any():
        assert not shade[round(behind[1]), round(behind[0])]
    assert frame.filename == "S20131128S0001_probeFlagged.fits"
    assert frame.phu["NCPROBE"].startswith("PWFS2")
    assert "PWFS2 guides in the field" in run.ledger.warnings[0]
    assert (frame.planes[0].dq[:20] & DQ.BAD_PIXEL).all()


@pytest.mark.parametrize(
    "cards",
    [
        {},
        {"PWFS2_ST": "guiding"},
        {**star(0.0, 0.0), "PWFS2_ST": "frozen"},
        {**star(300.0, 0.0), **GUIDING},
        {**GUIDING, "P2ARA": "none", "P2ADEC": 0.0},
    ],
)
def test_nothing_is_flagged_unless_headers_put_a_guiding_probe_into_the_field(cards, tmp_path):
    _, shade, run = flagged(tmp_path, **cards)
    assert not shade.any()
    assert run.ledger.warnings == []


def test_the_size_of_the_shadow_is_the_users(tmp_path):
    small = flagged(tmp_path, ("flagGuideProbe:radius=5", "flagGuideProbe:half_width=0"), **GUIDING, **star(0, 0))[1]
    usual = flagged(tmp_path, **GUIDING, **star(0, 0))[1]
    assert 0 < small.sum() < usual.sum()


def test_an_unknown_probe_is_named(tmp_path):
    _, shade, run = flagged(tmp_path, ("flagGuideProbe:probe=PWFS9",), **GUIDING, **star(0, 0))
    assert not shade.any()
    assert "PWFS9" in run.ledger.warnings[0]


def test_a_frame_without_flags_gets_them(tmp_path):
    frame = f2_frame(data=np.zeros((SIZE, SIZE), np.float32), **GUIDING, **star(0, 0))
    with running(tmp_path, frame) as run:
        run.step("flagGuideProbe", {})
    assert frame.planes[0].dq.dtype == np.uint16
    assert frame.planes[0].dq.any()


def test_an_arm_widens_along_its_length():
    shade = shadow((200, 400), Arm((100.0, 100.0), (1.0, 0.0), 10.0, 5.0, 0.1))
    assert shade[:, 120].sum() == 15
    assert shade[:, 300].sum() == 51
    assert not shade[:, :89].any()
    assert shade[:, 91].any()


def test_an_arm_that_only_just_misses_the_field_is_outside():
    inside = arm_in_field((200.0, 0.0), (0.0, 0.0), 190.0, radius=15.0, half_width=5.0)
    assert inside is not None
    assert inside.outward == (1.0, 0.0)
    assert arm_in_field((210.0, 0.0), (0.0, 0.0), 190.0, radius=15.0, half_width=5.0) is None
    assert arm_in_field((math.nan, 0.0), (0.0, 0.0), 190.0, radius=15.0, half_width=5.0) is None


def test_every_probe_has_its_own_keywords():
    phu = f2_frame(data=np.zeros((4, 4), np.float32), PWFS1_ST="guiding", P1ARA=10.0, P1ADEC=-20.0).phu
    assert guide_star(phu, PROBES["PWFS1"]) == (10.0, -20.0)
    assert guide_star(phu, PROBES["PWFS2"]) is None
