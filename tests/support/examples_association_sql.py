"""Worked examples of calibration association, answered by PostgreSQL as the calibration manager asks it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from nightcrew.calmanager import CalibrationManager
from nightcrew.calmanager.database import CALIBRATION
from nightcrew.shared.database import open_database, parse_url, upgrade
from nightcrew.shared.errors import NightcrewError
from support.calmanager import enter_candidates
from support.examples_association import answer_requests, as_registered, as_stored
from support.examples_io import Report
from support.postgres import DEFAULT, fresh_database

if TYPE_CHECKING:
    from collections.abc import Callable

    from nightcrew.shared.association import Candidate, Target
    from nightcrew.shared.database import Database
    from support.examples_association import Ask, Content

ALL = 1000


def run(content: Content, report: Report) -> bool:
    """Run the examples if a database can be made; return whether it could."""
    server = parse_url(os.environ.get("NIGHTCREW_DATABASE_URL") or DEFAULT, "NIGHTCREW_DATABASE_URL")
    try:
        open_database(server).close()
    except NightcrewError:
        return False
    for register in (as_stored, as_registered):
        with fresh_database(server) as url, open_database(url) as database, tempfile.TemporaryDirectory() as directory:
            upgrade(database, CALIBRATION)
            answer_from_database(content, register, database, Path(directory), report)
    return True


def answer_from_database(
    content: Content, register: Callable[[Content], Candidate], database: Database, directory: Path, report: Report
) -> None:
    """Enter the calibrations of the examples, and compare the answers."""
    enter_candidates(database, map(register, content["calibrations"]), directory)
    how = f"{register.__name__.replace('_', ' ')}, from SQL"
    answer_requests(content, asking(CalibrationManager.open(database)), how, report)


def asking(manager: CalibrationManager) -> Ask:
    """Return how the manager answers: all matches, and how many of them it returns unasked."""

    def ask(target: Target, caltype: str) -> tuple[list[str], int]:
        names = [match.candidate.filename for match in manager.associate(target, caltype, howmany=ALL).matches]
        unasked = [match.candidate.filename for match in manager.associate(target, caltype).matches]
        return names, len(unasked) if unasked == names[: len(unasked)] else -1

    return ask
