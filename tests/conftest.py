"""Fixtures that all tests see."""

from __future__ import annotations

from support.postgres import database, postgres_server, postgres_url, schemas, tables

__all__ = ["database", "postgres_server", "postgres_url", "schemas", "tables"]
