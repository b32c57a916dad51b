"""Decisions about files that arrive, as functions of data."""
