"""Settings of a reducer: from arguments, else from the environment, else from the defaults."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict

from nightcrew.reducer.worker.limits import Share, memory_limit, processor_limit, share_of
from nightcrew.shared.ledger.retries import RetryPolicy
from nightcrew.shared.messages import JobClass
from nightcrew.shared.settings import ServiceSettings

PREFIX = "NIGHTCREW_REDUCER_"
GIGABYTE = 1_000_000_000


class ReducerSettings(ServiceSettings):
    """How a reducer works; the environment is read when an instance is made.

    Every field is an environment variable with the prefix ``NIGHTCREW_REDUCER_``; times are in seconds.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX)

    products: Path = Field(description="Directory of the products")
    scratch: Path | None = Field(
        None, description="Directory of the attempts at work, in the file system of the products; by default in theirs"
    )
    job_class: JobClass = Field(JobClass.REALTIME, description="Class of jobs that are taken")
    concurrency: int = Field(1, ge=1, le=256, description="Jobs at a time, each in a process of its own")
    threads: int | None = Field(None, ge=1, le=1024, description="Threads of a job; by default as the class has it")
    memory: float | None = Field(
        None, gt=0, description="Gigabytes above which a job is ended; by default as the class has it"
    )
    lease: float = Field(30.0, ge=0.5, description="Time for which a job is claimed, and claimed anew")
    renew: float = Field(8.0, gt=0, description="Time after which a claim is renewed")
    time_limit: float = Field(14400.0, ge=0, description="Time that an attempt may take; 0: any")
    drain: float = Field(50.0, ge=0, description="Time that a job has to end after SIGTERM")
    idle_exit: float = Field(
        0.0,
        ge=0,
        description="Time without a job after which a reducer ends, for those that are started on demand; 0: never",
    )
    retry_pause: float = Field(5.0, ge=0, description="Time before the second attempt; doubled for each further one")
    recycle_jobs: int = Field(200, ge=1, description="Jobs after which a child is replaced")
    recycle_memory: float | None = Field(
        None,
        gt=0,
        description="Gigabytes between jobs above which a child is replaced; by default half of its memory",
    )
    spare: bool = Field(True, description="Whether a child's successor is started before the child goes")
    least_free: float = Field(0.5, ge=0, description="Gigabytes that the products' disk must have free for a job")
    keep_superseded: float = Field(
        7.0, ge=0, description="Days for which a product is kept that a later one has superseded; 0: for ever"
    )
    sweep: float = Field(600.0, gt=0, description="Time between searches for what dead attempts have left")
    host: str = Field("127.0.0.1", description="Address of /metrics, /healthz and /readyz")
    port: int = Field(
        8120,
        ge=0,
        le=65535,
        description="Their port; the second reducer takes the next, and so on; 0: any free one",
    )

    @model_validator(mode="after")
    def _renewed_in_time(self) -> ReducerSettings:
        if self.renew > self.lease / 2:
            raise ValueError(f"{PREFIX}RENEW must be at most half of {PREFIX}LEASE: one renewal may fail")
        if self.idle_exit and self.concurrency > 1:
            raise ValueError(f"{PREFIX}IDLE_EXIT is for one reducer: with several, those that end are started again")
        return self

    @property
    def workspaces(self) -> Path:
        """Where attempts at work have their directories."""
        return self.scratch if self.scratch is not None else self.products / ".scratch"

    @property
    def kept(self) -> timedelta | None:
        """How long superseded products are kept; None: for ever."""
        return timedelta(days=self.keep_superseded) if self.keep_superseded else None

    @property
    def policy(self) -> RetryPolicy:
        """How often and how late failed jobs are tried again."""
        return RetryPolicy(first=timedelta(seconds=self.retry_pause))

    def share(self) -> Share:
        """Return what one job may use, with the memory and processors that there are."""
        usual = share_of(self.job_class, self.concurrency, memory_limit(), processor_limit())
        memory = usual.memory if self.memory is None else int(self.memory * GIGABYTE)
        return Share(memory, self.threads or usual.threads)

    def recycle_above(self, share: Share) -> int:
        """Return the bytes that a child may have between jobs before it is replaced."""
        return share.memory // 2 if self.recycle_memory is None else int(self.recycle_memory * GIGABYTE)
