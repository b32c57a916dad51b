"""Who works here."""

from __future__ import annotations

import getpass
import os


def login_name() -> str:
    """Return the login name, for the histories; the number of a user who has none, as in a container."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"user {os.getuid()}"
