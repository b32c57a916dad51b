"""Frames for `big_stack`: noise with VAR and DQ and a few outliers, rows cut out of them, products compared."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from astropy.io import fits

BAD_FRACTION = 1000
HIT_FRACTION = 5000


def make(like: Path, directory: Path, count: int, size: int) -> None:
    """Write `count` frames of `size` x `size` pixels with the headers of `like`."""
    directory.mkdir()
    with fits.open(like, memmap=False) as hdus:
        phu = hdus[0].header.copy()
        header = hdus[1].header.copy() if len(hdus) > 1 else fits.Header()
    phu["PREPARE"] = "2026-01-01T00:00:00"
    for keyword in ("BZERO", "BSCALE"):
        header.remove(keyword, ignore_missing=True)
    header["EXTNAME"] = "SCI"
    random = np.random.default_rng(count)
    for number in range(count):
        name = f"N20160102S{number + 1:04d}_skyCorrected.fits"
        phu["ORIGNAME"] = name.replace("_skyCorrected", "")
        data = random.standard_normal((size, size), dtype=np.float32)
        data.ravel()[random.integers(0, data.size, data.size // HIT_FRACTION)] += 1000
        variance = np.full((size, size), 1 + number / count, dtype=np.float32)
        dq = np.zeros((size, size), dtype=np.uint16)
        dq.ravel()[random.integers(0, dq.size, dq.size // BAD_FRACTION)] = 1
        planes = [fits.ImageHDU(data, header, name="SCI", ver=1)]
        planes += [fits.ImageHDU(variance, name="VAR", ver=1), fits.ImageHDU(dq, name="DQ", ver=1)]
        fits.HDUList([fits.PrimaryHDU(header=phu), *planes]).writeto(directory / name)


def cut(source: Path, directory: Path, start: int, stop: int) -> None:
    """Write rows `start` to `stop` of every frame of a directory to another one."""
    directory.mkdir()
    for path in sorted(source.glob("*.fits")):
        with fits.open(path, memmap=False) as hdus:
            rows = fits.HDUList([fits.PrimaryHDU(header=hdus[0].header)])
            for hdu in hdus[1:]:
                rows.append(fits.ImageHDU(hdu.section[start:stop], hdu.header))
            rows.writeto(directory / path.name)


def compare(product: Path, other: Path, first: int) -> int:
    """Count the values of SCI, VAR and DQ in `other` that differ from `product`, whose row `first` is its row 0."""
    differing = 0
    with fits.open(product, memmap=False) as ours, fits.open(other, memmap=False) as theirs:
        for name in ("SCI", "VAR", "DQ"):
            b = np.squeeze(theirs[name].data)
            a = np.squeeze(ours[name].data)[first : first + b.shape[0]]
            differing += int(np.sum((a != b) & ~(np.isnan(a) & np.isnan(b))))
    return differing


def main(action: str, *arguments: str) -> None:
    """Do what the first argument says."""
    match action, arguments:
        case "make", (like, directory, count, size):
            make(Path(like), Path(directory), int(count), int(size))
        case "cut", (source, directory, start, stop):
            cut(Path(source), Path(directory), int(start), int(stop))
        case "compare", (product, other, first):
            print(compare(Path(product), Path(other), int(first)))
        case _:
            sys.exit(f"stack_files: cannot {action} {' '.join(arguments)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
