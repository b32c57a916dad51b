"""The same product bytes whatever the threads, the memory, and the order of frames of equal rank."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from nightcrew.shared.fits import open_frame, write_frame
from nightcrew.simulator import niri_night
from support.observatory import Observatory
from support.runs import F2_DARK, F2_SIZE, LAMP_OFF, LAMP_ON, f2_frame

if TYPE_CHECKING:
    from pathlib import Path

    from nightcrew.shared.frames import Frame

MEBI = 1 << 20
DARKS, SHORT_DARKS, LAMPS_ON, LAMPS_OFF = (1, 3), (11, 12), (21, 23), (31, 33)
MASTERS = {
    "dark": ((DARKS,), None),
    "bpm": ((LAMPS_ON, LAMPS_OFF, SHORT_DARKS), "makeProcessedBPM"),
    "flat": ((LAMPS_ON, LAMPS_OFF), None),
}
"""What F2 masters are made of, and the recipe that is not the default."""
TWO_THREADS = pytest.param({"threads": 2}, id="two threads")


def cards_of(number: int) -> dict[str, object]:
    """Return what the header of a frame says of its kind."""
    for span, cards in (
        (DARKS, F2_DARK),
        (SHORT_DARKS, {**F2_DARK, "EXPTIME": 2.0}),
        (LAMPS_ON, {**LAMP_ON, "EXPTIME": 20.0}),
        (LAMPS_OFF, {**LAMP_OFF, "EXPTIME": 20.0}),
    ):
        if span[0] <= number <= span[1]:
            return cards
    raise ValueError(number)


def raw_frame(number: int, name: str) -> Frame:
    """Return a frame of noise on a slope, with pixels that every rejection has to decide about."""
    rng = np.random.default_rng(number)
    level = 4000 if LAMPS_ON[0] <= number <= LAMPS_ON[1] else 100
    data = rng.normal(level, 12, (1, F2_SIZE, F2_SIZE)) + np.linspace(0, 30, F2_SIZE)
    data[0, rng.integers(0, F2_SIZE, 3000), rng.integers(0, F2_SIZE, 3000)] += 5000
    return f2_frame(name, data.astype(np.int32), UT=f"03:{number:02d}:00.0", **cards_of(number))


@pytest.fixture(scope="module")
def f2(tmp_path_factory: pytest.TempPathFactory) -> Observatory:
    root = tmp_path_factory.mktemp("f2")
    site = Observatory(root / "raw", root / "products", "S20131128S")
    site.raw.mkdir()
    for path in site.files(DARKS, SHORT_DARKS, LAMPS_ON, LAMPS_OFF):
        write_frame(raw_frame(int(path.stem[-4:]), path.name), path)
    return site


@pytest.fixture(scope="module")
def masters(f2: Observatory) -> dict[str, Path]:
    return {
        kind: f2.reduce(f2.files(*spans), f2.products / kind, recipe=recipe)
        for kind, (spans, recipe) in MASTERS.items()
    }


@pytest.mark.parametrize("kind", MASTERS)
@pytest.mark.parametrize("way", [TWO_THREADS, pytest.param({"budget": 120 * MEBI}, id="little memory")])
def test_threads_and_memory_change_no_byte_of_an_f2_master(kind, way, f2, masters, tmp_path) -> None:
    spans, recipe = MASTERS[kind]
    made = f2.reduce(f2.files(*spans), tmp_path, recipe=recipe, **way)
    assert made.read_bytes() == masters[kind].read_bytes()


@pytest.mark.parametrize("kind", MASTERS)
def test_the_order_after_the_first_frame_changes_no_byte_of_an_f2_master(kind, f2, masters, tmp_path) -> None:
    spans, recipe = MASTERS[kind]
    first, *others = f2.files(*spans)
    made = f2.reduce([first, *reversed(others)], tmp_path, recipe=recipe)
    ours, theirs = open_frame(made), open_frame(masters[kind])
    assert made.name == masters[kind].name
    for name in ("data", "variance", "dq"):
        mine, wanted = (getattr(frame.planes[0], name) for frame in (ours, theirs))
        assert (mine is None) == (wanted is None)
        assert mine is None or mine.tobytes() == wanted.tobytes(), name


@pytest.fixture(scope="module")
def niri(tmp_path_factory: pytest.TempPathFactory) -> Observatory:
    """A standard star, whose own frames are its skies, scaled; its mask and its flat."""
    root = tmp_path_factory.mktemp("niri")
    site = Observatory(root / "raw", root / "products", "N20160102S")
    niri_night(seed=2, size=256, frames=5).write(site.raw)
    site.calibrations["processed_flat"] = site.keep((363, 367), (373, 377))
    return site


@pytest.fixture(scope="module")
def standards(niri: Observatory) -> dict[str, Path]:
    return {
        profile: niri.reduce(
            niri.files((295, 299)), niri.products / profile, "darkCorrect:do_cal=skip", profile=profile
        )
        for profile in ("standard", "best")
    }


@pytest.mark.parametrize("profile", ["standard", "best"])
@pytest.mark.parametrize("way", [TWO_THREADS, pytest.param({"budget": 20 * MEBI}, id="little memory")])
def test_threads_and_memory_change_no_byte_of_a_stack_with_scaled_skies(
    way, profile, niri, standards, tmp_path
) -> None:
    files = niri.files((295, 299))
    made = niri.reduce(files, tmp_path, "darkCorrect:do_cal=skip", profile=profile, **way)
    assert made.read_bytes() == standards[profile].read_bytes()
    if "threads" in way:
        first, second, *others = files
        made = niri.reduce([first, second, *reversed(others)], tmp_path, "darkCorrect:do_cal=skip", profile=profile)
        assert made.read_bytes() == standards[profile].read_bytes()


def test_a_niri_mask_is_the_same_by_two_threads_little_memory_and_in_another_order(niri, tmp_path) -> None:
    files = [niri.raw / f"N20160102S{n:04d}.fits" for n in (*range(373, 378), *range(363, 368))]
    files += sorted(niri.raw.glob("N20160103S04*.fits"))
    first, *others = files
    made = [
        niri.reduce(given, tmp_path / str(number), recipe="makeProcessedBPM", **way).read_bytes()
        for number, (given, way) in enumerate(
            [(files, {}), (files, {"threads": 2, "budget": 20 * MEBI}), ([first, *reversed(others)], {})]
        )
    ]
    assert made[0] == made[1]
    assert made[0] == made[2]
