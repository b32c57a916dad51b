"""Tags of GMOS (instruments, 10.1)."""

from __future__ import annotations

import re
from typing import Any

from nightcrew.shared.instruments.gemini import COMMON_RULES, keyword_is
from nightcrew.shared.instruments.tags import TagRule, TagSet, merged, tag_set, when

_MDF_MASK = re.compile(r"g[ns]ifu_slit([rbs])_mdf")
_IFU_MASKS = {
    "IFU-B": "ONESLIT_BLUE",
    "IFU-B-NS": "ONESLIT_BLUE",
    "IFU-R": "ONESLIT_RED",
    "IFU-R-NS": "ONESLIT_RED",
    "IFU-2": "TWOSLIT",
    "IFU-NS-2": "TWOSLIT",
}
_MDF_SLITS = {"b": "ONESLIT_BLUE", "r": "ONESLIT_RED", "s": "TWOSLIT"}


def _is_bias(view: Any) -> bool:
    return bool(view.phu.get("OBSTYPE") == "BIAS")


def _is_bpm(view: Any) -> bool:
    return bool(view.phu.get("OBSTYPE") == "BPM" or "BPMASK" in view.phu)


def _flat(view: Any) -> TagSet | None:
    if view.phu.get("OBSTYPE") != "FLAT":
        return None
    if view.phu.get("GRATING") == "MIRROR" and any("Hartmann" in view.phu[wheel] for wheel in ("FILTER1", "FILTER2")):
        return None
    return tag_set("GCALFLAT FLAT CAL")


def _disperses(view: Any) -> bool:
    phu = view.phu
    return bool(phu.get("MASKTYP") != 0 and phu.get("MASKNAME") != "None" and phu.get("GRATING") != "MIRROR")


def _twilight(view: Any) -> TagSet | None:
    if view.phu["OBJECT"].upper() != "TWILIGHT":
        return None
    return tag_set("TWILIGHT CAL SLITILLUM" if _disperses(view) else "TWILIGHT CAL FLAT")


def _ifu(view: Any) -> TagSet | None:
    if _is_bias(view) or view.phu["MASKTYP"] != -1:
        return None
    mask = view.phu["MASKNAME"]
    match = _MDF_MASK.match(mask)
    slits = _MDF_SLITS[match[1]] if match else _IFU_MASKS.get(mask)
    return tag_set(f"IFU {slits}") if slits else None


def _long_slit(view: Any) -> bool:
    mask = view.phu["MASKNAME"]
    return not _is_bias(view) and not _is_bpm(view) and view.phu["MASKTYP"] == 1 and mask.endswith("arcsec")


def _multi_slit(view: Any) -> bool:
    mask = view.phu["MASKNAME"]
    special = mask.startswith(("IFU", "focus")) or mask.endswith("arcsec")
    return not _is_bias(view) and view.phu["MASKTYP"] == 1 and not special


_NO_LAMP = TagRule("gcal_lamp", lambda _: None)

RULES = (
    when("gmos", lambda _: True, tag_set("GMOS")),
    when("dark", keyword_is("OBSTYPE", "DARK"), tag_set("DARK CAL", blocks="IMAGE SPECT")),
    when("bias", _is_bias, tag_set("BIAS CAL", blocks="IMAGE SPECT")),
    when("arc", keyword_is("OBSTYPE", "ARC"), tag_set("ARC CAL")),
    TagRule("flat", _flat),
    TagRule("twilight", _twilight),
    when("domeflat", lambda view: view.phu["OBJECT"].upper() == "DOMEFLAT", tag_set("DOMEFLAT CAL FLAT")),
    when("sensitivity", lambda view: "SENSFUNC" in view.phu, tag_set("PROCESSED STANDARD CAL", blocks="RAW")),
    TagRule("ifu", _ifu),
    when("through_slit", lambda view: view.phu.get("MASKTYP") != 0, tag_set("THRUSLIT", if_present="IMAGE")),
    TagRule("grating", lambda view: tag_set("IMAGE" if view.phu.get("GRATING") == "MIRROR" else "SPECT")),
    when("long_slit", _long_slit, tag_set("LS")),
    when("multi_slit", _multi_slit, tag_set("MOS")),
    when("nod_and_shuffle", lambda view: "NODPIX" in view.phu, tag_set("NODANDSHUFFLE")),
    _NO_LAMP,
)

GMOS_RULES = merged(COMMON_RULES, RULES)
"""Lamps are always on for GMOS: nothing tells LAMPON from LAMPOFF."""
