"""What was made with calibrations, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import ConfigDict, Field, StringConstraints

from nightcrew.calmanager.http.wire.examples import RECORD
from nightcrew.calmanager.http.wire.model import Md5, Model, Name, Utc

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nightcrew.calmanager.records import Affected


class InputIn(Model):
    """A file that went into a product."""

    name: Name
    md5: Md5
    role: Annotated[str, StringConstraints(max_length=100)] = ""


class ProductIn(Model):
    """A product and what it was made of."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "N20160102S0270_image.fits",
                    "path": "/data/products/N20160102S0270_image.fits",
                    "md5": "0cc175b9c0f1b6a831c399e269772661",
                    "recipe": "reduce",
                    "made_at": "2026-11-28T04:12:00",
                    "inputs": [{"name": "N20160102S0423_dark.fits", "md5": RECORD["md5"], "role": "darkCorrect"}],
                }
            ]
        }
    )

    name: Name
    path: Annotated[str, StringConstraints(min_length=1, max_length=4096)]
    md5: Md5
    recipe: Annotated[str, StringConstraints(max_length=200)]
    made_at: Utc = Field(description="UTC")
    inputs: list[InputIn] = Field(default_factory=list, max_length=10000)


class AffectedItem(Model):
    """A product that a calibration went into."""

    name: str
    path: str
    md5: str
    via: list[str] = Field(description="Masters in between; empty if it used the calibration itself")


class AffectedOut(Model):
    """What was made with a calibration."""

    affected: list[AffectedItem]


def affected_out(affected: Sequence[Affected]) -> list[AffectedItem]:
    """Return products as JSON tells them."""
    return [AffectedItem(name=one.name, path=str(one.path), md5=one.md5, via=list(one.via)) for one in affected]
