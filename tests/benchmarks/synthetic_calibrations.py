"""Calibrations of many years of NIRI and Flamingos-2 that never were, copied into the database by the million."""

from __future__ import annotations

import json
import random
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from nightcrew.shared.association import Target
from nightcrew.shared.association.columns import PROCESSING_RANK
from nightcrew.shared.association.facts import EPOCH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nightcrew.shared.database import Database

START, YEARS = datetime(2001, 1, 1), 20  # noqa: DTZ001 (UTC)
SECTIONS = ([0, 1024, 0, 1024], [0, 768, 0, 768], [0, 512, 0, 512], [0, 256, 0, 256])
F2_SECTION = [0, 2048, 0, 2048]
EXPOSURES = (0.4, 1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 60.0, 90.0, 120.0, 300.0)
NIRI_FILTERS = tuple(
    f"{name}_G02{number:02d}" for number, name in enumerate(("J", "H", "K", "Ks", "Kp", "Br", "H2", "Fe", "L", "M"))
)
F2_FILTERS = ("Open&J_G0802", "H_G0803&Open", "Open&Ks_G0804", "Y_G0801&Open", "Open&HK_G0806_good", "JH_G0809&Open")
READ_MODES = {"NIRI": ("Low Background", "Medium Background", "High Background"), "F2": ("1", "4", "8")}
KINDS = (("PROCESSED_DARK", 35), ("PROCESSED_FLAT", 30), ("RAW DARK", 17), ("RAW FLAT", 17), ("PROCESSED_BPM", 1))

_COPY = """
    COPY calibration.calibrations (name, directory, stored, instrument, caltype, state, processing_rank, ut_datetime,
        ut_seconds, columns, tags, kind, valid, canonical, present, md5, sha256, size, modified, added_at, added_by)
    FROM STDIN
"""


def fill(database: Database, number: int, seed: int = 1) -> None:
    """Copy calibrations into an empty database."""
    chance = random.Random(seed)
    with database.begin() as connection:
        raw: Any = connection.connection.driver_connection
        with raw.cursor() as cursor, cursor.copy(_COPY) as copy:
            for index in range(number):
                copy.write_row(row(chance, index))
    with database.begin() as connection:
        connection.exec_driver_sql("ANALYZE calibration.calibrations")


def row(chance: random.Random, index: int) -> tuple[Any, ...]:
    """Return one calibration as a row."""
    kind = _choice(chance, KINDS)
    columns = setting(chance)
    columns |= {"reduction": kind.split()[0] if kind.startswith("PROCESSED") else "RAW"}
    columns["observation_type"] = kind.removeprefix("PROCESSED_").removeprefix("RAW ")
    columns["qa_state"] = _choice(chance, (("Undefined", 70), ("Pass", 20), ("Usable", 5), ("CHECK", 3), ("Fail", 2)))
    columns["processing"] = _choice(chance, (("Science-Quality", 80), ("Quick-Look", 10), ("Raw", 10)))
    moment = columns.pop("ut_datetime")
    columns["ut_datetime"] = moment.isoformat()
    name = f"C{index:08d}.fits"
    digest = f"{index:032x}"
    state = _choice(chance, (("certified", 96), ("candidate", 2), ("vetoed", 1), ("superseded", 1)))
    valid = None
    seconds = int((moment - EPOCH).total_seconds())
    if chance.random() < 0.001:  # explicit validities may not overlap, so each has a kind of its own here
        valid = f"[{moment},{moment + timedelta(days=30)})"
    return (
        *(name, "/nowhere", False, columns["instrument"], "any", state, PROCESSING_RANK[columns["processing"]]),
        *(moment, seconds, json.dumps(columns), [], name, valid, True, True, digest, digest * 2, 1, 0),
        *(START, "bench"),
    )  # fmt: skip


def setting(chance: random.Random) -> dict[str, Any]:
    """Return what instrument and observer chose, and when."""
    instrument = _choice(chance, (("NIRI", 60), ("F2", 40)))
    niri = instrument == "NIRI"
    filter_name = chance.choice(NIRI_FILTERS if niri else F2_FILTERS)
    return {
        "instrument": instrument,
        "ut_datetime": START + timedelta(microseconds=chance.randrange(YEARS * 365 * 86400 * 10**6)),
        "data_section": _choice(chance, tuple(zip(SECTIONS, (80, 5, 10, 5), strict=True))) if niri else F2_SECTION,
        "read_mode": chance.choice(READ_MODES[instrument]),
        "well_depth_setting": _choice(chance, (("Shallow", 80), ("Deep", 20))) if niri else None,
        "coadds": _choice(chance, ((1, 80), (2, 10), (10, 10))) if niri else 1,
        "exposure_time": chance.choice(EXPOSURES) + (chance.choice((0.0, 0.001, 0.002)) if niri else 0.0),
        "filter_name": filter_name,
        "filter_set": filter_name.replace("&Open", "").replace("Open&", ""),
        "camera": _choice(chance, (("f6", 80), ("f14", 10), ("f32", 10))) if niri else None,
        "focal_plane_mask": "f6-cam_G5208" if niri else "Open",
        "disperser": "MIRROR",
        "lyot_stop": None if niri else "f/16_G5830",
        "gcal_lamp": chance.choice(("IRhigh", "IRlow", "Off")),
        "detector_binning": "1x1",
        "observation_class": "dayCal",
        "spectroscopy": False,
        "phot_standard": False,
        "engineering": False,
        "central_wavelength": None,
        "object": "GCALflat",
        "observation_id": f"GN-2010A-Q-{chance.randrange(100)}-{chance.randrange(300)}",
    }  # fmt: skip


def questions(seed: int) -> Iterator[tuple[Target, str]]:
    """Give frames and types to ask for, without end: dark, flat and mask of one frame after the other."""
    chance = random.Random(seed)
    while True:
        values = setting(chance)
        values["data_section"] = tuple(values["data_section"])
        values |= {"observation_type": "OBJECT", "qa_state": "Undefined"}
        target = Target(values["instrument"], frozenset({values["instrument"], "SIDEREAL", "IMAGE"}), values, "T.fits")
        for caltype in ("processed_dark", "processed_flat", "processed_bpm"):
            yield target, caltype


def _choice(chance: random.Random, weighted: tuple[tuple[Any, float], ...]) -> Any:
    values, weights = zip(*weighted, strict=True)
    return chance.choices(values, weights)[0]
