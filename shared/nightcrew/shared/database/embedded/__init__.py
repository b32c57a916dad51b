"""A PostgreSQL of one's own, for a machine on which none is served."""

from nightcrew.shared.database.embedded.server import EmbeddedServer

__all__ = ["EmbeddedServer"]
