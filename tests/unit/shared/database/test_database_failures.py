"""What servers and libpq say is put into our words; the server's own are kept."""

from __future__ import annotations

import psycopg
import pytest

from nightcrew.shared.database import parse_url
from nightcrew.shared.database.failures import not_connected

URL = parse_url("postgresql://night:s3cret@db.example.org:5432/crew")
BEFORE = 'connection failed: connection to server at "10.0.0.1", port 5432 failed: '


@pytest.mark.parametrize(
    ("said", "meaning", "reason"),
    [
        (f'{BEFORE}FATAL:  password authentication failed for user "night"', "wrong password or user",
         'password authentication failed for user "night"'),
        (f"{BEFORE}fe_sendauth: no password supplied", "wrong password or user", "fe_sendauth: no password supplied"),
        (f'{BEFORE}FATAL:  role "night" does not exist', "no such user", 'role "night" does not exist'),
        (f'{BEFORE}FATAL:  database "crew" does not exist', "no such database", 'database "crew" does not exist'),
        (f"{BEFORE}Connection refused\n\tIs the server running on that host?", "unreachable", "Connection refused"),
        ("failed to resolve host 'db': [Errno -2] Name or service not known", "unreachable",
         "failed to resolve host 'db': [Errno -2] Name or service not known"),
        ("connection timeout expired", "no answer in time", "connection timeout expired"),
        (f"{BEFORE}FATAL:  sorry, too many clients already", "no free connection", "sorry, too many clients already"),
        (f"{BEFORE}FATAL:  the database system is starting up", "starting or stopping",
         "the database system is starting up"),
        (f'{BEFORE}FATAL:  no pg_hba.conf entry for host "10.0.0.2"', "may not connect from here",
         'no pg_hba.conf entry for host "10.0.0.2"'),
        (f"{BEFORE}server does not support SSL, but SSL was required", "no encrypted connection",
         "server does not support SSL, but SSL was required"),
        ("", "unreachable", "no reason given"),
    ],
)  # fmt: skip
def test_a_failed_connection_has_words_of_its_own(said: str, meaning: str, reason: str):
    line = str(not_connected(URL, psycopg.OperationalError(said)))
    assert line.startswith("postgresql://night:***@db.example.org:5432/crew: ")
    assert f"{meaning} ({reason}); " in line
    assert "\n" not in line
