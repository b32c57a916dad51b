"""Both profiles beside the reference's own products of the golden nights, without a truth to compare with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.io import fits

from support.golden import Bench, NiriNight, decompress
from support.reference import reference_dir

if TYPE_CHECKING:
    from pathlib import Path

    from nightcrew.reducer.engine.recipe import Profile

PRODUCTS = {"science": "N20160102S0271_image.fits", "standard star": "N20160102S0296_image.fits"}
TILE, FEW = 32, 300
RADIUS = 4.0
"""Of the apertures whose scatter tells the depth, pixels."""
HEAD = (
    "| golden night, product | measured | the reference | `standard` | `best` |",
    "|---|---|---|---|---|",
)


def golden_lines(scratch: Path) -> list[str] | None:
    """Return the lines of the table; None if there are no golden nights here."""
    shared = reference_dir()
    if shared is None:
        return None
    raw = scratch / "golden-raw"
    decompress(shared / "golden" / "niri256" / "raw", raw)
    profiles: tuple[Profile, ...] = ("standard", "best")
    for profile in profiles:
        night = NiriNight(Bench(scratch / f"golden-{profile}", raw, profile=profile))
        for step in (night.dark, night.bpm, night.flat, night.standard, night.science):
            result = step()
            if not result.outcome.ok:
                raise RuntimeError(f"golden night, {profile}: {result.outcome.reason}")
    lines = []
    for what, name in PRODUCTS.items():
        theirs = shared / "golden" / "niri256" / "reference" / name
        files = [theirs, *(scratch / f"golden-{profile}" / name for profile in profiles)]
        found = [_describe(path) for path in files]
        for number, quantity in enumerate(found[0]):
            cells = [figures[quantity] for figures in found]
            lines.append(f"| {' | '.join([f'niri256, {what}' if not number else '', quantity, *cells])} |")
    return lines


def _describe(path: Path) -> dict[str, str]:
    """Measure a product: noise of its background in pixels and apertures, its evenness, the width of its stars."""
    import sep

    with fits.open(path, memmap=False) as hdus:
        data = np.ascontiguousarray(hdus["SCI"].data, np.float64)
        good = np.asarray(hdus["DQ"].data) == 0
    clean = np.where(good, data, np.median(data[good]))
    background = sep.Background(clean, mask=~good, bw=TILE, bh=TILE)
    sources, labels = sep.extract(
        clean - background, 3.0, err=background.globalrms, mask=~good, minarea=12, segmentation_map=True
    )
    empty = good & (labels == 0)
    rms = _rms(data[empty])
    bright = sources[np.argsort(-sources["flux"])][:10]
    width = float(np.median(2 * np.sqrt(np.log(2) * (bright["a"] ** 2 + bright["b"] ** 2))))
    return {
        "rms of the background, e⁻": f"{rms:.1f}",
        "scatter of apertures of 4 pixels radius, e⁻": f"{_aperture_scatter(data, empty):.0f}",
        "background from tile to tile, rms, e⁻": f"{np.std(_tiles(data, empty)):.1f}",
        "width of the ten brightest sources, pixels": f"{width:.2f}",
    }


def _tiles(data: Any, empty: Any) -> list[float]:
    levels = []
    for y in range(0, data.shape[0] - TILE + 1, TILE):
        for x in range(0, data.shape[1] - TILE + 1, TILE):
            box = np.s_[y : y + TILE, x : x + TILE]
            if empty[box].sum() > FEW:
                levels.append(float(np.median(data[box][empty[box]])))
    return levels


def _aperture_scatter(data: Any, empty: Any) -> float:
    """Return the robust scatter of sums over empty apertures, each over its own surroundings."""
    yy, xx = np.indices(data.shape)
    sums = []
    for y in range(20, data.shape[0] - 20, 9):
        for x in range(20, data.shape[1] - 20, 9):
            box = np.s_[y - 12 : y + 13, x - 12 : x + 13]
            distance = np.hypot(xx[box] - x, yy[box] - y)
            inside, around = distance <= RADIUS, (distance > 6) & empty[box]
            if empty[box][inside].all() and around.sum() > FEW // 2:
                sums.append(float((data[box][inside] - np.median(data[box][around])).sum()))
    return _rms(np.array(sums))


def _rms(values: Any) -> float:
    return float(1.4826 * np.median(np.abs(values - np.median(values))))
