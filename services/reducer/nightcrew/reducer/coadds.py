"""What summed exposures do to the numbers of a detector whose tables are for a single one."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def for_summed_exposures(values: Mapping[str, Any], coadds: int) -> dict[str, Any]:
    """Return read noise and levels of a frame whose exposures were added up in the controller.

    Parameters
    ----------
    values
        `read_noise` (electrons), `saturation_level` and `non_linear_level` (ADU) of one exposure: a number for each
        extension, or None where not known.
    coadds
        Exposures that were added up.

    Returns
    -------
    dict
        The noise grows with the square root of `coadds`, the levels in proportion to it.
    """
    factors = {"read_noise": math.sqrt(coadds), "saturation_level": coadds, "non_linear_level": coadds}
    return {name: [None if v is None else v * factor for v in values[name]] for name, factor in factors.items()}
