"""Nights on paper in a real ledger: frames arrive, jobs are done without pixels."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from hashlib import md5, sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nightcrew.planner.core.closing import Patience
from nightcrew.planner.looked import Looked
from nightcrew.planner.looking import Planner
from nightcrew.shared.frame_facts import to_json
from nightcrew.shared.ledger import ArrivalState, arrivals, claims, conservation, frames, jobs
from nightcrew.shared.ledger.postgres import PostgresLedger
from nightcrew.shared.ledger.records import Claim, JobRow, NewFrame, NewProduct, Sighting
from nightcrew.shared.ledger.states import JobState
from nightcrew.shared.outcomes import Outcome, Status
from support.paper_night import frame, niri_night

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from nightcrew.shared.calibration_desk import CalibrationDesk
    from nightcrew.shared.database import Database
    from nightcrew.shared.frame_facts import FrameFacts
    from nightcrew.shared.ledger.conservation import Balance

NIGHT = date(2016, 1, 2)
AT_ONCE = Patience(timedelta(), timedelta(), timedelta(), timedelta())
GOOD = Outcome(Status.SUCCEEDED)
SCIENCE = [one for one in niri_night() if one.values["observation_class"] == "science"]
CALIBRATIONS = [one for one in niri_night() if one.values["observation_class"] == "dayCal"]


def old_master(kind: str, days: int, file: str) -> FrameFacts:
    """Write down a master dark or flat that was made so many days before the night."""
    what = {"dark": "dark", "flat": "lamp-on"}[kind]
    minute = -days * 24 * 60
    made = frame(1, what, tags="PROCESSED PREPARED", file=file, processing="Science-Quality", minute=minute)
    return replace(made, tags=made.tags - {"RAW", "UNPREPARED"})


@dataclass
class PaperSuite:
    """A ledger, a planner, and reducers that write a line instead of an image."""

    database: Database
    desk: CalibrationDesk
    directory: Path
    patience: Patience = AT_ONCE
    fate: Callable[[JobRow], Outcome] = lambda job: GOOD
    done: list[JobRow] = field(default_factory=list)

    @property
    def planner(self) -> Planner:
        return Planner(PostgresLedger(self.database), self.desk, self.patience)

    def arrive(self, facts: Iterable[FrameFacts], night: date = NIGHT) -> None:
        """Let frames of a night arrive, as ingest records them."""
        for one in facts:
            path, digest = f"/raw/{one.file}", sha256(one.file.encode()).hexdigest()
            new = NewFrame(digest, one.file, path, 2880, one.instrument, "dark", night, one.ut_datetime, to_json(one))
            with self.database.begin() as connection:
                arrivals.see(connection, [Sighting(path, 2880, 1, 1)])
                (arrival,) = arrivals.settling(connection)
                frame = frames.record(connection, new)
                arrivals.end(connection, arrival.id, ArrivalState.ACCEPTED, frame_id=frame.frame_id)

    def look(self, instrument: str = "NIRI", withdrawn: Iterable[str] = (), night: date = NIGHT) -> Looked:
        return self.planner.look(night, instrument, frozenset(withdrawn))

    def work(self) -> list[JobRow]:
        """Do all jobs that are queued."""
        with self.database.begin() as connection:
            queued = jobs.listing(connection, frozenset({JobState.QUEUED}), limit=1000)
        for job in queued:
            with self.database.begin() as connection:
                held = claims.claim(connection, job.id, "paper")
                assert isinstance(held, Claim)
                outcome = self.fate(job)
                claims.commit(connection, held, outcome, self._products(job, outcome))
        self.done += queued
        return queued

    def settle(self, instrument: str = "NIRI", withdrawn: Iterable[str] = (), rounds: int = 20) -> list[JobRow]:
        """Look and work until nothing happens any more; return the jobs that were done."""
        done: list[JobRow] = []
        for _ in range(rounds):
            before = self.states()
            self.look(instrument, withdrawn)
            done += self.work()
            if self.states() == before:
                return done
        raise AssertionError(f"the night does not come to rest in {rounds} rounds: {self.states()}")

    def states(self) -> dict[str, Any]:
        balance = self.balance()
        return {"frames": balance.frames, "groups": balance.groups, "jobs": balance.jobs}

    def balance(self) -> Balance:
        with self.database.begin() as connection:
            return conservation.check(connection)

    def _products(self, job: JobRow, outcome: Outcome) -> list[NewProduct]:
        name = job.request["product"]
        if not outcome.ok or name is None:
            return []
        path = self.directory / str(job.id) / name
        path.parent.mkdir(parents=True)
        path.write_text(f"{name} of {sorted(one['name'] for one in job.request['files'])}")
        content = path.read_bytes()
        kind = job.request["provides"] or "image"
        return [NewProduct(name, kind, str(path), sha256(content).hexdigest(), md5(content).hexdigest(), len(content))]
