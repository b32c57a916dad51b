"""From a group to a job: all that a reducer needs, as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nightcrew.shared.messages import JobClass

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from nightcrew.planner.core.model import Group

VERSION = 1
"""Of the form of a request."""
LARGE = 400_000_000
"""Pixels of all inputs together from which a job goes to reducers with more memory: 100 frames of 2048 x 2048."""


@dataclass(frozen=True, slots=True)
class File:
    """A file that goes into a job: where it lies, how many pixels it has, and the number of its frame."""

    path: str
    pixels: int = 0
    frame: int | None = None


@dataclass(frozen=True, slots=True)
class Provided:
    """A calibration that goes into a job.

    Parameters
    ----------
    caltype
        Its type.
    path, md5
        The file.
    id
        Its number at the calibration manager, if it has one.
    provisional
        Whether it is used for want of a better one.
    reason
        Why this one.
    """

    caltype: str
    path: str
    md5: str = ""
    id: int | None = None
    provisional: bool = False
    reason: str = ""


def job_request(
    group: Group, files: Mapping[str, File], provided: Mapping[str, Provided], profile: str = "standard"
) -> dict[str, Any]:
    """Return the request for a group.

    Parameters
    ----------
    group
        As planned.
    files
        Its inputs, by name.
    provided
        Files of the calibrations that its needs name as providers, by name.
    profile
        `standard` or `best`.
    """
    paths = {name: one.path for name, one in provided.items()}
    return {
        "version": VERSION,
        "name": group.name,
        "kind": group.kind,
        "provides": group.provides,
        "product": group.product,
        "recipe": group.recipe,
        "mode": group.mode,
        "profile": profile,
        "files": [{"name": name, "path": files[name].path, "frame": files[name].frame} for name in group.inputs],
        "parameters": {
            setting.name: paths.get(setting.value, setting.value) if isinstance(setting.value, str) else setting.value
            for setting in group.settings
        },
        "calibrations": [_used(provided[need.provider.file]) for need in group.needs if need.provider is not None],
        "without": [{"caltype": need.caltype, "reason": need.reason} for need in group.needs if need.provider is None],
    }


def quick_look_request(
    name: str, file: File, calibrations: Iterable[Provided], recipe: str = "quickLook"
) -> dict[str, Any]:
    """Return the request for a quick look at a single frame with the calibrations at hand."""
    used = [_used(one) for one in calibrations]
    return {
        "version": VERSION,
        "name": f"quick-look-{name}",
        "kind": "quick-look",
        "provides": None,
        "product": None,
        "recipe": recipe,
        "mode": "ql",
        "profile": "standard",
        "files": [{"name": name, "path": file.path, "frame": file.frame}],
        "parameters": {},
        "calibrations": used,
        "without": [],
    }


def job_class(group: Group, files: Mapping[str, File]) -> JobClass:
    """Return which reducers run the job of a group."""
    if sum(files[name].pixels for name in group.inputs) >= LARGE:
        return JobClass.LARGE
    return JobClass.SCIENCE if group.provides is None else JobClass.CALIBRATION


def _used(one: Provided) -> dict[str, Any]:
    return {
        "caltype": one.caltype,
        "path": one.path,
        "md5": one.md5,
        "id": one.id,
        "provisional": one.provisional,
        "reason": one.reason,
    }
