"""Previews show the sky, whatever else is in the image, and need nothing but the frame."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from astropy.io.fits import Header
from PIL import Image

from nightcrew.reducer.preview import LARGEST, stretched, write_preview, zscale
from nightcrew.shared.dq import DQ
from nightcrew.shared.frames import Plane

ALONE = """
import sys
import numpy as np
from nightcrew.reducer.preview import stretched
from astropy.io.fits import Header
from nightcrew.shared.frames import Plane
stretched(Plane(Header(), np.arange(100.0, dtype=np.float32).reshape(10, 10)))
assert "matplotlib" not in sys.modules, "it wants a home to write to, and says so"
"""


def test_the_limits_are_those_of_the_sky_and_not_of_a_bright_star() -> None:
    sky = np.random.default_rng(1).normal(100.0, 5.0, 40_000)
    sky[:200] = 60_000.0
    low, high = zscale(np.random.default_rng(2).permutation(sky))
    assert 60 < low < 95
    assert 105 < high < 160


@pytest.mark.parametrize("values", [[3.0], [3.0, 4.0], [7.0] * 50, [0.0] * 10 + [1e30]])
def test_a_handful_of_pixels_has_limits_too(values: list[float]) -> None:
    low, high = zscale(np.array(values, np.float32))
    assert min(values) <= low <= high <= max(values) * (1 + 1e-6)


def test_an_image_without_a_single_number_is_black() -> None:
    assert not stretched(Plane(Header(), np.full((4, 4), np.nan, np.float32))).any()


def test_pixels_without_data_are_black_and_all_others_are_not_and_the_first_row_is_at_the_bottom() -> None:
    data = np.random.default_rng(3).normal(50.0, 4.0, (40, 60)).astype(np.float32)
    data[0] = 500.0
    dq = np.zeros(data.shape, np.uint16)
    dq[10:20, 5:9] = DQ.NO_DATA
    shades = stretched(Plane(Header(), data, None, dq))
    assert (shades.dtype, shades.shape) == (np.uint8, (40, 60))
    assert not shades[::-1][10:20, 5:9].any()
    assert shades[::-1][dq == 0].all()
    assert shades[-1].min() > np.median(shades)


def test_a_mask_is_black_and_white() -> None:
    mask = np.zeros((20, 20), np.int16)
    mask[4, 5] = 1
    shades = stretched(Plane(Header(), mask))
    assert shades[::-1][4, 5] == 255
    assert (shades == 255).sum() == 1


def test_a_preview_of_a_large_frame_is_small_and_lies_there_whole(tmp_path) -> None:
    plane = Plane(Header(), np.random.default_rng(4).normal(10.0, 1.0, (2048, 2100)).astype(np.float32))
    write_preview(plane, tmp_path / "stack.png")
    with Image.open(tmp_path / "stack.png") as picture:
        assert max(picture.size) <= LARGEST
        assert picture.size[0] > picture.size[1]
    assert [path.name for path in tmp_path.iterdir()] == ["stack.png"]


def test_a_preview_needs_no_matplotlib() -> None:
    done = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
