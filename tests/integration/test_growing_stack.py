"""A sequence of a simulated NIRI night, stacked while it arrives, against the stack of the whole sequence."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import pytest
import sep
from astropy.io import fits
from astropy.wcs import WCS

from nightcrew.reducer.engine.memory import Memory
from nightcrew.reducer.engine.reduction import Request, Result, reduce
from nightcrew.reducer.engine.run import Surroundings, user_parameters
from nightcrew.reducer.engine.store import Directory
from nightcrew.shared.calibrations import Chosen
from nightcrew.shared.fits import Scratch
from nightcrew.simulator import niri_night
from support.golden import Bench

if TYPE_CHECKING:
    from pathlib import Path

    from nightcrew.simulator import Night

FRAMES = 10
NO_DARK = "darkCorrect:do_cal=skip"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
APERTURE, RING = 8.0, (14.0, 20.0)
"""Pixels."""
BRIGHT = 100_000.0
"""Electrons per exposure from which noise and neighbours make less than a percent."""


@dataclass
class Sequence:
    """The dithered frames of the standard star, their flat, and directories to stack them in."""

    night: Night
    raw: Path
    root: Path
    flat: Path

    def files(self, names: list[str] | None = None) -> list[Path]:
        return [self.raw / f"{name}.fits" for name in names or [e.name for e in self.night.group("standard")]]

    def show(self, where: str, *files: Path, user: tuple[str, ...] = ()) -> Result:
        """Run growStack as a process of its own would."""
        directory = self.root / where
        directory.mkdir(exist_ok=True)
        with Scratch(directory) as scratch:
            around = Surroundings(
                Chosen({"processed_flat": self.flat}), Directory(directory), Memory(2 << 30, scratch), clock=lambda: NOW
            )
            request = Request(files, "growStack", tuple(user_parameters((NO_DARK, *user))), "ql")
            return reduce(request, around)

    def product(self, where: str) -> Path:
        (path,) = (self.root / where).glob("*_growing.fits")
        return path

    def fates(self, where: str) -> dict[str, str]:
        with fits.open(self.product(where)) as hdus:
            return {str(row["NAME"])[10:14]: str(row["STATUS"]) for row in hdus["GROWTH"].data}


def taken(night: Night, root: Path) -> Sequence:
    night.write(root / "raw")
    bench = Bench(root / "masters", root / "raw")
    lamps = tuple(root / "raw" / e.filename for group in ("lamp-on", "lamp-off") for e in night.group(group))
    flat = bench.reduce(lamps)
    return Sequence(night, root / "raw", root, bench.root / flat.outcome.products[-1])


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Sequence:
    return taken(niri_night(seed=4, size=256, frames=FRAMES + 1), tmp_path_factory.mktemp("good"))


@pytest.fixture(scope="module")
def grown(good: Sequence) -> list[Result]:
    """The reports of all frames, each added in a run of its own; the stack after each is kept."""
    results = []
    for number, file in enumerate(good.files()):
        results.append(good.show("grown", file))
        if number:
            good.product("grown").rename(good.root / f"after_{number}.fits")
            (good.root / "grown" / "N20160102S0295_growing.fits").write_bytes(
                (good.root / f"after_{number}.fits").read_bytes()
            )
    return results


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory) -> Sequence:
    night = niri_night(seed=4, size=256, frames=8)
    standard = night.group("standard")
    night = night.with_exposures(
        replace(standard[2], trail=(18.0, 11.0)),
        replace(standard[4], wcs_error=(4.0, 3.0)),
        replace(standard[6], wcs_error=(240.0, 180.0)),
    )
    return taken(night, tmp_path_factory.mktemp("troubled"))


FATES = {
    "0295": "unsettled", "0296": "added", "0297": "misshapen", "0298": "added", "0299": "misplaced", "0300": "added",
    "0301": "misplaced", "0302": "added",
}  # fmt: skip


def fluxes(path: Path, night: Night) -> tuple[np.ndarray, np.ndarray]:
    """Return the true fluxes, electrons per exposure, and those in apertures; NaN where few frames show a star."""
    with fits.open(path) as hdus:
        data, dq, wcs = hdus["SCI"].data.astype(float), hdus["DQ"].data, WCS(hdus["SCI"].header)
        shown = hdus["EXPMAP"].data if "EXPMAP" in hdus else np.ones(data.shape)
    stars = [s for s in night.truth().objects if s["kind"] == "star" and s["field"] == "standard"]
    places = wcs.all_world2pix([s["ra"] for s in stars], [s["dec"] for s in stars], 0)
    y, x = np.mgrid[: data.shape[0], : data.shape[1]]
    found = []
    for sx, sy in zip(*places, strict=True):
        away = np.hypot(x - sx, y - sy)
        aperture, ring = away < APERTURE, (away > RING[0]) & (away < RING[1]) & (dq == 0)
        whole = aperture.sum() > 190 and ring.sum() > 300 and not (dq[aperture] & 17).any()
        whole = whole and shown[aperture].mean() > 0.7 * shown.max()
        found.append((data[aperture] - np.median(data[ring])).sum() if whole else np.nan)
    exposure = night.group("standard")[0]
    return np.array([s["flux"] for s in stars]) * exposure.exptime * exposure.coadds, np.array(found)


def test_the_grown_stack_has_the_fluxes_of_the_stack_of_all_frames(good, grown) -> None:
    batch = Bench(good.root / "batch", good.raw).reduce(
        tuple(good.files()), NO_DARK, calibrations={"processed_flat": good.flat}
    )
    assert batch.outcome.ok, batch.outcome
    true, ours = fluxes(good.product("grown"), good.night)
    _, theirs = fluxes(good.root / "batch" / batch.outcome.products[-1], good.night)
    bright = (true > BRIGHT) & np.isfinite(ours) & np.isfinite(theirs)
    assert bright.sum() >= 10
    assert ours[bright] == pytest.approx(theirs[bright], rel=0.02)


def noise(path: Path) -> tuple[float, float]:
    """Return the scatter of blocks of empty pixels that all frames show, electrons, and what VAR says of it.

    Blocks of 3 x 3 pixels, so that it does not matter how each frame happened to be resampled.
    """
    with fits.open(path) as hdus:
        data, variance = hdus["SCI"].data.astype(float), hdus["VAR"].data
        seen = (hdus["DQ"].data == 0) & (hdus["OBJMASK"].data == 0) & (hdus["REJMAP"].data == 0)
    flat = data - sep.Background(np.ascontiguousarray(data), mask=~seen, bw=24, bh=24).back()
    ny, nx = (size // 3 * 3 for size in data.shape)
    blocks = [
        image[:ny, :nx].reshape(ny // 3, 3, nx // 3, 3).transpose(0, 2, 1, 3).reshape(-1, 9) for image in (flat, seen)
    ]
    means = blocks[0].mean(axis=1)[blocks[1].all(axis=1)]
    scatter = 1.4826 * np.median(np.abs(means - np.median(means)))
    return float(scatter), float(np.sqrt(np.median(variance[seen]) / 9))


def test_the_noise_falls_with_the_root_of_the_number_of_frames(good, grown) -> None:
    measured = [noise(good.root / f"after_{number}.fits") for number in range(1, FRAMES + 1)]
    first = measured[0][0]
    for number, (scatter, expected) in enumerate(measured, 1):
        assert scatter * np.sqrt(number) == pytest.approx(first, rel=0.15)
        assert scatter == pytest.approx(expected, rel=0.15)


def test_every_frame_and_every_stack_is_measured(grown) -> None:
    for number, result in enumerate(grown):
        kinds = [measurement.kind for measurement in result.measurements]
        growth = next(m for m in result.measurements if m.kind == "growth")
        assert kinds[:3] == ["correction_level", "image_quality", "background"]
        if number == 0:
            assert "bias has not settled" in result.outcome.reason
            assert growth.status == "unsettled"
            continue
        assert result.outcome.ok
        assert result.outcome.products == ("N20160102S0295_growing.fits",)
        assert growth.frames == number
        assert kinds.count("image_quality") == kinds.count("background") == 2
        frame, stack = (m for m in result.measurements if m.kind == "background")
        assert stack.frame == "N20160102S0295_growing.fits"
        assert stack.level.value == pytest.approx(frame.level.value, rel=0.05)
        assert stack.level.error < 1.2 * frame.level.error


def test_trailed_and_misplaced_frames_are_left_out_by_name(troubled) -> None:
    told = {}
    for file in troubled.files():
        result = troubled.show("one_by_one", file)
        told[file.stem[-4:]] = next(m for m in result.measurements if m.kind == "growth")
        if not told[file.stem[-4:]].added:
            assert any(text.startswith(f"{file.name}: not added") for text in result.outcome.caveats)
    assert troubled.fates("one_by_one") == FATES
    assert "stars are trailed" in told["0297"].reason
    assert "its WCS disagrees with target and telescope offsets by 5.0 arcsec" in told["0299"].reason
    assert "by 300.0 arcsec" in told["0301"].reason
    with fits.open(troubled.product("one_by_one")) as hdus:
        phu = hdus[0].header
        named = {phu[f"NCEXCL{n:02d}"][10:14] for n in range(1, 5)}
        assert named == {"0295", "0297", "0299", "0301"}
        assert phu["NCOMBINE"] == 4


def test_one_run_for_all_frames_and_one_for_each_make_the_same_file(troubled) -> None:
    for file in troubled.files():
        troubled.show("restarted", file)
    assert troubled.show("at_once", *troubled.files()).outcome.ok
    assert troubled.product("restarted").read_bytes() == troubled.product("at_once").read_bytes()


def test_whatever_the_order_the_same_frames_are_in_the_stack(troubled) -> None:
    files = troubled.files()
    orders = [files[::-1], [files[4], *files[:4], *files[5:]], [files[6], files[4], files[2], *files[:2], *files[3::2]]]
    chance = random.Random(3)
    orders += [chance.sample(files, len(files)) for _ in range(2)]
    for number, order in enumerate(orders):
        troubled.show(f"order{number}", *order)
        assert troubled.fates(f"order{number}") == FATES


def test_a_frame_that_comes_twice_changes_nothing(troubled) -> None:
    files = troubled.files()
    troubled.show("twice", *files[:4])
    before = troubled.product("twice").read_bytes()
    again = troubled.show("twice", files[1], files[2])
    assert again.outcome.ok
    assert all("was shown to the stack before" in m.reason for m in again.measurements if m.kind == "growth")
    assert troubled.product("twice").read_bytes() == before


def test_a_wrong_wcs_can_be_allowed(troubled) -> None:
    files = troubled.files()
    troubled.show("allowed", files[1], files[3], files[4], user=("addToGrowingStack:max_wcs_error=20",))
    assert troubled.fates("allowed") == {"0296": "added", "0298": "added", "0299": "added"}
