"""Previews show the sky, whatever else is in the image, and need nothing but the frame."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from astropy.io.fits import Header

from nightcrew.reducer.preview import stretched, zscale
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


def test_a_preview_needs_no_matplotlib() -> None:
    done = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
