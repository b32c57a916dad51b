"""How two products differ, plane by plane, and the reductions of the golden nights."""

from __future__ import annotations

import bz2
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.io import fits

from nightcrew.reducer.engine.memory import Memory
from nightcrew.reducer.engine.reduction import Request, Result, reduce
from nightcrew.reducer.engine.run import Surroundings, user_parameters
from nightcrew.reducer.engine.store import Directory
from nightcrew.shared.calibrations import Chosen
from nightcrew.shared.fits import Scratch

if TYPE_CHECKING:
    from pathlib import Path

    from nightcrew.reducer.engine.recipe import Mode, Profile

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Planes:
    """SCI, VAR, DQ of one file, as float64 and int64, and the SCI header."""

    sci: Array
    var: Array | None
    dq: Array | None
    objmask: Array | None
    header: fits.Header
    phu: fits.Header
    objcat: Any


def planes(path: Path) -> Planes:
    """Read a product of ours or of the reference, compressed or not."""
    with fits.open(path, memmap=False) as hdus:
        named = {hdu.name: hdu.data for hdu in hdus[1:]}
        header, phu = hdus["SCI"].header.copy(), hdus[0].header.copy()

    def real(name: str) -> Array | None:
        return None if named.get(name) is None else np.asarray(named[name], dtype=np.float64)

    def whole(name: str) -> Array | None:
        return None if named.get(name) is None else np.asarray(named[name], dtype=np.int64)

    sci = real("SCI")
    assert sci is not None
    return Planes(sci, real("VAR"), whole("DQ"), whole("OBJMASK"), header, phu, named.get("OBJCAT"))


def relative(ours: Array, theirs: Array, floor: float = 1e-3) -> Array:
    """Return |ours - theirs| / |theirs|, zero where both are zero."""
    difference = np.abs(ours - theirs)
    return np.where(difference == 0, 0.0, difference / np.maximum(np.abs(theirs), floor))


def sigmas(ours: Planes, theirs: Planes) -> Array:
    """Return |ours - theirs| in units of the reference's standard deviation."""
    assert theirs.var is not None
    sigma = np.sqrt(np.maximum(theirs.var, 1e-30))
    return np.abs(ours.sci - theirs.sci) / sigma


def good(ours: Planes, theirs: Planes) -> Array:
    """Return where neither has a flag."""
    assert ours.dq is not None
    assert theirs.dq is not None
    return (ours.dq == 0) & (theirs.dq == 0)


def decompress(source: Path, target: Path) -> None:
    """Write the `.fits` of every `.fits.bz2` of a directory."""
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(source.glob("*.fits.bz2")):
        (target / path.name.removesuffix(".bz2")).write_bytes(bz2.decompress(path.read_bytes()))


@dataclass
class Bench:
    """Runs reductions in a directory, as a user would from the command line."""

    root: Path
    raw: Path
    budget: int = 2 << 30
    threads: int = 1
    profile: Profile = "standard"

    def files(self, *spans: tuple[str, int, int]) -> tuple[Path, ...]:
        """Return the raw files of `(prefix, first, last)`."""
        return tuple(self.raw / f"{p}{n:04d}.fits" for p, first, last in spans for n in range(first, last + 1))

    def reduce(
        self,
        files: tuple[Path, ...],
        *user: str,
        recipe: str | None = None,
        calibrations: dict[str, Path] | None = None,
        mode: Mode = "sq",
    ) -> Result:
        """Run a reduction."""
        self.root.mkdir(parents=True, exist_ok=True)
        with Scratch(self.root) as scratch:
            around = Surroundings(
                Chosen(calibrations or {}), Directory(self.root), Memory(self.budget, scratch), threads=self.threads
            )
            return reduce(Request(files, recipe, tuple(user_parameters(user)), mode, profile=self.profile), around)


@dataclass
class NiriNight:
    """The five reductions of `golden/niri256`, in the order of its README."""

    bench: Bench
    writing: tuple[str, ...] = ()
    """Primitives whose outputs are written too."""

    def outputs(self, *names: str) -> tuple[str, ...]:
        return tuple(f"{name}:write_outputs=True" for name in names if name in self.writing)

    def dark(self) -> Result:
        return self.bench.reduce(self.bench.files(("N20160102S", 423, 427)), *self.outputs(*self.writing))

    def bpm(self) -> Result:
        files = self.bench.files(("N20160102S", 363, 367), ("N20160102S", 373, 377), ("N20160103S", 463, 467))
        return self.bench.reduce(files, recipe="makeProcessedBPM")

    def flat(self) -> Result:
        files = self.bench.files(("N20160102S", 363, 367), ("N20160102S", 373, 377))
        return self.bench.reduce(files, f"addDQ:user_bpm={self.mask}", *self.outputs(*self.writing))

    def standard(self) -> Result:
        return self.bench.reduce(
            self.bench.files(("N20160102S", 295, 299)),
            f"addDQ:user_bpm={self.mask}",
            "darkCorrect:do_cal=skip",
            *self.outputs(*self.writing),
            calibrations={"processed_flat": self.bench.root / "N20160102S0373_flat.fits"},
        )

    def science(self) -> Result:
        return self.bench.reduce(
            self.bench.files(("N20160102S", 270, 279)),
            f"addDQ:user_bpm={self.mask}",
            "skyCorrect:scale_sky=False",
            *self.outputs(*self.writing),
            calibrations={
                "processed_dark": self.bench.root / "N20160102S0423_dark.fits",
                "processed_flat": self.bench.root / "N20160102S0373_flat.fits",
            },
        )

    @property
    def mask(self) -> Path:
        return self.bench.root / "N20160102S0373_bpm.fits"


@dataclass
class F2Night:
    """The four reductions of `golden/f2`, in the order of its README."""

    bench: Bench

    def dark(self) -> Result:
        return self.bench.reduce(self.bench.files(("S20131128S", 380, 382)))

    def bpm(self) -> Result:
        return self.bench.reduce((*self._lamps, *self.bench.files(("S20131128S", 369, 371))), recipe="makeProcessedBPM")

    def flat(self) -> Result:
        return self.bench.reduce(self._lamps, f"addDQ:user_bpm={self.mask}")

    def science(self) -> Result:
        return self.bench.reduce(
            self.bench.files(("S20131128S", 75, 79)),
            f"addDQ:user_bpm={self.mask}",
            calibrations={
                "processed_dark": self.bench.root / "S20131128S0380_dark.fits",
                "processed_flat": self.bench.root / "S20131128S0320_flat.fits",
            },
        )

    @property
    def mask(self) -> Path:
        return self.bench.root / "S20131128S0320_bpm.fits"

    @property
    def _lamps(self) -> tuple[Path, ...]:
        return self.bench.files(("S20131128S", 320, 322), ("S20131128S", 326, 328))
