"""Small NIRI masters on disk, with variance, mask and what they were made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nightcrew.shared.fits import md5_of, write_frame
from nightcrew.shared.frames import ProvenanceRow
from support.runs import niri_frame

if TYPE_CHECKING:
    from pathlib import Path

SIZE = 256
_KINDS: dict[str, dict[str, Any]] = {
    "dark": {"OBSTYPE": "DARK", "OBJECT": "Dark", "GCALSHUT": "CLOSED", "PROCDARK": "2016-01-03T00:00:00"},
    "flat": {
        "OBSTYPE": "FLAT", "OBJECT": "GCALflat", "GCALLAMP": "IRhigh", "GCALSHUT": "OPEN",
        "PROCFLAT": "2016-01-03T00:00:00",
    },
    "bpm": {"OBSTYPE": "BPM", "OBJECT": "BPM", "BPMASK": "2016-01-03T00:00:00"},
}  # fmt: skip


def write_master(
    path: Path,
    kind: str = "dark",
    *,
    counts: float | None = None,
    noise: float | None = None,
    bad: int = 30,
    unit: str = "electron",
    seed: int = 1,
    made_of: tuple[Path, ...] = (),
    checksums: bool = True,
    **cards: Any,
) -> Path:
    """Write a master of 256 x 256 pixels.

    Parameters
    ----------
    path
        The file.
    kind
        `dark`, `flat` or `bpm`.
    counts, noise
        Of its pixels; as they should be if None.
    bad
        Number of bad pixels.
    unit
        BUNIT.
    seed
        Makes the pixels.
    made_of
        Files for its table PROVENANCE.
    checksums
        Whether it has CHECKSUM and DATASUM.
    cards
        Keywords of the primary header.
    """
    usual_counts, usual_noise = {"dark": (80.0, 11.0), "flat": (1.0, 0.002), "bpm": (0.0, 0.0)}[kind]
    counts = usual_counts if counts is None else counts
    noise = usual_noise if noise is None else noise
    random = np.random.default_rng(seed)
    pixels = random.normal(counts, noise, (SIZE, SIZE)).astype(np.float32)
    mask = np.zeros((SIZE, SIZE), np.uint16)
    mask.ravel()[random.permutation(SIZE * SIZE)[:bad]] = 1
    cards = {"OBSCLASS": "dayCal", "PREPARE": "2016-01-03T00:00:00", "PROCMODE": "sq", **_KINDS[kind], **cards}
    frame = niri_frame(path.name, mask.astype(np.int16) if kind == "bpm" else pixels, **cards)
    (plane,) = frame.planes
    plane.header["BUNIT"] = unit
    if kind != "bpm":
        plane.dq = mask
        plane.variance = np.full((SIZE, SIZE), noise**2, np.float32)
    frame.provenance = [ProvenanceRow("2016-01-03T00:00:00", one.name, md5_of(one), "prepare") for one in made_of]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_frame(frame, path, checksums=checksums)
    return path


def chunks_of(path: Path, size: int = 50_000) -> list[bytes]:
    """Return a file in pieces, as it arrives."""
    content = path.read_bytes()
    return [content[start : start + size] for start in range(0, len(content), size)]
