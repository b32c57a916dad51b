"""Which frames belong to one growing stack."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nightcrew.shared.instruments import Description

SAME = (
    "instrument", "filter_name", "camera", "focal_plane_mask", "disperser", "lyot_stop", "read_mode",
    "well_depth_setting", "coadds", "data_section",
)  # fmt: skip
"""Descriptors that frames of a sequence have in common, beside observation, exposure time and night."""
NIGHT_ENDS = timedelta(hours=4)
"""Before midnight UT: 10 h on Mauna Kea, 16 h on Cerro Pachón, when neither telescope sees stars."""


@dataclass(frozen=True, slots=True)
class Sequence:
    """What the frames of a sequence have in common, as text by descriptor."""

    common: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, about: Description) -> Sequence:
        """Return the sequence that a frame belongs to.

        An observation that goes on in another night is another sequence.
        """
        common: dict[str, Any] = {"observation": about.get("observation_id") or about.get("object")}
        common |= {name: about.get(name) for name in SAME}
        exposure, begin = about.get("exposure_time"), about.get("ut_datetime")
        common["exposure_time"] = None if exposure is None else f"{exposure:.2f}"
        common["night"] = (begin + NIGHT_ENDS).date() if isinstance(begin, datetime) else None
        return cls(tuple((name, "" if value is None else str(value)) for name, value in common.items()))

    @property
    def digest(self) -> str:
        """A short name, safe for files: equal for equal sequences."""
        return hashlib.sha256(json.dumps(self.common).encode()).hexdigest()[:12]

    def as_dict(self) -> Mapping[str, str]:
        """Return the common facts by name."""
        return dict(self.common)


def telescope_offset(about: Description) -> tuple[float, float] | None:
    """Return how far the telescope looks beside the base position, arcsec along the axes of the detector.

    None if the headers do not say.
    """
    x, y, scale = (about.get(name) for name in ("detector_x_offset", "detector_y_offset", "pixel_scale"))
    return None if x is None or y is None or scale is None else (float(x * scale), float(y * scale))


def is_first_exposure(data_label: str) -> bool:
    """Tell whether a data label is that of the first exposure of an observation.

    Examples
    --------
    >>> is_first_exposure("GN-2016A-DD-1-5-001"), is_first_exposure("GN-2016A-DD-1-5-011")
    (True, False)
    """
    return data_label.rpartition("-")[2].lstrip("0") == "1"


def shows_sky_only(offset: tuple[float, float] | None, field: float, limit: float | None) -> bool:
    """Tell whether a frame was taken so far from the base position that it does not show the target.

    Parameters
    ----------
    offset
        Along x and y, arcsec; a frame without is taken for one of the target.
    field
        Side of the field of view, arcsec.
    limit
        Offset from which a frame shows the sky only, in units of the field; None: never.
    """
    return offset is not None and limit is not None and math.hypot(*offset) > limit * field
