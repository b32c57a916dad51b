"""Numba is imported when a kernel is first called, and not before."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numba.core import caching

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


def test_kernels_compile_where_nothing_can_be_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    nowhere = tmp_path / "file"
    nowhere.write_text("")
    monkeypatch.setattr("numba.config.CACHE_LOCATOR_CLASSES", "UserProvidedCacheLocator")
    monkeypatch.setattr("numba.config.CACHE_DIR", str(nowhere / "cache"))

    @njit(cache=True)
    def thrice(value: float) -> float:
        return 3.0 * value

    assert thrice(2.0) == 6.0


@pytest.mark.parametrize("content", [b"", b"no pickle"])
def test_a_damaged_cache_is_passed_over(content: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("numba.config.CACHE_DIR", str(tmp_path))

    def make() -> Kernel[[float], float]:
        @njit(cache=True)
        def halve(value: float) -> float:
            return value / 2.0

        assert isinstance(halve, Kernel)
        return halve

    assert make()(3.0) == 1.5
    kept = list(tmp_path.rglob("*.nb?"))
    assert kept
    for path in kept:
        path.write_bytes(content)
    assert make()(3.0) == 1.5


def refuse(_: object) -> None:
    raise PermissionError("this directory belongs to somebody else")


def test_what_the_installation_has_compiled_serves_those_who_cannot_write_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    source = tmp_path / "installed.py"
    source.write_text("def square(value):\n    return value * value\n")
    names: dict[str, Any] = {"__name__": "installed", "__file__": str(source)}
    exec(compile(source.read_text(), str(source), "exec"), names)
    assert Kernel(names["square"], {"cache": True})(3.0) == 9.0
    assert list((tmp_path / "__pycache__").glob("*.nbc"))
    for place in (caching.InTreeCacheLocator, caching.UserWideCacheLocator):
        monkeypatch.setattr(place, "ensure_cache_path", refuse)
    others: Any = Kernel(names["square"], {"cache": True}).compiled()
    assert others(3.0) == 9.0
    assert sum(others.stats.cache_hits.values()) == 1
    assert others(3) == 9
    assert sum(others.stats.cache_misses.values()) == 1
