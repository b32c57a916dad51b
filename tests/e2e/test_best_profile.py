"""The profile `best`: nights with something wrong in them give the stack that they should, and say what was wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.defects import Compared
from benchmarks.profiling import Bench
from benchmarks.scenes import dither, lost, star_in_sky
from e2e.conftest import nightcrew
from nightcrew.shared.fits import open_frame
from nightcrew.simulator import niri_night

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.profiling import Outcome


def compared(outcome: Outcome, bench: Bench) -> Compared:
    assert outcome.product is not None, outcome.reason
    return Compared(outcome.product, bench.truth, "target")


def told(outcome: Outcome, *words: str) -> bool:
    return any(all(word in caveat for word in words) for caveat in outcome.caveats)


def test_thirty_frames_one_of_them_trailed_and_one_with_a_wrong_wcs(tmp_path: Path) -> None:
    bench = Bench.prepare(tmp_path / "night", dither(15, "trailed", "shifted-wcs"))
    best = bench.reduce("science", "best")
    stack = compared(best, bench)
    assert stack.place_error() < 0.05
    assert stack.sharpness() == pytest.approx(1.0, abs=0.03)
    assert stack.flux_of("galaxy") == pytest.approx(1.0, abs=0.01)
    assert len(stack.stack.frames) == 28
    assert told(best, "N20160102S0272", "left out of the stack", "trailed")
    assert told(best, "N20160102S0271", "WCS 5.0 arcsec beside")
    assert not any("S0273" in caveat for caveat in best.caveats)
    header = open_frame(best.product).phu
    assert header["NCEXCL01"] == "N20160102S0272.fits"
    assert header["NCREFIM"] != "N20160102S0271.fits"
    # What is at stake: the reference's alignment takes the place of the first frame for true.
    standard = bench.reduce("science", "standard")
    assert compared(standard, bench).place_error() == pytest.approx(5.0, abs=0.1)
    assert told(standard, "N20160102S0272.fits: stars are trailed", "it is in the stack all the same")
    assert told(standard, "N20160102S0271", "arcsec beside those of the other frames", "use --profile best")
    assert not told(standard, "S0273.fits", "trailed")


def test_a_frame_that_lies_beside_the_others_does_not_double_the_stars(tmp_path: Path) -> None:
    bench = Bench.prepare(tmp_path / "night", lost(dither(3)))
    best, standard = (bench.reduce("science", profile) for profile in ("best", "standard"))
    assert compared(best, bench).sharpness() == pytest.approx(1.0, abs=0.03)
    assert compared(standard, bench).sharpness() < 0.9
    assert told(best, "left out of the stack", "coincide (limit 50 %)")
    assert open_frame(best.product).phu["NCOMBINE"] == 4


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A night on which nothing went wrong."""
    return Bench.prepare(tmp_path_factory.mktemp("plain") / "night", niri_night(1, size=256, frames=5))


def test_a_sky_frame_with_a_bright_star_leaves_no_hole(plain: Bench, tmp_path: Path) -> None:
    star = Bench.prepare(tmp_path / "star", star_in_sky())
    with_star, without = (compared(bench.reduce("science", "best"), bench) for bench in (star, plain))
    assert with_star.unevenness() < 1.1 * without.unevenness() < 0.3 * with_star.noise() * 1.1
    assert with_star.flux_of("galaxy") == pytest.approx(without.flux_of("galaxy"), abs=0.002)


def test_pattern_noise_goes_where_it_is_and_clean_frames_stay_as_they_are(plain: Bench, tmp_path: Path) -> None:
    stripes = Bench.prepare(tmp_path / "night", niri_night(1, size=256, frames=5, variants=("pattern-noise",)))
    cleaned = stripes.reduce("standard", "best")
    left = stripes.reduce("standard", "best", ["cleanPatternNoise"])
    noise, without = (Compared(outcome.product, stripes.truth, "standard").noise() for outcome in (cleaned, left))
    assert noise < 0.75 * without
    assert "top left" in open_frame(cleaned.product).phu["NCPATCLN"]
    same = [open_frame(plain.reduce("standard", "best", steps).product) for steps in ([], ["cleanPatternNoise"])]
    assert "NCPATCLN" not in same[0].phu
    for name in ("data", "variance", "dq"):
        assert getattr(same[0].planes[0], name).tobytes() == getattr(same[1].planes[0], name).tobytes()


def test_a_night_is_reduced_with_the_profile_and_says_so(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    niri_night(1, size=256, frames=5).write(raw)
    for name, threads in (("one", "1"), ("two", "2")):
        done = nightcrew(
            "night", raw, "--out", tmp_path / name, "--profile", "best", "--no-previews", "--threads", threads
        )
        assert done.code == 0, done
    assert '"profile": "best"' in (tmp_path / "one" / "night.json").read_text()
    one, two = (open_frame(tmp_path / name / "N20160102S0271_image.fits") for name in ("one", "two"))
    assert {"levelFrames", "excludeMisregistered"} <= {row.primitive for row in one.history}
    assert one.planes[0].data.tobytes() == two.planes[0].data.tobytes()


def test_a_mask_made_by_hand_is_found_by_the_next_reduction(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    night = niri_night(1, size=256, frames=5)
    night.write(raw)

    def files(*groups: str) -> list[Path]:
        return [raw / exposure.filename for group in groups for exposure in night.group(group)]

    made = nightcrew(
        "reduce",
        *files("lamp-on", "lamp-off", "short-dark"),
        "-r",
        "makeProcessedBPM",
        "--profile",
        "best",
        cwd=tmp_path,
    )
    assert made.code == 0, made
    (mask,) = (tmp_path / "calibrations" / "processed_bpm").iterdir()
    for profile, used in (("standard", False), ("best", True)):
        done = nightcrew(
            "reduce", *files("standard"), "--profile", profile, "-p", "darkCorrect:do_cal=skip",
            "flatCorrect:do_cal=skip", cwd=tmp_path,
        )  # fmt: skip
        assert done.code == 0, done
        product = open_frame(tmp_path / "N20160102S0296_image.fits")
        assert (mask.name in {row.filename for row in product.provenance}) == used
        assert ("made of frames taken after these, the same night" in done.out + done.err) == used
