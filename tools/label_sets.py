"""What values the labels of the metrics may have: closed sets, as the code has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from nightcrew.calmanager.metrics import CALTYPES, RESULTS, STATUSES
from nightcrew.ingest import metrics as ingest
from nightcrew.ingest.core.kinds import KINDS
from nightcrew.planner import metrics as planner
from nightcrew.reducer.primitives import PRIMITIVES
from nightcrew.reducer.recipes import RECIPES
from nightcrew.reducer.worker import metrics as reducer
from nightcrew.shared.association import Level
from nightcrew.shared.bus import DeliveryOutcome, PublishOutcome
from nightcrew.shared.ledger.states import FRAME_OPEN, GROUP_OPEN, JOB_OPEN
from nightcrew.shared.messages import EVENTS, JOBS, JobClass
from nightcrew.shared.store.observing import Operation
from nightcrew.shared.telemetry.latency import FRAME_TYPES, Stage
from nightcrew.shared.telemetry.registry import INSTRUMENTS, OTHER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ONE = "one of a process"
"""The label has one value in a process, which nobody can list beforehand."""
ROUTES = "as /openapi.json has them"


def label_sets() -> dict[str, str | list[str]]:
    """Return the values of labels, by label; `METRIC.LABEL` is the set of one metric."""
    sets: Mapping[str, str | Iterable[str]] = {
        "service": ("ingest", "planner", "calmanager", "reducer"),
        "version": ONE,
        "revision": ONE,
        "instrument": (*INSTRUMENTS, OTHER),
        "frame_type": KINDS,
        "nightcrew_frame_latency_seconds.frame_type": FRAME_TYPES,
        "cal_type": CALTYPES,
        "level": (level.name.lower() for level in Level),
        "result": RESULTS,
        "stage": Stage,
        "queue": (*planner.QUEUES, *(f"reduce.{one}" for one in JobClass)),
        "exchange": (EVENTS, JOBS),
        "job_class": JobClass,
        "recipe": (*sorted({recipe.name for recipe in RECIPES}), OTHER),
        "primitive": sorted(PRIMITIVES),
        "method": ("GET", "HEAD", "POST", "PUT", "DELETE", OTHER),
        "route": ROUTES,
        "status": STATUSES,
        "band": (*sorted(planner.BANDS), OTHER),
        "verdict": planner.VERDICTS,
        "decision": ("retry", "set_aside"),
        "operation": get_args(Operation),
        "nightcrew_qa_value.metric": (metric for told in planner.QUALITIES.values() for metric, _ in told),
        "nightcrew_qa_checks_total.metric": planner.QUALITIES,
        "nightcrew_frames_total.outcome": ingest.OUTCOMES,
        "nightcrew_jobs_total.outcome": reducer.ENDS,
        "nightcrew_messages_total.outcome": DeliveryOutcome,
        "nightcrew_published_messages_total.outcome": PublishOutcome,
        "nightcrew_group_close_total.reason": planner.CLOSINGS,
        "nightcrew_job_attempts_total.reason": reducer.FURTHER,
        "nightcrew_products_removed_total.reason": reducer.REMOVED,
        "nightcrew_jobs_waiting.reason": ("calibration", "frames"),
        "nightcrew_frames_open.state": FRAME_OPEN,
        "nightcrew_groups_open.state": GROUP_OPEN,
        "nightcrew_jobs.state": JOB_OPEN,
        "nightcrew_ingest_trouble_total.what": ingest.TROUBLES,
        "nightcrew_planner_trouble_total.what": planner.TROUBLES,
    }
    return {name: values if isinstance(values, str) else _listed(values) for name, values in sets.items()}


def _listed(values: Iterable[str]) -> list[str]:
    """Return values in their order; those of sets, which have none, by the alphabet."""
    names = [str(value) for value in values]
    return sorted(names) if isinstance(values, frozenset) else names
