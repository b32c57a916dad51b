"""Settings of the planner: from arguments, else from the environment, else from the defaults."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from nightcrew.planner.core.closing import Patience
from nightcrew.planner.service import Pace
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
