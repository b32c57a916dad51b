"""A growing stack: one frame more, or the reason why not."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from nightcrew.reducer.alignment.looks import look_at
from nightcrew.reducer.engine.describing import describe_frame
from nightcrew.reducer.geometry import tangent_plane
from nightcrew.reducer.growing.ledger import Ledger, Seen, Status
from nightcrew.reducer.growing.sequence import Sequence, is_first_exposure, shows_sky_only, telescope_offset
from nightcrew.reducer.growing.settings import Settings, Tools
from nightcrew.reducer.growing.shelf import Shelf
from nightcrew.reducer.growing.step import Step, original_name
from nightcrew.reducer.growing.verdict import Excluded, Verdict
from nightcrew.reducer.kernels.background import background
from nightcrew.reducer.pointing import pointing_of
from nightcrew.reducer.products.stack_facts import describe_input
from nightcrew.shared.errors import FrameError

if TYPE_CHECKING:
    from pathlib import Path

    from nightcrew.reducer.products.request_record import Named
    from nightcrew.shared.frames import Frame
    from nightcrew.shared.instruments import Description


class GrowingStack:
    """The stack of a sequence that is still being taken.

    All its state lies on disk, beside the product and in it: a new process goes on where another one stopped, and
    makes the same bits.

    Parameters
    ----------
    shelf
        Where it lies.
    tools
        What it needs from outside.
    settings
        How it grows.

    Examples
    --------
    ::

        verdict = GrowingStack.of(frame, directory, tools).add(frame)
        match verdict:
            case Added(frames=n):
                print(f"{n} frames")
            case Excluded(reason=reason):
                print(reason)
    """

    def __init__(self, shelf: Shelf, tools: Tools, settings: Settings | None = None) -> None:
        self.shelf = shelf
        self._tools = tools
        self._settings = settings or Settings()

    @classmethod
    def of(cls, frame: Frame, directory: Path, tools: Tools, settings: Settings | None = None) -> GrowingStack:
        """Return the stack in a directory that a frame belongs to; it begins with this frame if there is none."""
        sequence = Sequence.of(describe_frame(frame))
        return cls(Shelf.of(sequence, original_name(frame), directory), tools, settings)

    def load(self) -> tuple[Ledger, Frame | None]:
        """Return what is known about the frames, and the stack if there is one."""
        return self.shelf.load()

    def add(self, frame: Frame) -> Verdict:
        """Add a frame, or say why it is left out.

        Parameters
        ----------
        frame
            Corrected as far as calibrations go, the sky still in it, its sources found; it is left as it is.

        Raises
        ------
        FrameError
            If the frame has no usable WCS or more than one science extension, or the state on disk is damaged.
        ServiceError
            If the disk fails; the state is then that before the frame.
        """
        if len(frame.planes) != 1:
            raise FrameError(f"{frame.filename}: {len(frame.planes)} science extensions; only frames of one can grow")
        with self.shelf.locked():
            ledger, stack = self.shelf.load()
            name, source = original_name(frame), self._tools.source(frame)
            known = ledger.find(name)
            if known is not None:
                reason = (
                    "was shown to the stack before" + (f" and left out: {known.reason}" if known.reason else "")
                    if known.md5 == source.md5
                    else f"is another file than the one of this name in the stack (MD5 {source.md5}, there {known.md5})"
                )
                product = "" if stack is None else self.shelf.product
                return Excluded(known, reason, product, len(ledger.added), duplicate=True)
            self.shelf.tidy([row.name for row in ledger.kept], len(ledger), product=stack is not None)
            step = Step(self.shelf, self._tools, self._settings, ledger, stack)
            return step.show(frame, self._look(frame, name, source))

    def _look(self, frame: Frame, name: str, source: Named) -> Seen:
        """Note what a frame is like, before it is compared with others."""
        about, plane = describe_frame(frame), frame.planes[0]
        looks = look_at(name, plane.objcat)
        begin, offset = about.get("ut_datetime"), telescope_offset(about)
        level = background(plane.data, plane.dq, plane.objmask, decimate_twice=False)
        east, north = _wcs_error(frame, about)
        given = describe_input(frame, about)
        seen = Seen(
            name, source.name, source.md5,
            begin="" if begin is None else begin.isoformat(),
            seconds=_or_nan(about.get("exposure_time")),
            sources=looks.sources, fwhm=looks.fwhm, ellipticity=looks.ellipticity,
            p=math.nan if offset is None else offset[0], q=math.nan if offset is None else offset[1],
            east=east, north=north,
            sky=math.nan if level is None else level.level,
            airmass=_or_nan(about.get("airmass")), gain=_or_nan(given.gain), read_noise=_or_nan(given.read_noise),
        )  # fmt: skip
        settings = self._settings
        if settings.drop_first and is_first_exposure(str(frame.phu.get("DATALAB", ""))):
            return replace(
                seen, status=Status.UNSETTLED, reason="the first exposure of its observation: the bias has not settled"
            )
        field_of_view = max(plane.shape[-2:]) * tangent_plane(frame).pixel_scale
        if shows_sky_only(offset, field_of_view, settings.sky_beyond):
            assert offset is not None
            reason = f"shows the sky {math.hypot(*offset):.0f} arcsec beside the target, and serves as that"
            return replace(seen, status=Status.SKY, reason=reason)
        return seen


def _wcs_error(frame: Frame, about: Description) -> tuple[float, float]:
    """Return by how much the WCS of a frame disagrees with target and telescope offsets, arcsec; NaN if not known."""
    pointing = pointing_of(frame, about)
    if pointing is None:
        return math.nan, math.nan
    (ra, dec), (ra0, dec0) = tangent_plane(frame).centre, pointing.expected
    east = ((ra - ra0 + 180.0) % 360.0 - 180.0) * 3600.0 * math.cos(math.radians(dec0))
    return east, (dec - dec0) * 3600.0


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else float(value)
