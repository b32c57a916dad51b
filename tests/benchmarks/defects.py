"""What spoils a stack, as numbers: measured against the simulator's truth."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.truth import Stack, model, read_stack
from nightcrew.reducer.kernels.matching import match_catalogues

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

TILE = 32
"""Pixels on a side over which a background is taken."""
FEW = 300
APERTURE, ANNULUS = 8.0, (20.0, 40.0)


class Compared:
    """A product beside what it should look like.

    Parameters
    ----------
    product, truth, group
        The file, what is true of its night, and the simulator's name of its sequence.
    """

    def __init__(self, product: Path, truth: dict[str, Any], group: str) -> None:
        self.truth = truth
        self.stack: Stack = read_stack(product, truth, group)
        self.expected = model(self.stack, truth)
        self.residual = self.stack.data - self.expected
        faint = 0.05 * np.sqrt(np.median(self.stack.variance[self.stack.good]))
        self.empty: NDArray[np.bool_] = self.stack.good & (self.expected < faint)

    def noise(self) -> float:
        """Return the robust rms of the background, electrons."""
        return _rms(self.residual[self.empty])

    def unevenness(self) -> float:
        """Return the rms of the background from tile to tile, electrons: holes, steps, gradients."""
        levels = []
        for y in range(0, self.residual.shape[0] - TILE + 1, TILE):
            for x in range(0, self.residual.shape[1] - TILE + 1, TILE):
                box = np.s_[y : y + TILE, x : x + TILE]
                if self.empty[box].sum() > FEW:
                    levels.append(float(np.median(self.residual[box][self.empty[box]])))
        return float(np.std(levels))

    def outliers(self, sigmas: float = 6.0) -> int:
        """Return how many pixels without flags and sources lie so many times the root of VAR off the background."""
        where = self.empty & (self.stack.variance > 0)
        values = self.residual[where]
        return int(np.count_nonzero(np.abs(values - np.median(values)) > sigmas * np.sqrt(self.stack.variance[where])))

    def place_error(self, search: float = 12.0) -> float:
        """Return by how much the WCS is off, arcsec: the shift between detected and true stars."""
        import sep

        scale = float(self.truth["detector"]["pixel_scale"])
        clean = np.where(self.stack.good, self.stack.data, 0.0)
        found = sep.extract(np.ascontiguousarray(clean), 8.0 * self.noise(), minarea=8)
        brightest = found[np.argsort(-found["flux"])][:25]
        stars = sorted(
            (o for o in self.truth["objects"] if o["field"] == self.stack.frames[0]["field"]), key=lambda o: -o["flux"]
        )
        places = np.array([self.stack.wcs.pixel(o["ra"], o["dec"]) for o in stars])
        ny, nx = self.stack.data.shape
        margin = search / scale
        near = np.all((places > -margin) & (places < np.array([nx, ny]) + margin), axis=1)
        match = match_catalogues(
            np.column_stack([brightest["x"], brightest["y"]]), places[near][:40], search=search / scale, radius=3.0
        )
        return float(np.hypot(*match.shift)) * scale

    def flux_of(self, name: str) -> float:
        """Return measured over true flux of an object, in an aperture of 8 pixels."""
        one = next(o for o in self.truth["objects"] if o["name"] == name)
        x, y = self.stack.wcs.pixel(one["ra"], one["dec"])
        yy, xx = np.indices(self.stack.data.shape)
        distance = np.hypot(xx - x, yy - y)
        around = (distance > ANNULUS[0]) & (distance < ANNULUS[1]) & self.stack.good
        inside = (distance < APERTURE) & self.stack.good
        level = float(np.median(self.residual[around]))
        return float((self.stack.data[inside] - level).sum() / self.expected[inside].sum())

    def afterglow(self, name: str, within: float = 300.0) -> float:
        """Return what is left of the afterglow of a star, electrons, mean over its places in the stack.

        A frame shows it where the star was on the detector in an earlier one, at most so many seconds ago.
        """
        one = next(o for o in self.truth["objects"] if o["name"] == name)
        home = np.array(self.stack.wcs.pixel(one["ra"], one["dec"]))
        yy, xx = np.indices(self.stack.data.shape)
        sums = []
        for late in self.stack.frames:
            for early in self.stack.frames:
                age = (datetime.fromisoformat(late["start"]) - datetime.fromisoformat(early["start"])).total_seconds()
                x, y = home + np.array(early["shift"]) - np.array(late["shift"])
                distance = np.hypot(xx - x, yy - y)
                inside, around = distance < 5, (distance > 8) & (distance < 20) & self.stack.good
                if 0 < age < within and np.hypot(*(home - (x, y))) > 40 and (inside & self.stack.good).any():
                    level = float(np.median(self.residual[around]))
                    sums.append(float((self.residual[inside & self.stack.good] - level).sum()))
        return float(np.mean(sums))

    def sharpness(self) -> float:
        """Return the median over bright stars of their peaks over what these should be."""
        stars = sorted((o for o in self.truth["objects"] if o["kind"] == "star"), key=lambda o: -o["flux"])
        ny, nx = self.stack.data.shape
        ratios = []
        for star in stars:
            if star["field"] != self.stack.frames[0]["field"]:
                continue
            x, y = (round(v) for v in self.stack.wcs.pixel(star["ra"], star["dec"]))
            box = np.s_[y - 2 : y + 3, x - 2 : x + 3]
            if 10 < x < nx - 10 and 10 < y < ny - 10 and self.stack.good[box].all():
                around = np.s_[max(0, y - 20) : y + 21, max(0, x - 20) : x + 21]
                level = float(np.median(self.residual[around][self.stack.good[around]]))
                ratios.append(float((self.stack.data[box].max() - level) / self.expected[box].max()))
        return float(np.median(ratios[:8]))


def _rms(values: NDArray[np.float64]) -> float:
    return float(1.4826 * np.median(np.abs(values - np.median(values))))
