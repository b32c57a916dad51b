"""The seam between the services and the message broker.

`RabbitBus` is in `nightcrew.shared.bus.rabbit`, `MemoryBus` in `nightcrew.shared.bus.memory`, so that whoever uses the
one does not import the other.
"""

from nightcrew.shared.bus.backoff import Backoff
from nightcrew.shared.bus.errors import BusError, BusUnavailable, ConsumerLost, TopologyError
from nightcrew.shared.bus.observer import DeliveryOutcome, Observer, PublishOutcome, Side, Silent
from nightcrew.shared.bus.protocol import (
    ORIGIN,
    REASON,
    Bus,
    Consumer,
    Delivery,
    Lost,
    Publication,
    Published,
    Refused,
    Returned,
    Settled,
    Settlement,
)
from nightcrew.shared.bus.serving import serve
from nightcrew.shared.bus.topology import Topology

__all__ = [
    "ORIGIN",
    "REASON",
    "Backoff",
    "Bus",
    "BusError",
    "BusUnavailable",
    "Consumer",
    "ConsumerLost",
    "Delivery",
    "DeliveryOutcome",
    "Lost",
    "Observer",
    "Publication",
    "PublishOutcome",
    "Published",
    "Refused",
    "Returned",
    "Settled",
    "Settlement",
    "Side",
    "Silent",
    "Topology",
    "TopologyError",
    "serve",
]
