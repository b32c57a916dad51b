"""Reduce one group of a night again and again: under either profile, with single steps left out."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from benchmarks.measure import nightcrew, run
from benchmarks.truth import read_truth
from nightcrew.reducer.engine.local_calibrations import DirectoryCalibrations
from nightcrew.reducer.engine.memory import Memory
from nightcrew.reducer.engine.reduction import Request, reduce
from nightcrew.reducer.engine.run import Surroundings, UserParameter
from nightcrew.reducer.engine.store import Directory
from nightcrew.shared.calibrations import CalibrationSource, Chain, Chosen
from nightcrew.shared.fits import Scratch

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from nightcrew.reducer.engine.recipe import Profile
    from nightcrew.simulator.night import Night

BUDGET = 2 << 30


@dataclass(frozen=True, slots=True)
class Outcome:
    """A product, or why there is none; what was said; CPU seconds."""

    product: Path | None
    reason: str
    caveats: tuple[str, ...]
    seconds: float


@dataclass(frozen=True)
class Bench:
    """A simulated night with its calibrations made; its science can be reduced in several ways.

    Parameters
    ----------
    directory
        Holds `raw` and `calibrated`.
    """

    directory: Path

    @classmethod
    def prepare(cls, directory: Path, night: Night) -> Bench:
        """Write a night and reduce it with the profile `standard`, for the sake of its calibrations."""
        shutil.rmtree(directory, ignore_errors=True)
        night.write(directory / "raw")
        arguments = ["night", str(directory / "raw"), "--out", str(directory / "calibrated"), "--no-previews"]
        run([nightcrew(), *arguments], directory)
        bench = cls(directory)
        # Where makeProcessedBPM of the profile best leaves its masks.
        kept = directory / "calibrations" / "processed_bpm"
        kept.mkdir(parents=True)
        for group in bench.document["groups"]:
            if group["kind"] == "bpm" and group["products"]:
                shutil.copy(directory / "calibrated" / group["products"][-1], kept)
        return bench

    @cached_property
    def truth(self) -> dict[str, Any]:
        """What is true of the night."""
        return read_truth(self.directory / "raw")

    @cached_property
    def document(self) -> dict[str, Any]:
        """What became of its groups."""
        read: dict[str, Any] = json.loads((self.directory / "calibrated" / "night.json").read_text())
        return read

    def group(self, kind: str) -> dict[str, Any]:
        """Return the first group of a kind."""
        return next(group for group in self.document["groups"] if group["kind"] == kind)

    @property
    def flat(self) -> Path:
        """The master flat."""
        return self.directory / "calibrated" / str(self.group("flat")["products"][-1])

    def reduce(
        self,
        kind: str,
        profile: Profile,
        without: Iterable[str] = (),
        drop: Iterable[str] = (),
        **settings: Any,
    ) -> Outcome:
        """Reduce a group.

        Parameters
        ----------
        kind
            `science` or `standard`.
        profile
            `standard` or `best`.
        without
            Primitives that are skipped.
        drop
            Parameters of the plan that are not set; without `addDQ:user_bpm` masks are found as `reduce` finds them.
        **settings
            Other parameters, `primitive__name=value`.
        """
        group, made = self.group(kind), self.directory / "calibrated"
        user = [
            UserParameter(*_split(s["name"]), str(made / s["value"]) if s["name"].endswith("user_bpm") else s["value"])
            for s in group["parameters"]
            if s["name"] not in set(drop)
        ]
        user += [UserParameter(primitive, "skip_primitive", "True") for primitive in without]
        user += [UserParameter(*name.split("__"), value) for name, value in settings.items()]
        files = {c["type"]: made / c["file"] for c in group["calibrations"] if c["file"]}
        if "addDQ:user_bpm" in set(drop) and "processed_flat" in files:
            # The flat of the night has its mask in DQ: who names no mask has made a flat without.
            flat = self.reduce("flat", profile, drop=drop, **settings).product
            files |= {} if flat is None else {"processed_flat": flat}
        words = [profile, *without, *settings]
        target = self.directory / "-".join([kind, *words])
        target.mkdir(exist_ok=True)
        with Scratch(target) as scratch:
            sources: CalibrationSource = Chosen(files)
            if "addDQ:user_bpm" in set(drop) and profile == "best":
                # The profile standard keeps no mask that could be found.
                sources = Chain((sources, DirectoryCalibrations(self.directory / "calibrations", True)))
            around = Surroundings(sources, Directory(target, keep_calibrations=False), Memory(BUDGET, scratch))
            paths = tuple(self.directory / "raw" / name for name in group["inputs"])
            result = reduce(Request(paths, group["recipe"], tuple(user), "sq", profile=profile), around)
        if result.trace:
            print(result.trace, file=sys.stderr)
        product = target / result.outcome.products[-1] if result.outcome.ok else None
        return Outcome(product, result.outcome.reason, result.outcome.caveats, sum(result.ledger.seconds.values()))


def _split(name: str) -> tuple[str, str]:
    primitive, _, parameter = name.rpartition(":")
    return primitive, parameter
