"""Products that lie in a store, on the machine of somebody who wants them."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from nightcrew.shared.ledger import LEDGER, JobState, claims, jobs
from nightcrew.shared.ledger.records import Claim
from nightcrew.shared.outcomes import Outcome, Status
from nightcrew.shared.store import DirectoryStore
from support.command import nightcrew
from support.ledgers import claimed, new_product
from support.reducers import raw_darks

if TYPE_CHECKING:
    from nightcrew.shared.database import Database

__all__ = ["nightcrew"]

CONTENT = b"a master dark"
GOOD = Outcome(Status.SUCCEEDED)


@pytest.fixture(scope="module")
def schemas():
    return (LEDGER,)


@dataclass
class Shop:
    """A ledger, and a store that the user's machine mounts."""

    database: Database
    directory: Path

    @property
    def store(self) -> DirectoryStore:
        return DirectoryStore(self.directory / "store")

    def make(self, held: Claim, name: str = "N1_dark.fits") -> str:
        """Do a job as a reducer does; return the key of its product."""
        key = f"jobs/{held.job.id}/1-0badcafe/{name}"
        made = self.directory / name
        made.write_bytes(CONTENT)
        digest = sha256(CONTENT).hexdigest()
        self.store.put(made, key, digest)
        made.unlink()
        product = new_product(name, path=f"store:{key}", sha256=digest, size=len(CONTENT))
        with self.database.begin() as connection:
            claims.commit(connection, held, GOOD, [product])
        return key

    def claim(self) -> Claim:
        with self.database.begin() as connection:
            return claimed(connection)


@pytest.fixture
def shop(database, postgres_url, tmp_path, monkeypatch) -> Shop:
    (tmp_path / "store").mkdir()
    monkeypatch.setenv("NIGHTCREW_DATABASE_URL", postgres_url)
    monkeypatch.setenv("NIGHTCREW_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("NIGHTCREW_STORE_URL", f"file://{tmp_path}/store")
    monkeypatch.chdir(tmp_path)
    return Shop(database, tmp_path)


def test_products_of_a_job_are_copied_under_their_names(shop, nightcrew, tmp_path):
    held = shop.claim()
    shop.make(held)
    said = nightcrew("jobs", "fetch", str(held.job.id), "--into", "mine/of-it")
    assert (said.code, said.err) == (0, "")
    assert said.out == "mine/of-it/N1_dark.fits\n"
    assert (tmp_path / "mine/of-it/N1_dark.fits").read_bytes() == CONTENT


def test_what_is_submitted_and_waited_for_is_there_in_the_end(shop, nightcrew, tmp_path, monkeypatch):
    raw_darks(tmp_path / "raw")

    def reducer() -> None:
        while True:
            with shop.database.begin() as connection:
                queued = jobs.listing(connection, frozenset({JobState.QUEUED}))
            if queued:
                break
        with shop.database.begin() as connection:
            held = claims.claim(connection, queued[0].id, "reducer-1")
        assert isinstance(held, Claim)
        shop.make(held)

    thread = threading.Thread(target=reducer)
    thread.start()
    said = nightcrew("submit", "--wait", *map(str, sorted((tmp_path / "raw").iterdir())))
    thread.join()
    assert said.code == 0, said.err
    path = Path(said.out.splitlines()[-1])
    assert path.is_relative_to(tmp_path / "data/store-cache")
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("trouble", "told"),
    [
        ("no setting", "set NIGHTCREW_STORE_URL"),
        ("gone", "N1_dark.fits: is not in"),
        ("damaged", "its SHA-256 is"),
        ("not mounted", "make the directory, or mount its file system"),
        ("removed", "was removed after a later one had superseded it"),
    ],
)
def test_a_product_that_cannot_be_had_is_told_and_nothing_is_written(
    shop, nightcrew, tmp_path, monkeypatch, trouble, told
):
    held = shop.claim()
    path = tmp_path / "store" / shop.make(held)
    match trouble:
        case "no setting":
            monkeypatch.delenv("NIGHTCREW_STORE_URL")
        case "gone":
            path.unlink()
        case "damaged":
            path.chmod(0o644)
            path.write_bytes(b"x")
        case "not mounted":
            monkeypatch.setenv("NIGHTCREW_STORE_URL", str(tmp_path / "elsewhere"))
        case "removed":
            with shop.database.begin() as connection:
                connection.execute(text("UPDATE ledger.products SET removed_at = now()"))
    said = nightcrew("jobs", "fetch", str(held.job.id), "--into", "mine")
    assert said.code == 1
    assert told in said.err
    assert len(said.err.splitlines()) == 1
    assert not list(tmp_path.glob("mine/*"))
