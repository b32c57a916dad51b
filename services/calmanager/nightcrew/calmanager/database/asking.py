"""Connections for questions: single statements that are planned once."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from nightcrew.shared.database import Database

_PREPARED = "nightcrew: statements are planned once"


@contextmanager
def asking(database: Database) -> Iterator[Connection]:
    """Give a connection on which no transaction is begun and ended around statements.

    Planning takes longer than answering, with one index for each form of each rule; so statements are prepared when
    they first come, and their plans do not depend on parameters.

    Raises
    ------
    ServiceError
        As `Database.connect`.
    """
    with database.connect() as connection:
        alone = connection.execution_options(isolation_level="AUTOCOMMIT")
        if _PREPARED not in connection.info:
            alone.exec_driver_sql("SET plan_cache_mode = force_generic_plan")
            driver: Any = connection.connection.driver_connection
            driver.prepare_threshold = 0
            connection.info[_PREPARED] = True
        yield alone
