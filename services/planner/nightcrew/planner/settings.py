"""Settings of the planner: from arguments, else from the environment, else from the defaults."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from nightcrew.planner.core.closing import Patience
from nightcrew.planner.service import Pace
from nightcrew.shared.errors import SettingsError
from nightcrew.shared.ledger.retries import RetryPolicy
from nightcrew.shared.settings import ServiceSettings

PREFIX = "NIGHTCREW_PLANNER_"


class PlannerSettings(ServiceSettings):
    """How the planner waits and what it has done; the environment is read when an instance is made.

    Every field is an environment variable with the prefix ``NIGHTCREW_PLANNER_``; times are in seconds.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX)

    settle: float = Field(60, ge=0, description="Time for stragglers of a sequence after the next one has begun")
    quiet: float | None = Field(
        None, ge=0, description="Time without a new frame after which a sequence is over; by default that of the rules"
    )
    optional: float = Field(1800, ge=0, description="Time to wait for calibrations that a group can do without")
    required: float = Field(43200, ge=0, description="Time to wait for calibrations that a group cannot do without")
    profile: Literal["standard", "best"] = Field("standard", description="Profile of the reductions")
    quick_looks: bool = Field(True, description="Whether frames of the sky get a quick look at once")
    look: float = Field(
        5.0, gt=0, description="Time between two looks at open nights that nothing was heard of, leases and retries"
    )
    retry_pause: float = Field(
        5.0, ge=0, description="Time before the second attempt at a job whose reducer fell silent; doubled for the next"
    )

    calmanager_url: str = Field(
        "http://127.0.0.1:8100", pattern="^https?://", description="Address of the calibration manager"
    )
    calmanager_token_file: Path | None = Field(
        None, description="File whose one line is the token for the calibration manager"
    )
    calibrations: Path | None = Field(
        None, description="Directory for copies of masters; reducers find them under the same path"
    )
    host: str = Field("127.0.0.1", description="Address of /metrics, /healthz and /readyz")
    port: int = Field(8110, ge=0, le=65535, description="Their port; 0: any free one")

    def token(self) -> str:
        """Return the token for the calibration manager; empty if there is none.

        Raises
        ------
        SettingsError
            If the file cannot be read; what is in it is never shown.
        """
        if self.calmanager_token_file is None:
            return ""
        try:
            return self.calmanager_token_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = (error.strerror if isinstance(error, OSError) else None) or "not a text"
            raise SettingsError(
                f"{self.calmanager_token_file}: cannot be read ({why}); {PREFIX}CALMANAGER_TOKEN_FILE must name a file "
                "whose one line is the token for the calibration manager"
            ) from None

    @property
    def patience(self) -> Patience:
        """The times, as planning has them."""
        quiet = None if self.quiet is None else timedelta(seconds=self.quiet)
        return Patience(
            timedelta(seconds=self.settle), quiet, timedelta(seconds=self.optional), timedelta(seconds=self.required)
        )

    @property
    def pace(self) -> Pace:
        """How often the service does what nobody asks for."""
        return Pace(look=self.look, house=self.look)

    @property
    def policy(self) -> RetryPolicy:
        """How often and how late jobs of silent reducers are tried again."""
        return RetryPolicy(first=timedelta(seconds=self.retry_pause))
