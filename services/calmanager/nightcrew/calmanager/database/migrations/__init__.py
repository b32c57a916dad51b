"""Migrations of the schema `calibration`; Alembic runs them in order of their revisions."""
