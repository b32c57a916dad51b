"""The store of received files: whole or not there, and what crashes leave is found."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from nightcrew.calmanager.errors import BadName, DigestMismatch, TooLarge
from nightcrew.calmanager.files import FileStore
from nightcrew.calmanager.incoming import checked_name
from nightcrew.calmanager.looking import Known, Looker
from nightcrew.shared.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONTENT = b"SIMPLE" * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
MD5 = hashlib.md5(CONTENT).hexdigest()
NAME = "N20160102S0423_dark.fits"
FUTURE = 4e9


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "store")


def files_in(store: FileStore) -> list[Path]:
    return sorted(path for path in store.root.rglob("*") if path.is_file())


def test_a_received_file_lies_under_its_content(store: FileStore) -> None:
    with store.receive(NAME, [CONTENT[:100], CONTENT[100:]], limit=10**6, md5=MD5.upper(), sha256=SHA256) as received:
        path = store.keep(received, NAME)
    assert path == store.root / SHA256[:2] / SHA256 / NAME
    assert path.read_bytes() == CONTENT
    assert files_in(store) == [path]
    assert (received.digests.md5, received.digests.sha256, received.digests.size) == (MD5, SHA256, len(CONTENT))
    assert received.digests.modified == path.stat().st_mtime_ns


def test_a_file_that_is_not_kept_leaves_nothing(store: FileStore) -> None:
    with store.receive(NAME, [CONTENT], limit=10**6):
        assert len(files_in(store)) == 1
    assert files_in(store) == []


def test_the_same_file_twice_is_one_file(store: FileStore) -> None:
    for _ in range(2):
        with store.receive(NAME, [CONTENT], limit=10**6) as received:
            path = store.keep(received, NAME)
    assert files_in(store) == [path]


@pytest.mark.parametrize(("said", "kind"), [({"md5": "0" * 32}, "MD5"), ({"sha256": "0" * 64}, "SHA-256")])
def test_what_arrives_otherwise_than_it_was_sent_is_refused(store: FileStore, said: dict[str, str], kind: str) -> None:
    with (
        pytest.raises(DigestMismatch, match=f"{NAME}: {kind} .* arrived, 000"),
        store.receive(NAME, [CONTENT], limit=10**6, **said),
    ):
        pass
    assert files_in(store) == []


def test_a_file_that_is_too_large_is_refused_before_all_of_it_has_come(store: FileStore) -> None:
    came = []

    def endless() -> Iterator[bytes]:
        while True:
            came.append(1)
            yield bytes(1000)

    with pytest.raises(TooLarge, match="larger than the 5500 bytes"), store.receive(NAME, endless(), limit=5500):
        pass
    assert len(came) == 6
    assert files_in(store) == []


def test_a_sender_who_breaks_off_leaves_nothing(store: FileStore) -> None:
    def broken() -> Iterator[bytes]:
        yield CONTENT
        raise ConnectionError

    with pytest.raises(ConnectionError), store.receive(NAME, broken(), limit=10**6):
        pass
    assert files_in(store) == []


def test_a_disk_that_refuses_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ServiceError, match="cannot be written"), FileStore(tmp_path / "file").receive("a", [], limit=1):
        pass


def test_orphans_are_what_the_database_does_not_know(store: FileStore) -> None:
    paths = {}
    for name in ("known.fits", "orphan.fits"):
        with store.receive(name, [name.encode()], limit=100) as received:
            paths[name] = store.keep(received, name)
    broken_off = store.root / "incoming" / "1-dead.part"
    broken_off.write_bytes(b"half")
    known = {(hashlib.sha256(b"known.fits").hexdigest(), "known.fits")}
    assert list(store.orphans(known, older_than=FUTURE)) == [broken_off, paths["orphan.fits"]]
    assert list(store.orphans(known, older_than=broken_off.stat().st_mtime - 10)) == []
    assert store.discard(paths["orphan.fits"]) == len("orphan.fits")
    assert not paths["orphan.fits"].parent.exists()
    assert store.discard(broken_off) == 4
    assert broken_off.parent.exists()


def test_an_empty_store_has_no_orphans(store: FileStore) -> None:
    assert list(store.orphans(set(), older_than=FUTURE)) == []


def test_a_registered_file_that_cannot_be_read_is_gone(tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir()
    assert Looker().fault(Known(tmp_path / NAME, stored=False, md5=MD5, size=1, modified=0)) == "gone"


@pytest.mark.parametrize("name", [NAME, "bpm_20010317_niri_niri_11_full_1amp.fits", "a.fits.bz2", "S1_ql_dark.fits.gz"])
def test_names_of_calibrations_are_let_through(name: str) -> None:
    assert checked_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "../dark.fits",
        "a/dark.fits",
        "dark.txt",
        ".dark.fits",
        "dark.fits\n",
        "d\0.fits",
        "-rf.fits",
        "x" * 300 + ".fits",
    ],
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(BadName, match="cannot be the name of a calibration"):
        checked_name(name)


def test_a_file_is_hashed_again_only_if_it_has_changed(tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_bytes(CONTENT)
    looker = Looker()
    known = Known(path, stored=False, md5=MD5, size=len(CONTENT), modified=0)
    assert looker.fault(known) is None
    assert looker.fault(known) is None
    path.write_bytes(CONTENT + b"more")
    assert looker.fault(known) == "changed"
    path.unlink()
    assert looker.fault(known) == "gone"


def test_a_stored_file_must_be_there_in_its_size(tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_bytes(CONTENT)
    looker = Looker()
    assert looker.fault(Known(path, stored=True, md5=MD5, size=len(CONTENT), modified=0)) is None
    assert looker.fault(Known(path, stored=True, md5=MD5, size=1, modified=0)) == "changed"
    assert looker.fault(Known(None, stored=True, md5=MD5, size=1, modified=0)) == "gone"
