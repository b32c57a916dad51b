"""Fixtures that all tests see."""

from __future__ import annotations

from support.postgres import _module_database, database, postgres_server, postgres_url, schemas

__all__ = ["_module_database", "database", "postgres_server", "postgres_url", "schemas"]
