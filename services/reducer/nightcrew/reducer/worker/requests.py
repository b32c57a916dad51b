"""What a job asks for, as the planner writes it: version 1."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nightcrew.reducer.engine.executing import PlannedReduction
from nightcrew.shared.errors import NightcrewError

VERSION = 1


class BadRequest(NightcrewError):
    """A request that this reducer does not understand."""

    code: ClassVar[str] = "request"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


_Name: TypeAlias = Annotated[str, Field(pattern=r"^[^/\x00]+$")]
"""A file's name without any directory: other files are named after it, which lie where the job writes."""


class InputFile(_Part):
    """A file to be reduced, and the number of its frame in the ledger."""

    name: _Name
    path: Path
    frame: int | None = None


class GivenCalibration(_Part):
    """A calibration to be used; `md5` is empty if it is not known."""

    caltype: str
    path: Path
    md5: str = ""
    id: int | None = None
    provisional: bool = False
    reason: str = ""


class LackingCalibration(_Part):
    """A calibration that nobody has, and why."""

    caltype: str
    reason: str


class JobRequest(_Part):
    """All that a reducer needs to know about a job.

    Parameters
    ----------
    version
        Of this form.
    name, kind
        What is reduced: a group's name, and `dark`, `flat`, `science`, ..., or `quick-look`.
    provides
        Calibration type of the product, None if it is no calibration.
    product
        Predicted name of the product, if there is one.
    recipe, mode, profile
        See `Request`.
    files
        Inputs in order.
    parameters
        By `primitive:name`.
    calibrations
        Which to use.
    without
        Which there are none of.
    suffix
        Ending of the final products' names; None: that of the recipe.
    certify
        Whether a calibration that comes of a job by hand is handed to the calibration manager.
    """

    version: Literal[1]
    name: str
    kind: str
    provides: str | None
    product: _Name | None
    recipe: str | None
    mode: Literal["sq", "ql", "qa"]
    profile: Literal["standard", "best"]
    files: tuple[InputFile, ...] = Field(min_length=1)
    parameters: Mapping[str, Any]
    calibrations: tuple[GivenCalibration, ...]
    without: tuple[LackingCalibration, ...] = ()
    suffix: _Name | None = None
    certify: bool = True

    @property
    def product_kind(self) -> str:
        """What kind of product comes of it, as the ledger calls it."""
        return self.provides or ("quick-look" if self.kind == "quick-look" else "image")

    def planned(self) -> PlannedReduction:
        """Return it as the engine takes it."""
        return PlannedReduction(
            tuple(file.path for file in self.files),
            self.recipe,
            self.parameters,
            self.mode,
            self.profile,
            {one.caltype: one.path for one in self.calibrations},
            {one.caltype: one.reason for one in self.calibrations},
            self.suffix,
        )


def read_request(data: Mapping[str, Any]) -> JobRequest:
    """Read a request.

    Raises
    ------
    BadRequest
        If it is of another version, or something in it is missing, unknown, or not what it should be.
    """
    version = data.get("version")
    if version != VERSION:
        raise BadRequest(
            f"the request of this job has version {version}, and this reducer knows version {VERSION}; "
            "run planner and reducers of the same release"
        )
    try:
        return JobRequest.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadRequest(
            f"the request of this job: {where}: {first['msg']}; run planner and reducers of the same release"
        ) from None
