"""How the service is, and what went wrong with a request, as JSON."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from nightcrew.calmanager.http.wire.model import Model


class ErrorBody(Model):
    """What went wrong: a code for programs, one line for people."""

    code: str
    message: str


class ErrorOut(Model):
    """Every answer with a status of 400 or more."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"error": {"code": "unknown", "message": "no calibration is called number 17"}}]
        }
    )

    error: ErrorBody


class StatusOut(Model):
    """Whether the service, or a part of it, works."""

    status: Literal["ok", "unavailable"]
    checks: dict[str, str] = Field(default_factory=dict, description="What was looked at: `ok`, or what is wrong")
