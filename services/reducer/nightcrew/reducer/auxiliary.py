"""Calibration frames laid over a science frame: checked, and cut out where the science frame is a sub-array."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nightcrew.reducer.engine.describing import describe_frame
from nightcrew.shared.errors import ShapeMismatch

if TYPE_CHECKING:
    from nightcrew.shared.frames import Array, Frame, PlaneName

PIXELS: tuple[PlaneName, ...] = ("data", "variance", "dq")


@dataclass(frozen=True, slots=True)
class Cutout:
    """The part of an auxiliary plane that a science plane covers: rows and columns, 0-based, end exclusive."""

    rows: slice
    columns: slice
    whole: bool

    def planes(self, frame: Frame, index: int) -> tuple[Array, Array | None, Array | None]:
        """Return that part of data, variance and DQ of the auxiliary frame."""
        data, variance, dq = (self.of(frame, index, name) for name in PIXELS)
        assert data is not None
        return data, variance, dq

    def of(self, frame: Frame, index: int, name: PlaneName) -> Array | None:
        """Return that part of an array of the auxiliary frame, or None if it has no such array."""
        plane = frame.planes[index]
        if self.whole:
            return getattr(plane, name)  # type: ignore[no-any-return]
        pixels = plane.rows(name, self.rows.start, self.rows.stop)
        return None if pixels is None else pixels[:, self.columns]


def lay_over(auxiliary: Frame, science: Frame, index: int) -> Cutout:
    """Find where a science plane lies on the plane of an auxiliary frame (primitives-calibration, 4.1).

    Raises
    ------
    ShapeMismatch
        If the auxiliary frame does not cover it.
    """
    plane = science.planes[index]
    shape = plane.shape[-2:]
    if len(auxiliary.planes) > index and auxiliary.planes[index].shape[-2:] == shape:
        return Cutout(slice(0, shape[0]), slice(0, shape[1]), whole=True)
    wanted, offered = (_section(frame, index) for frame in (science, auxiliary))
    if wanted is not None and offered is not None:
        x, y = wanted[0] - offered[0], wanted[2] - offered[2]
        fits = x >= 0 and y >= 0 and wanted[1] <= offered[1] and wanted[3] <= offered[3]
        if fits and auxiliary.planes[index].shape[-2:] == (offered[3] - offered[2], offered[1] - offered[0]):
            return Cutout(slice(y, y + shape[0]), slice(x, x + shape[1]), whole=False)
    raise ShapeMismatch(
        f"{auxiliary.filename}: does not cover the part of the detector that {science.filename} shows "
        f"({_size(auxiliary, index)} against {shape[1]} x {shape[0]} pixels); use a calibration of the same region"
    )


def _section(frame: Frame, index: int) -> tuple[int, int, int, int] | None:
    value: Any = describe_frame(frame).get("array_section")
    if isinstance(value, list):
        value = value[index] if index < len(value) else None
    return None if value is None else tuple(value)


def _size(frame: Frame, index: int) -> str:
    if index >= len(frame.planes):
        return "no such extension"
    ny, nx = frame.planes[index].shape[-2:]
    return f"{nx} x {ny}"
