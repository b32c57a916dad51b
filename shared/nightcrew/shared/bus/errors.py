"""What can go wrong between a service and the broker."""

from __future__ import annotations

from nightcrew.shared.errors import ServiceError


class BusError(ServiceError):
    """The bus failed.

    ::

        BusError
         ├── BusUnavailable    nobody answers at the address, or not to this user
         ├── ConsumerLost      a subscription ended that nobody here had ended
         └── TopologyError     exchanges or queues are missing, or are not as they should be
    """

    code = "bus"


class BusUnavailable(BusError):
    """The broker cannot be reached, after as many attempts as the `Backoff` allows."""

    code = "bus-unavailable"


class ConsumerLost(BusError):
    """A subscription ended that nobody here had ended; what was in hand goes to another consumer.

    Consume again: the connection is made anew.
    """

    code = "consumer-lost"


class TopologyError(BusError):
    """Exchanges or queues are missing at the broker, or are not as they should be."""

    code = "topology"
    retryable = False
