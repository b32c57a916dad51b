"""What Alembic runs for each command, for every owner of tables; `nightcrew.shared.database.schema` hands it over."""

from __future__ import annotations

from alembic import context

context.configure(**context.config.attributes["configure"])
context.run_migrations()
