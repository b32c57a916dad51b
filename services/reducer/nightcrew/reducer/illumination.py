"""Which pixels the telescope illuminates (primitives-calibration, 4.3)."""

from __future__ import annotations

import base64
import zlib
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from nightcrew.shared.dq import DQ

if TYPE_CHECKING:
    from numpy.typing import NDArray

F2_SIZE = 2048
F2_EDGES = (
    "eNrtWdtu1DAQje2FUhWJF/6H//8SHnmoBLTd2HiTTTK253LsqhIP8Wjsc8v2sm1aZVKI6Wf6lZ5z/U5/0t/cL/d6vddbrnV/S9e9"
    "t/2a5uac72ze8a0iQfNekZyxQBtba9MiOSkqsVYpJ1Ojaae9024VuS3Ee4lNciiKTo1r1nJJQ11uTdN61e20k6heapTxGFdbl3ek"
    "HMcwh/p6hkvInHM0pqWOxpO9PeJqCu7Jbq/T58k7vVb2NU177Tqjf0Q+XytyQvf0KxAVeQ396hFeK+f6v5aDNCTlQFd/dWeoVtoN"
    "5xyclRJSzikqx9BEj1/vHNo493X0XE8R57ZMu1pXN0dP4D2SsBRdt7iV7N/7mXRurPU5hXM1XDNOaRO6jrhy+aGEB5lXUK14hiGO"
    "hNbmtE2XlJaXes1KTFUvqoHJhAoFhgXCjg6776YfFzd9n75NX6enXI+5vuT6vPRD7k9Lr/tlQet52feQz7Cgy3IeHci5Yr9wTzRf"
    "nJ58bqHA/FcpIbQc8/3W3jv5PZd/UviWFJ63Xv/JI/23E/uNHrtX4Pcg/B6n3x3t++zUpcn3ev2vhcxkzd4xdQxZzFax/y36utcZ"
    "YbqOO7ZKvXOd61znOtdHrONZdM/TWuQ5r/30WNN7FOxp+PsbVUcYMolAVSRtT1qkZD3Tkac/3PTImjNhGFcSNE9Dsvg8L4J6NLGM"
    "ojrbjGISnbe2aW2uWyN5j2TazKGW6dVOv8tzLubl7Tydztz/ATXjq1k="
)
"""First and last illuminated column of every row, 0-based and inclusive: differences from row to row, little-endian
int16, shape (2, 2048), zlib, base64."""
F2_UNLIT_IN_ROW_0 = (1058, 1059, 1078, 1082, 1083, 1084)


@cache
def f2_imaging_mask() -> NDArray[np.uint16]:
    """Return the mask of F2 imaging: shape (2048, 2048), uint16, 64 where the circular field does not reach."""
    edges = np.frombuffer(zlib.decompress(base64.b64decode(F2_EDGES)), dtype="<i2").reshape(2, F2_SIZE)
    first, last = edges.astype(np.int64).cumsum(axis=1)
    columns = np.arange(F2_SIZE)
    lit = (columns >= first[:, None]) & (columns <= last[:, None])
    lit[0, F2_UNLIT_IN_ROW_0] = False
    mask = np.where(lit, 0, DQ.UNILLUMINATED).astype(np.uint16)
    mask.setflags(write=False)
    return mask
