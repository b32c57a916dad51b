"""Numba is imported when a kernel is first called, and not before."""

from __future__ import annotations

import subprocess
import sys

import numpy as np

from nightcrew.reducer.kernels import pixelwise
from nightcrew.reducer.kernels.compiler import Kernel, njit

FRESH = """
import sys
import numpy as np
from nightcrew.reducer.kernels import background, combine, matching, pattern, pixelwise, profiles, resample, tiles
heavy = {"numba", "scipy"} & set(sys.modules)
assert not heavy, heavy
pixelwise.scale(np.ones((2, 2), np.float32), None, 2.0)
assert "numba" in sys.modules
assert "scipy.linalg" not in sys.modules
import scipy.linalg
assert scipy.linalg.inv([[2.0]])[0, 0] == 0.5
"""


def test_a_command_that_touches_no_pixel_does_not_pay_for_numba() -> None:
    done = subprocess.run([sys.executable, "-c", FRESH], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_kernel_gives_way_to_the_compiled_function() -> None:
    @njit(nogil=True)
    def twice(value: float) -> float:
        """Double a number."""
        return 2.0 * value

    assert isinstance(twice, Kernel)
    assert twice.__doc__ == "Double a number."
    assert twice(2.5) == 5.0
    assert twice.compiled() is twice.compiled()
    pixelwise.scale(np.ones((2, 2), np.float32), None, 2.0)
    assert not isinstance(pixelwise._times, Kernel)
