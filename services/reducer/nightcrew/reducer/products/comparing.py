"""Whether two files hold the same product: every pixel, every row of a table, every keyword but the time stamps."""

from __future__ import annotations

import json
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from nightcrew.shared.frames import PlaneName

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from astropy.io.fits import Header

    from nightcrew.shared.frames import Array, Frame, HistoryRow, Plane, ProvenanceRow, Table

STAMP = "UT time stamp for "
"""What the comment of a time stamp begins with."""
STAMPS = frozenset({"GEM-TLM"})
SUMS = frozenset({"CHECKSUM", "DATASUM"})
SHOWN = 60
"""Characters of a value that are shown."""


def differences(ours: Frame, theirs: Frame) -> Iterator[str]:
    """Describe in one line each how `ours`, made again, differs from `theirs`; nothing if it does not.

    Time stamps, and the checksums over them, do not count; nor do the directories of files among the arguments in
    HISTORY.
    """
    yield from _headers("primary header", ours.phu, theirs.phu)
    if len(ours.planes) != len(theirs.planes):
        yield f"{len(theirs.planes)} science extensions, now {len(ours.planes)}"
    for number, (new, old) in enumerate(zip(ours.planes, theirs.planes, strict=False), 1):
        yield from _planes(f"extension {number}", new, old)
    for name in sorted({*ours.tables, *theirs.tables}):
        yield from _tables(f"table {name}", ours.tables.get(name), theirs.tables.get(name))
    yield from _rows("PROVENANCE", _untimed(ours.provenance), _untimed(theirs.provenance))
    yield from _rows("HISTORY", _steps(ours.history), _steps(theirs.history))


def _planes(where: str, ours: Plane, theirs: Plane) -> Iterator[str]:
    yield from _headers(f"header of {where}", ours.header, theirs.header)
    names: tuple[PlaneName, ...] = get_args(PlaneName)
    for name in names:
        if ours.has(name) != theirs.has(name):
            yield f"{where}: {name} {'was not there before' if ours.has(name) else 'is missing now'}"
        elif ours.has(name):
            yield from _arrays(f"{where}: {name}", getattr(ours, name), getattr(theirs, name))
            ours.release(name)
            theirs.release(name)
    yield from _tables(f"{where}: OBJCAT", ours.objcat, theirs.objcat)


def _arrays(where: str, ours: Array, theirs: Array) -> Iterator[str]:
    if ours.shape != theirs.shape or ours.dtype != theirs.dtype:
        yield f"{where} is {_form(theirs)}, now {_form(ours)}"
        return
    apart = _bits(ours) != _bits(theirs)
    count = int(np.count_nonzero(apart))
    if not count:
        return
    with np.errstate(all="ignore"):
        largest = np.abs(ours[apart].astype(np.float64) - theirs[apart].astype(np.float64))
    known = largest[np.isfinite(largest)]
    amount = f", by at most {known.max():.6g}" if known.size else ""
    yield f"{where}: {count} of {apart.size} pixels differ{amount}"


def _form(array: Array) -> str:
    return f"{' x '.join(map(str, array.shape[::-1]))} {array.dtype}"


def _bits(array: Array) -> Array:
    """Return the bits as whole numbers: NaN equals itself, and 0 differs from -0."""
    return np.ascontiguousarray(array).view(f"u{array.dtype.itemsize}")


def _headers(where: str, ours: Header, theirs: Header) -> Iterator[str]:
    new, old = _cards(ours), _cards(theirs)
    for keyword in [*old, *(keyword for keyword in new if keyword not in old)]:
        was, now = old.get(keyword), new.get(keyword)
        if was != now:
            yield f"{where}: {keyword} is {_shown(was)}, now {_shown(now)}"


def _cards(header: Header) -> dict[str, tuple[str, ...]]:
    """Return what keywords say, values and comments, those of COMMENT and HISTORY together."""
    said: dict[str, list[str]] = {}
    for card in header.cards:
        timed = card.keyword in STAMPS or str(card.comment).startswith(STAMP)
        if card.keyword in SUMS or timed:
            continue
        said.setdefault(card.keyword, []).append(f"{card.value!r} / {card.comment}")
    return {keyword: tuple(texts) for keyword, texts in said.items()}


def _shown(said: tuple[str, ...] | None) -> str:
    if said is None:
        return "absent"
    text = "; ".join(said)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def _tables(where: str, ours: Table | None, theirs: Table | None) -> Iterator[str]:
    if ours is None or theirs is None:
        if ours is not theirs:
            yield f"{where} {'is missing now' if ours is None else 'was not there before'}"
        return
    new, old = (table.rows.dtype.names or () for table in (ours, theirs))
    if new != old:
        yield f"{where}: columns {', '.join(old)}, now {', '.join(new)}"
    elif len(ours.rows) != len(theirs.rows):
        yield f"{where}: {len(theirs.rows)} rows, now {len(ours.rows)}"
    elif ours.units != theirs.units:
        yield f"{where}: units {theirs.units}, now {ours.units}"
    else:
        for name in old:
            count = sum(
                a.tobytes() != b.tobytes() for a, b in zip(_cells(ours, name), _cells(theirs, name), strict=True)
            )
            if count:
                yield f"{where}: {name} differs in {count} of {len(theirs.rows)} rows"


def _cells(table: Table, name: str) -> Sequence[Any]:
    column = np.atleast_1d(table.rows[name])
    # Text is compared as text: its width is that of the longest, not its own.
    return [np.array(str(cell)) for cell in column] if column.dtype.kind == "U" else list(column)


def _untimed(rows: Sequence[ProvenanceRow]) -> list[tuple[str, ...]]:
    return [(row.filename, row.md5, row.added_by) for row in rows]


def _steps(rows: Sequence[HistoryRow]) -> list[tuple[str, ...]]:
    return [(row.primitive, *_arguments(row.arguments)) for row in rows]


def _arguments(text: str) -> list[str]:
    """Return arguments one by one; files go by their name."""
    try:
        values = json.loads(text)
    except ValueError:
        return [text]
    if not isinstance(values, dict):
        return [text]
    return [f"{name}={PurePath(v).name if isinstance(v, str) and '/' in v else v}" for name, v in values.items()]


def _rows(where: str, ours: list[tuple[str, ...]], theirs: list[tuple[str, ...]]) -> Iterator[str]:
    if len(ours) != len(theirs):
        yield f"{where}: {len(theirs)} rows, now {len(ours)}"
        return
    for number, (new, old) in enumerate(zip(ours, theirs, strict=True), 1):
        if new != old:
            row = f"row {number} ({old[0]})" if old[0] == new[0] else f"row {number}"
            was, now = ([cell for cell in a if cell not in b] for a, b in ((old, new), (new, old)))
            yield f"{where}: {row} is {_shown(tuple(was) or old)}, now {_shown(tuple(now) or new)}"
