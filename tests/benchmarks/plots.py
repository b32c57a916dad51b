"""The pictures of the accuracy page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np

mpl.use("Agg")

from matplotlib import pyplot as plt

from benchmarks.photometry import RADII

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.photometry import Measurements

STYLE = {"figure.figsize": (6.4, 3.6), "figure.dpi": 110, "axes.spines.top": False, "axes.spines.right": False}


def draw_all(fields: dict[str, list[Measurements]], images: Path) -> None:
    """Draw fluxes, positions, noise and the galaxy into `images`; `fields` has the stacks of several nights."""
    images.mkdir(parents=True, exist_ok=True)
    with plt.rc_context(STYLE):
        _fluxes(fields, images / "accuracy-fluxes.png")
        _positions(fields, images / "accuracy-positions.png")
        _noise(fields, images / "accuracy-noise.png")
        _galaxy(fields, images / "accuracy-galaxy.png")


def _fluxes(fields: dict[str, list[Measurements]], path: Path) -> None:
    figure, axes = plt.subplots()
    for name, stacks in fields.items():
        stars = [star for stack in stacks for star in stack.stars]
        electrons, ratio, error = (
            np.array([getattr(s, key) for s in stars]) for key in ("electrons", "ratio", "error")
        )
        axes.errorbar(electrons, 100 * (ratio - 1), 100 * error, fmt="o", ms=3, lw=0.7, alpha=0.7, label=name)
    axes.axhspan(-0.5, 0.5, color="0.9", zorder=0)
    axes.set(xscale="log", xlabel="electrons of the star in one exposure", ylabel="flux, measured - true (%)")
    axes.set_ylim(-8, 8)
    axes.legend(frameon=False)
    _save(figure, path)


def _positions(fields: dict[str, list[Measurements]], path: Path) -> None:
    figure, axes = plt.subplots(figsize=(4, 4))
    for name, stacks in fields.items():
        stars = [star for stack in stacks for star in stack.stars]
        axes.plot([s.dx for s in stars], [s.dy for s in stars], "o", ms=3, alpha=0.7, label=name)
    axes.add_patch(plt.Circle((0, 0), 0.1, fill=False, color="0.6"))
    axes.set(xlim=(-0.3, 0.3), ylim=(-0.3, 0.3), aspect="equal")
    axes.set(xlabel="x, measured - true (pixels)", ylabel="y, measured - true (pixels)")
    axes.legend(frameon=False)
    _save(figure, path)


def _noise(fields: dict[str, list[Measurements]], path: Path) -> None:
    figure, axes = plt.subplots()
    bins = np.linspace(-5, 5, 101)
    for name, stacks in fields.items():
        pulls = np.concatenate([stack.pulls / stack.factors.total for stack in stacks])
        axes.hist(pulls, bins, density=True, histtype="step", label=name)
    axes.plot(bins, np.exp(-(bins**2) / 2) / np.sqrt(2 * np.pi), "k:", lw=1, label="Gaussian of width 1")
    axes.set(yscale="log", ylim=(1e-5, 1), xlabel="deviation / (√VAR · noise factors)", ylabel="density")
    axes.legend(frameon=False)
    _save(figure, path)


def _galaxy(fields: dict[str, list[Measurements]], path: Path) -> None:
    figure, axes = plt.subplots()
    for stacks in fields.values():
        for stack in stacks:
            if stack.galaxy is not None:
                axes.plot(RADII, 100 * (stack.galaxy - 1), "o-", ms=3, lw=1)
    axes.axhspan(-1, 1, color="0.9", zorder=0)
    axes.axvline(1, color="0.6", lw=0.7)
    axes.set(xlabel="radius (half-light radii)", ylabel="flux within, measured - true (%)", ylim=(-3, 3))
    _save(figure, path)


def _save(figure: plt.Figure, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, metadata={"Software": None})
    plt.close(figure)
