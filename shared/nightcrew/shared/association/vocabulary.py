"""The words that association rules may use: columns, their constants, types of calibrations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nightcrew.shared.association.columns import (
    OBSERVATION_CLASSES,
    OBSERVATION_TYPES,
    PROCESSED_KINDS,
    PROCESSING_RANK,
    QA_STATES,
)
from nightcrew.shared.association.facts import COMPARED, DERIVED, FROM_TAGS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

CALTYPES = frozenset(
    {
        *("bias", "dark", "flat", "arc", "bpm", "fringe", "pinhole", "mask", "ronchi_mask", "slitillum"),
        *("lampoff_flat", "qh_flat", "domeflat", "lampoff_domeflat", "polarization_flat"),
        *("photometric_standard", "astrometric_standard", "polarization_standard", "specphot", "standard", "telluric"),
        *("slitflat", "slit"),
    }
)
"""Types of calibrations that a service can be asked for (calibrations, 6 and 7.2), without `processed_`."""

TARGET_VALUES = frozenset({*COMPARED, "detector_binning", *DERIVED})
"""What a target says of itself."""

COLUMNS = TARGET_VALUES | {"reduction", "processing", "engineering", "phot_standard"}
"""What a candidate is registered with."""

TRUTHS = frozenset({*FROM_TAGS, "engineering", "phot_standard"})
"""Columns that are true or false."""

NUMBERS = frozenset({"exposure_time", "coadds", "central_wavelength", "detector_x_bin", "detector_y_bin"})
"""Columns that are numbers and so can be close to something."""

CONSTANTS: Mapping[str, AbstractSet[str]] = {
    "reduction": frozenset(
        {"RAW", "PREPARED", "PROCESSED_UNKNOWN", *(f"PROCESSED_{kind}" for kind in PROCESSED_KINDS)}
    ),
    "observation_type": OBSERVATION_TYPES,
    "observation_class": OBSERVATION_CLASSES,
    "qa_state": QA_STATES,
    "processing": frozenset(PROCESSING_RANK),
}
"""Columns that have no other values than these."""
