"""Answers of calibration databases as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nightcrew.cli.caldb.configuration import Config, DatabaseLine, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

TYPES = {Kind.LOCAL: "LocalDB", Kind.POSTGRESQL: "PostgreSQL", Kind.HTTP: "RemoteDB"}
EMPTY = "There are no files in the database"
CERTIFIED = "certified"


def listing(record: Mapping[str, Any]) -> str:
    """Return the line of a calibration: name and directory, and its state where it is not given out."""
    state = "" if record["state"] == CERTIFIED else f"  ({record['state']})"
    return f"{record['name']:30} {record['directory']}{state}"


def configuration(config: Config, active: DatabaseLine | None, bold: Callable[[str], str]) -> Iterator[str]:
    """Yield what is configured, laid out as DRAGONS does it."""
    yield ""
    yield f"Using configuration files: {(config.file,) if config.file else ()}"
    yield ""
    for line in config.databases:
        yield bold(line.shown)
        yield f"  Type:  {TYPES[line.kind]}"
        yield f"  Get:   {line.get}"
        yield f"  Store: {line.store}"
        yield ""
    yield ""
    if active is not None:
        yield f"Database file: {bold(active.shown)}"
        yield ""
    servers = [line.shown for line in config.databases if line.kind is Kind.HTTP and line.get]
    if servers:
        yield f"Remote calibrations will be downloaded from {', '.join(servers)}"
    else:
        yield "The calibration dbs are all local, meaning that remote calibrations will not be downloaded "


def explanation(answer: Mapping[str, Any]) -> Iterator[str]:
    """Yield which calibration a frame would get and why; or what was wanted and what came nearest."""
    caltype = answer["caltype"]
    if answer["matches"]:
        best, *others = answer["matches"]
        how = "none by the rule, provisionally " if best["provisional"] else ""
        yield f"  {caltype}: {how}{best['name']}"
        yield from (f"     {reason}" for reason in best["reasons"])
        yield from (f"     but {caveat}" for caveat in best["caveats"])
        yield from (f"     although {broken}" for broken in best["relaxed"])
        yield from (f"     then {one['name']}: {'; '.join(one['reasons'])}" for one in others)
    else:
        yield f"  {caltype}: none{', ' + answer['note'] if answer['note'] else ''}"
        if answer["wishes"]:
            yield f"     wanted {', '.join(answer['wishes'])}"
        if not answer["note"] and not answer["ingested"]:
            yield "     nothing of the kind was ever entered"
    yield from (f"     not {miss['name']}: {miss['reason']}" for miss in answer["near_misses"])


def standing(record: Mapping[str, Any]) -> str:
    """Return how a calibration stands: `N1_dark.fits is certified since ... until ...`."""
    times = [
        f"{word} {record[key]}" for word, key in (("since", "valid_since"), ("until", "valid_until")) if record[key]
    ]
    return " ".join([record["name"], "is", record["state"], *times])


def affected(products: Sequence[Mapping[str, Any]], name: str) -> Iterator[str]:
    """Yield the products that a calibration went into, and through which masters."""
    if not products:
        yield f"No product is known that {name} went into"
    for product in products:
        via = f"  through {' and '.join(product['via'])}" if product["via"] else ""
        yield f"{product['path']}{via}"


def history(lines: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield what happened to a calibration, one line each, UTC."""
    for line in lines:
        change = line["after"] if line["before"] in {None, line["after"]} else f"{line['before']} -> {line['after']}"
        reason = f": {line['reason']}" if line["reason"] else ""
        yield f"{line['at'][:19]} {line['event']} by {line['who']}, {change}{reason}"
