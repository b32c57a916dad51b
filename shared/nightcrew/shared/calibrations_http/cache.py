"""Copies of calibrations on disk: those of the working directory, and those that users of a machine share."""

from __future__ import annotations

import hashlib
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nightcrew.shared.downloads import forget_download, is_download, mark_download
from nightcrew.shared.errors import CalibrationError, ServiceError
from nightcrew.shared.fits import md5_of
from nightcrew.shared.fits.output import whole_file, write_at, writing

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from nightcrew.shared.calibrations_http.asking import Offer

LARGEST = 4 << 30
"""Bytes that a calibration may have; a stack of Flamingos-2 frames has 0.1 GB."""
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,200}\.fits(\.gz|\.bz2|\.fz)?")
_KIND = re.compile(r"[a-z][a-z_]{0,40}")


@dataclass(frozen=True, slots=True)
class Cache:
    """Keeps what was fetched, by type and name; what it gives has the checksum that the server announced.

    Parameters
    ----------
    root
        Directory `calibrations` of the working directory.
    shared
        A directory that users share, or None.
    shared_bytes
        How large that may grow; the files that were used least recently go first.  0: without limit.
    """

    root: Path
    shared: Path | None = None
    shared_bytes: int = 0

    def get(self, offer: Offer, caltype: str) -> Path | None:
        """Return the copy of a calibration, or None if there is none that is whole.

        Raises
        ------
        CalibrationError
            If the name is not that of a FITS file.
        ServiceError
            If the disk refuses.
        """
        target = self._place(offer, caltype)
        for path in (self.root / caltype / offer.name, target):
            if _is(path, offer):
                return path
        if self.shared is not None and _is(self.shared / offer.name, offer):
            with writing(target), (self.shared / offer.name).open("rb") as source:
                self._write(target, offer, iter(lambda: source.read(1 << 20), b""))
            return target
        return None

    def put(self, offer: Offer, caltype: str, chunks: Iterable[bytes]) -> Path:
        """Write what arrives and return where it is; it is there whole and right, or not at all.

        Raises
        ------
        CalibrationError
            If the name is not that of a FITS file.
        ServiceError
            If what arrives is not what was announced, or the disk refuses.
        """
        target = self._place(offer, caltype)
        self._write(target, offer, chunks)
        if self.shared is not None:
            # The shared cache only saves time: a run does not fail because of it.
            with suppress(ServiceError, OSError):
                self._share(target, offer)
        return target

    def _place(self, offer: Offer, caltype: str) -> Path:
        if not _NAME.fullmatch(offer.name) or not _KIND.fullmatch(caltype) or not offer.md5:
            raise CalibrationError(
                f"{offer.url}: '{offer.name}' cannot be kept as a {caltype}; tell who runs the server"
            )
        usual = self.root / caltype / offer.name
        # What was made here is not overwritten by what has the same name elsewhere.
        own = usual.exists() and not is_download(usual)
        return usual.parent / re.sub(r"[^0-9a-f]", "", offer.md5.lower())[:12] / offer.name if own else usual

    def _write(self, target: Path, offer: Offer, chunks: Iterable[bytes]) -> None:
        with writing(target.parent):
            target.parent.mkdir(parents=True, exist_ok=True)
            mark_download(target, offer.url, offer.md5)
        try:
            self._receive(target, offer, chunks)
        finally:
            if not target.exists():
                forget_download(target)

    def _receive(self, target: Path, offer: Offer, chunks: Iterable[bytes]) -> None:
        digests = {"MD5": (hashlib.md5(usedforsecurity=False), offer.md5), "SHA-256": (hashlib.sha256(), offer.sha256)}
        with whole_file(target) as number:
            size = 0
            for chunk in chunks:
                size = write_at(number, chunk, size)
                if size > LARGEST:
                    raise ServiceError(f"{offer.url}: more than {LARGEST >> 30} GB arrive; not used")
                for digest, _ in digests.values():
                    digest.update(chunk)
            for word, (digest, announced) in digests.items():
                if announced and digest.hexdigest() != announced.lower():
                    found = digest.hexdigest()
                    raise ServiceError(f"{offer.url}: not used, its {word} is {found}, announced was {announced}")

    def _share(self, path: Path, offer: Offer) -> None:
        assert self.shared is not None
        self.shared.mkdir(parents=True, exist_ok=True)
        size = 0
        with path.open("rb") as source, whole_file(self.shared / offer.name) as number:
            while chunk := source.read(1 << 20):
                size = write_at(number, chunk, size)
        if self.shared_bytes:
            _trim(self.shared, self.shared_bytes, keep=self.shared / offer.name)


def _is(path: Path, offer: Offer) -> bool:
    return path.is_file() and md5_of(path) == offer.md5.lower()


def _trim(folder: Path, limit: int, keep: Path) -> None:
    """Delete the FITS files that were used least recently, until the folder is small enough."""
    found = [(path.stat(), path) for path in folder.iterdir() if _NAME.fullmatch(path.name) and path.is_file()]
    total = sum(status.st_size for status, _ in found)
    for status, path in sorted(found, key=lambda pair: (pair[0].st_atime_ns, pair[1].name)):
        if total <= limit:
            return
        if path != keep:
            os.unlink(path)  # noqa: PTH108 - somebody else may have been faster, which `suppress` above forgives
            total -= status.st_size
