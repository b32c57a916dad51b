"""Headers of a growing stack: what is in it, and what it is worth."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from nightcrew.reducer.geometry import tangent_plane
from nightcrew.reducer.products.covariance import write_factor
from nightcrew.reducer.products.stack_facts import Input, facts_of_average, write_facts, write_noise
from nightcrew.shared.frames import Frame, Plane

if TYPE_CHECKING:
    from nightcrew.reducer.growing.ledger import Ledger, Seen

INPUT, EXCLUDED = "IMCMB", "NCEXCL"
MOST_NAMED = 99
"""Excluded frames that keywords have numbers for; the table GROWTH names them all."""


def new_product(frame: Frame) -> Frame:
    """Return a stack that has the headers of its first frame, and its pixels still to be given."""
    plane = Plane(frame.planes[0].header.copy(), frame.planes[0].data)
    tangent_plane(frame).write(plane.header)
    product = Frame(frame.phu.copy(), [plane], frame.filename)
    product.provenance, product.history = list(frame.provenance), list(frame.history)
    if "DATALAB" in product.phu:
        product.phu["DATALAB"] = f"{product.phu['DATALAB']}-STACK"
    return product


def describe_growth(stack: Frame, ledger: Ledger) -> None:
    """Write what the stack consists of, who was left out, and exposure, dates and noise of the whole."""
    phu, header = stack.phu, stack.planes[0].header
    added, excluded = ledger.added, ledger.excluded
    for number, row in enumerate(added, 1):
        phu[f"{INPUT}{number:03d}"] = row.name
    for number, row in enumerate(excluded[:MOST_NAMED], 1):
        phu[f"{EXCLUDED}{number:02d}"] = (row.name, "Left out of the stack")
    phu["NCOMBINE"] = (len(added), "Number of input images")
    airmasses = [row.airmass for row in added]
    if all(map(math.isfinite, airmasses)):
        phu["AIRMASS"] = (float(np.mean(airmasses)), "Mean airmass for the exposure")
    facts = facts_of_average([_input(row) for row in added], phu.get("EXPTIME"))
    write_facts(facts, phu)
    write_noise(facts, header)
    write_factor(float(np.mean([row.variance_factor for row in added])), header)
    ny, nx = stack.planes[0].shape
    header["DATASEC"] = f"[1:{nx},1:{ny}]"


def _input(row: Seen) -> Input:
    begin = datetime.fromisoformat(row.begin) if row.begin else None
    seconds, gain, noise = (
        value if math.isfinite(value) else None for value in (row.seconds, row.gain, row.read_noise)
    )
    dates: tuple[datetime | None, ...] = (None, None, None)
    if begin is not None and seconds is not None:
        dates = (begin, begin + timedelta(seconds=seconds / 2), begin + timedelta(seconds=seconds))
    return Input(seconds, 1.0, dates[0], dates[1], dates[2], gain, noise)
