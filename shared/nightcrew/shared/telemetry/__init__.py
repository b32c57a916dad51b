"""What every service tells those who watch it: metrics, whether it lives, whether it is ready.

Each process has one registry of its own and one page; numbers of child processes come to the parent over its pipes.
"""

from nightcrew.shared.telemetry.bus_metrics import BusMetrics
from nightcrew.shared.telemetry.latency import FrameLatency, Stage
from nightcrew.shared.telemetry.probes import Pulse, serve_probes
from nightcrew.shared.telemetry.registry import exposition, instrument_label, new_registry

__all__ = [
    "BusMetrics",
    "FrameLatency",
    "Pulse",
    "Stage",
    "exposition",
    "instrument_label",
    "new_registry",
    "serve_probes",
]
