"""What all requests and answers have in common."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, NaiveDatetime, StringConstraints, WithJsonSchema

Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
Text = Annotated[str, StringConstraints(max_length=2000, pattern=r"^[^\x00]*$")]
Md5 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Utc = Annotated[NaiveDatetime | AwareDatetime, WithJsonSchema({"type": "string", "examples": ["2026-11-01T00:00:00"]})]
Zoneless = Annotated[datetime, WithJsonSchema({"type": "string", "examples": ["2013-11-20T12:01:33.700000"]})]
"""Not RFC 3339, which wants a zone: headers of frames have none."""


class Model(BaseModel):
    """A JSON object whose keys are all known."""

    model_config = ConfigDict(extra="forbid", frozen=True)
