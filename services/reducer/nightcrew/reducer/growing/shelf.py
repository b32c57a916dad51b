"""Where a growing stack lies between two frames: the product itself, and beside it the frames kept as skies.

::

    N20160102S0270_growing.fits            the stack, and in its table GROWTH all that is known about its frames
    .growing/60224c42beb3/sequence.json    which frames belong to it, and the name of the product
    .growing/60224c42beb3/lock
    .growing/60224c42beb3/seen.fits        the table alone, as long as there is no product
    .growing/60224c42beb3/N20160102S0271.fits, ...
    .growing/60224c42beb3/sum_target_7.fits  of these frames, after the seventh that was shown

The product is replaced whole, and with it all that is known: a process that dies leaves the state before or after a
frame, nothing between.
"""

from __future__ import annotations

import fcntl
import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from astropy.io.fits import Header

from nightcrew.reducer.growing.ledger import GROWTH, Ledger
from nightcrew.reducer.growing.sky import BESIDE, TARGET, SkySum
from nightcrew.shared.errors import FrameError, ServiceError
from nightcrew.shared.fits import open_frame, write_frame
from nightcrew.shared.frames import Frame, Plane

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from nightcrew.reducer.growing.sequence import Sequence

FOLDER = ".growing"
SUFFIX = "_growing"
VERSION_KEY, SEQUENCE_KEY = "NCGROVER", "NCGROSEQ"
VERSION = 1
"""Of all that lies on the shelf; another one is not continued."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """The files of one growing stack.

    Parameters
    ----------
    root
        Directory of the product.
    sequence
        What its frames have in common.
    product
        Name of the product.
    """

    root: Path
    sequence: Sequence
    product: str

    @classmethod
    def of(cls, sequence: Sequence, first: str, root: Path) -> Shelf:
        """Return the shelf of a sequence; a new one is named after the frame that came first.

        Raises
        ------
        FrameError
            If what is there was left by another version, or is damaged.
        ServiceError
            If the directory cannot be written.
        """
        shelf = cls(root, sequence, f"{first.removesuffix('.fits')}{SUFFIX}.fits")
        note = shelf.folder / "sequence.json"
        try:
            shelf.folder.mkdir(parents=True, exist_ok=True)
            if not note.exists():
                facts = {"version": VERSION, "product": shelf.product, "sequence": dict(sequence.as_dict())}
                partial = note.with_suffix(".part")
                partial.write_text(json.dumps(facts, indent=1) + "\n")
                partial.replace(note)
            known = json.loads(note.read_text())
            _check_version(known["version"], note)
            return cls(root, sequence, str(known["product"]))
        except OSError as error:
            raise ServiceError(f"{note}: {error.strerror}; check the permissions and the space on the disk") from error
        except (ValueError, KeyError, TypeError) as error:
            raise FrameError(
                f"{note}: is damaged ({error!r}); remove {shelf.folder} and add the frames of the sequence again"
            ) from error

    @property
    def folder(self) -> Path:
        """Directory of what is not the product."""
        return self.root / FOLDER / self.sequence.digest

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let one process at a time add a frame."""
        with (self.folder / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def load(self) -> tuple[Ledger, Frame | None]:
        """Return what is known about the frames, and the stack if there is one.

        Raises
        ------
        FrameError
            If the product is damaged, or of another sequence or version.
        """
        path, seen = self.root / self.product, self.folder / "seen.fits"
        if path.exists():
            stack = open_frame(path)
            if stack.phu.get(SEQUENCE_KEY) != self.sequence.digest:
                raise FrameError(f"{path}: is no growing stack of this sequence; move it away")
            return _ledger(stack, path), stack
        if seen.exists():
            return _ledger(open_frame(seen), seen), None
        return Ledger(), None

    def label(self, stack: Frame, ledger: Ledger) -> None:
        """Make a frame the product: name, keywords and table by which it is known again."""
        stack.filename = self.product
        stack.phu[VERSION_KEY] = (VERSION, "Version of the growing stack")
        stack.phu[SEQUENCE_KEY] = (self.sequence.digest, "Sequence that the stack is made of")
        stack.tables[GROWTH] = ledger.table()

    def note(self, ledger: Ledger) -> None:
        """Write down what is known while there is no stack."""
        seen = Frame(Header(), [], "seen.fits")
        self.label(seen, ledger)
        write_frame(seen, self.folder / "seen.fits")

    def keep(self, frame: Frame, name: str) -> None:
        """Keep a corrected frame, to serve as sky."""
        write_frame(frame, self.folder / name, checksums=False)

    def kept(self, name: str) -> Frame | None:
        """Return a frame that was kept; None if somebody has removed it."""
        path = self.folder / name
        return open_frame(path) if path.exists() else None

    def save_sum(self, total: SkySum, kind: str, shown: int) -> None:
        """Keep the sum of the skies of a kind, as it is when so many frames have been shown."""
        plane = Plane(Header(), total.total, total.variance, rejmap=total.count)
        write_frame(Frame(Header(), [plane], "sum.fits"), self.folder / f"sum_{kind}_{shown}.fits", checksums=False)

    def load_sum(self, kind: str, shown: int) -> SkySum | None:
        """Return the sum of the skies of a kind after so many frames; None if there is none.

        A later one belongs to a frame that was never written down, because the process died.
        """
        found = [number for number in self._sums(kind) if number <= shown]
        if not found:
            return None
        plane = open_frame(self.folder / f"sum_{kind}_{max(found)}.fits").planes[0]
        variance, count = plane.variance, plane.rejmap
        assert variance is not None
        assert count is not None
        return SkySum(plane.data, variance, count)

    def _sums(self, kind: str) -> list[int]:
        return [int(path.stem.rpartition("_")[2]) for path in self.folder.glob(f"sum_{kind}_*.fits")]

    def tidy(self, names: Iterable[str], shown: int, *, product: bool) -> None:
        """Remove what is not needed after so many frames: frames other than these, and all sums but the last.

        What a process left that died before it had written down its frame goes too.
        """
        needed = set(names) | (set() if product else {"seen.fits"})
        for kind in (BESIDE, TARGET):
            valid = [number for number in self._sums(kind) if number <= shown]
            needed |= {f"sum_{kind}_{number}.fits" for number in sorted(valid)[-1:]}
        for path in self.folder.glob("*.fits"):
            if path.name not in needed:
                path.unlink(missing_ok=True)


def _check_version(version: object, path: Path) -> None:
    if version != VERSION:
        raise FrameError(
            f"{path}: was left by another version ({version}, this one is {VERSION}); move it away and add the frames "
            "of the sequence again"
        )


def _ledger(frame: Frame, path: Path) -> Ledger:
    _check_version(frame.phu.get(VERSION_KEY), path)
    try:
        return Ledger.read(frame.tables[GROWTH])
    except KeyError as error:
        raise FrameError(
            f"{path}: its table {GROWTH} is damaged ({error}); move it away and add the frames of the sequence again"
        ) from error
