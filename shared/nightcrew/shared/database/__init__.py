"""PostgreSQL: connections, served or embedded, and the tables of each owner with their migrations."""

from nightcrew.shared.database.address import parse_url, safe_url
from nightcrew.shared.database.engine import Database, open_database
from nightcrew.shared.database.schema import (
    UPGRADE_COMMAND,
    Migration,
    Schema,
    SchemaState,
    Standing,
    differences,
    downgrade,
    require,
    state,
    upgrade,
)
from nightcrew.shared.database.settings import DatabaseSettings

__all__ = [
    "UPGRADE_COMMAND",
    "Database",
    "DatabaseSettings",
    "Migration",
    "Schema",
    "SchemaState",
    "Standing",
    "differences",
    "downgrade",
    "open_database",
    "parse_url",
    "require",
    "safe_url",
    "state",
    "upgrade",
]
