"""Both profiles beside the reference's own products of the golden nights, without a truth to compare with."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS

from support.golden import Bench, F2Night, NiriNight, decompress
from support.reference import reference_dir

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from nightcrew.reducer.engine.recipe import Profile
    from nightcrew.reducer.engine.reduction import Result

PROFILES: tuple[Profile, ...] = ("standard", "best")
PRODUCTS = {"science": "N20160102S0271_image.fits", "standard star": "N20160102S0296_image.fits"}
F2_PRODUCT = "S20131128S0075_image"
"""Of which the reference's cut-outs are kept."""
TILE, FEW = 32, 300
RADIUS = 4.0
"""Of the apertures whose scatter tells the depth, pixels."""
HEAD = (
    "| golden night, product | measured | the reference | `standard` | `best` |",
    "|---|---|---|---|---|",
)


Image = tuple[Any, Any]
"""Data, and which of the pixels are good."""


def golden_lines(scratch: Path) -> list[str] | None:
    """Return the lines of the table; None if there are no golden nights here."""
    shared = reference_dir()
    if shared is None:
        return None
    return [*_niri_lines(shared / "golden" / "niri256", scratch), *_f2_lines(shared / "golden" / "f2", scratch)]


def _niri_lines(golden: Path, scratch: Path) -> list[str]:
    decompress(golden / "raw", scratch / "niri-raw")
    for profile in PROFILES:
        night = NiriNight(Bench(scratch / f"niri-{profile}", scratch / "niri-raw", profile=profile))
        _carry_out(profile, night.dark, night.bpm, night.flat, night.standard, night.science)
    lines = []
    for what, name in PRODUCTS.items():
        files = [golden / "reference" / name, *(scratch / f"niri-{profile}" / name for profile in PROFILES)]
        lines += _lines(f"niri256, {what}", [[_whole(path)] for path in files])
    return lines


def _f2_lines(golden: Path, scratch: Path) -> list[str]:
    decompress(golden / "raw", scratch / "f2-raw")
    for profile in PROFILES:
        night = F2Night(Bench(scratch / f"f2-{profile}", scratch / "f2-raw", profile=profile))
        _carry_out(profile, night.dark, night.bpm, night.flat, night.science)
    kept = golden / "reference" / f"f2_{F2_PRODUCT}.npz"
    about = json.loads(kept.with_suffix(".json").read_text())
    with np.load(kept) as cutouts:
        theirs = [(cutouts[f"SCI_{n}"].astype(np.float64), cutouts[f"DQ_{n}"] == 0) for n in range(len(about["boxes"]))]
    ours = [_cut(scratch / f"f2-{profile}" / f"{F2_PRODUCT}.fits", about) for profile in PROFILES]
    return _lines("f2, science, three cut-outs", [theirs, *ours])


def _carry_out(profile: Profile, *steps: Callable[[], Result]) -> None:
    for step in steps:
        result = step()
        if not result.outcome.ok:
            raise RuntimeError(f"golden night, {profile}: {result.outcome.reason}")


def _lines(what: str, products: list[list[Image]]) -> list[str]:
    found = [_describe(images) for images in products]
    return [
        f"| {' | '.join([what if not number else '', quantity, *(figures[quantity] for figures in found)])} |"
        for number, quantity in enumerate(found[0])
    ]


def _whole(path: Path) -> Image:
    with fits.open(path, memmap=False) as hdus:
        return np.ascontiguousarray(hdus["SCI"].data, np.float64), np.asarray(hdus["DQ"].data) == 0


def _cut(path: Path, about: dict[str, Any]) -> list[Image]:
    """Cut out of a product what the reference's cut-outs show, to the next pixel."""
    data, good = _whole(path)
    theirs = _projection({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", **about["hdr"]})
    ours = _projection(fits.getheader(path, "SCI"))
    images = []
    for y, x, size in about["boxes"]:
        corner = ours.wcs_world2pix(theirs.wcs_pix2world([[x, y]], 0), 0)[0]
        left, bottom = (round(float(v)) for v in corner)
        box = np.s_[bottom : bottom + size, left : left + size]
        images.append((np.ascontiguousarray(data[box]), good[box]))
    return images


def _projection(cards: Mapping[str, Any]) -> WCS:
    return WCS({key: value for key, value in cards.items() if key.startswith(("CTYPE", "CRPIX", "CRVAL", "CD"))})


def _describe(images: list[Image]) -> dict[str, str]:
    """Measure a product: noise of its background in pixels and apertures, its evenness, the width of its stars."""
    pixels, apertures, tiles, widths = [], [], [], []
    for data, good in images:
        sources, empty = _searched(data, good)
        pixels.append(data[empty])
        apertures.append(_aperture_sums(data, empty))
        tiles += _tiles(data, empty)
        widths.append(np.stack([sources["flux"], np.sqrt(sources["a"] ** 2 + sources["b"] ** 2)]))
    flux, width = np.concatenate(widths, axis=1)
    brightest = width[np.argsort(-flux)][:10]
    return {
        "rms of the background, e⁻": f"{_rms(np.concatenate(pixels)):.1f}",
        "scatter of apertures of 4 pixels radius, e⁻": f"{_rms(np.concatenate(apertures)):.0f}",
        "background from tile to tile, rms, e⁻": f"{np.std(tiles):.1f}",
        "width of the ten brightest sources, pixels": f"{2 * np.sqrt(np.log(2)) * float(np.median(brightest)):.2f}",
    }


def _searched(data: Any, good: Any) -> tuple[Any, Any]:
    """Return the sources of an image, and the good pixels beside them."""
    import sep

    clean = np.where(good, data, np.median(data[good]))
    background = sep.Background(clean, mask=~good, bw=TILE, bh=TILE)
    sources, labels = sep.extract(
        clean - background, 3.0, err=background.globalrms, mask=~good, minarea=12, segmentation_map=True
    )
    return sources, good & (labels == 0)


def _tiles(data: Any, empty: Any) -> list[float]:
    levels = []
    for y in range(0, data.shape[0] - TILE + 1, TILE):
        for x in range(0, data.shape[1] - TILE + 1, TILE):
            box = np.s_[y : y + TILE, x : x + TILE]
            if empty[box].sum() > FEW:
                levels.append(float(np.median(data[box][empty[box]])))
    return levels


def _aperture_sums(data: Any, empty: Any) -> Any:
    """Return the sums over empty apertures, each over its own surroundings."""
    yy, xx = np.indices(data.shape)
    sums = []
    for y in range(20, data.shape[0] - 20, 9):
        for x in range(20, data.shape[1] - 20, 9):
            box = np.s_[y - 12 : y + 13, x - 12 : x + 13]
            distance = np.hypot(xx[box] - x, yy[box] - y)
            inside, around = distance <= RADIUS, (distance > 6) & empty[box]
            if empty[box][inside].all() and around.sum() > FEW // 2:
                sums.append(float((data[box][inside] - np.median(data[box][around])).sum()))
    return np.array(sums)


def _rms(values: Any) -> float:
    return float(1.4826 * np.median(np.abs(values - np.median(values))))
