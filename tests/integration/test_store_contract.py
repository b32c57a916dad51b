"""What the services rely on, of a directory, of an object store in memory, and of S3 over HTTP alike."""

from __future__ import annotations

import os
from hashlib import sha256
from threading import Thread
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from obstore.store import MemoryStore

from nightcrew.shared.store import Damaged, DirectoryStore, Entry, NotAKey, NotStored, Occupied, Stored, StoreError
from nightcrew.shared.store.objects import ObjectStore
from support.s3 import S3, s3_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nightcrew.shared.store import Store

LARGE = 20 << 20
"""Bytes of a file that is sent in several parts."""
BAD_KEYS = (
    *("", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "a/./b", ".a", "a/.b", "a\\b", "a\nb", "a\0b", "a%2fb", "ä"),
    *("a*", "a?b", "x" * 201, "/".join(["x" * 99] * 10)),
)


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[S3]:
    with s3_server(tmp_path_factory.mktemp("s3")) as running:
        yield running


@pytest.fixture(params=["directory", "memory", "s3"])
def store(request, tmp_path) -> Store:
    if request.param == "directory":
        (tmp_path / "store").mkdir()
        return DirectoryStore(tmp_path / "store")
    if request.param == "memory":
        return ObjectStore(MemoryStore(), "memory://")
    running: S3 = request.getfixturevalue("server")
    return running.store(uuid4().hex)


def written(tmp_path: Path, content: bytes, name: str = "made.fits") -> tuple[Path, str]:
    path = tmp_path / name
    path.write_bytes(content)
    return path, sha256(content).hexdigest()


def kept(store: Store, tmp_path: Path, content: bytes, key: str) -> Stored:
    return store.put(*_around(written(tmp_path, content), key))


def _around(file: tuple[Path, str], key: str) -> tuple[Path, str, str]:
    return file[0], key, file[1]


@pytest.mark.parametrize("content", [b"", b"SIMPLE", os.urandom(LARGE)], ids=["empty", "small", "large"])
def test_what_is_put_comes_back_with_its_bytes_and_their_digest(store, tmp_path, content):
    key = "jobs/1/1-ab/N20160102S0001 it's +(1)=a,b;!@&.fits"
    path, digest = written(tmp_path, content)
    stored = store.put(path, key, digest)
    assert stored == Stored(key, len(content), digest)
    assert store.stat(key) == stored
    assert store.get(key, tmp_path / "back.fits") == stored
    assert (tmp_path / "back.fits").read_bytes() == content
    assert path.read_bytes() == content


def test_what_is_not_there_is_another_thing_than_an_error(store, tmp_path):
    assert store.stat("jobs/nothing") is None
    assert list(store.entries("jobs/")) == []
    with pytest.raises(NotStored, match="jobs/nothing: is not in"):
        store.get("jobs/nothing", tmp_path / "back")
    with pytest.raises(NotStored):
        store.show("jobs/nothing", "nights/nothing")
    store.delete("jobs/nothing")
    assert not (tmp_path / "back").exists()
    assert store.stat("nights/nothing") is None


def test_the_same_file_again_is_no_error_and_another_one_is_not_taken(store, tmp_path):
    kept(store, tmp_path, b"first", "jobs/a")
    kept(store, tmp_path, b"first", "jobs/a")
    with pytest.raises(Occupied, match="with other bytes"):
        kept(store, tmp_path, b"other", "jobs/a")
    store.get("jobs/a", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == b"first"


@pytest.mark.parametrize("size", [10, LARGE], ids=["small", "large"])
def test_a_file_that_is_not_what_it_should_be_leaves_nothing(store, tmp_path, size):
    path, _ = written(tmp_path, os.urandom(size))
    with pytest.raises(Damaged, match="SHA-256"):
        store.put(path, "jobs/a", "0" * 64)
    assert store.stat("jobs/a") is None
    assert list(store.entries()) == []


def test_a_file_that_cannot_be_read_leaves_nothing(store, tmp_path):
    with pytest.raises(StoreError, match=r"gone.fits: cannot be read"):
        store.put(tmp_path / "gone.fits", "jobs/a", "0" * 64)
    assert list(store.entries()) == []


def test_files_are_listed_by_whole_parts_of_their_keys(store, tmp_path):
    for key in ("jobs/2/b", "jobs/1/a", "jobs/1/c/d", "jobs/10/a"):
        kept(store, tmp_path, key.encode(), key)
    assert list(store.entries("jobs/1/")) == [Entry("jobs/1/a", 8), Entry("jobs/1/c/d", 10)]
    assert [one.key for one in store.entries()] == ["jobs/1/a", "jobs/1/c/d", "jobs/10/a", "jobs/2/b"]
    with pytest.raises(NotAKey):
        list(store.entries("jobs/1"))


def test_what_is_deleted_is_gone_and_its_place_is_free(store, tmp_path):
    kept(store, tmp_path, b"one", "jobs/1/a")
    kept(store, tmp_path, b"two", "jobs/1/b")
    store.delete("jobs/1/a")
    store.delete("jobs/1/a")
    assert store.stat("jobs/1/a") is None
    assert [one.key for one in store.entries()] == ["jobs/1/b"]
    assert kept(store, tmp_path, b"another", "jobs/1/a").size == 7


def test_a_name_stands_for_one_file_after_the_other(store, tmp_path):
    first = kept(store, tmp_path, b"first", "jobs/1/1-a/x.fits")
    second = kept(store, tmp_path, b"the second", "jobs/1/2-b/x.fits")
    for stored in (first, second, second):
        store.show(stored.key, "nights/20160102/x.fits")
        assert store.stat("nights/20160102/x.fits") == Stored("nights/20160102/x.fits", stored.size, stored.sha256)
    store.get("nights/20160102/x.fits", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == b"the second"
    assert [one.key for one in store.entries("nights/")] == ["nights/20160102/x.fits"]
    store.delete("nights/20160102/x.fits")
    assert store.stat(second.key) == second


@pytest.mark.parametrize("key", BAD_KEYS)
def test_what_cannot_be_a_key_is_refused_everywhere(store, tmp_path, key):
    path, digest = written(tmp_path, b"x")
    for act in (
        lambda: store.put(path, key, digest),
        lambda: store.get(key, tmp_path / "back"),
        lambda: store.stat(key),
        lambda: store.delete(key),
        lambda: store.show("a", key),
        lambda: store.show(key, "a"),
    ):
        with pytest.raises(NotAKey):
            act()


def test_several_put_the_same_at_once(store, tmp_path):
    path, digest = written(tmp_path, os.urandom(1 << 20))
    failed: list[Exception] = []

    def put() -> None:
        try:
            store.put(path, "jobs/a", digest)
        except Exception as error:  # noqa: BLE001 (handed to the test)
            failed.append(error)

    threads = [Thread(target=put) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert store.get("jobs/a", tmp_path / "back").sha256 == digest


# What each of them must see by itself.


def test_bytes_that_changed_in_a_directory_are_not_given_out(tmp_path):
    (tmp_path / "store").mkdir()
    store = DirectoryStore(tmp_path / "store")
    kept(store, tmp_path, b"first", "jobs/a")
    (tmp_path / "store/jobs/a").chmod(0o644)
    (tmp_path / "store/jobs/a").write_bytes(b"wrong")
    (tmp_path / "back").write_bytes(b"what was there before")
    with pytest.raises(Damaged):
        store.get("jobs/a", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == b"what was there before"


def test_bytes_that_changed_in_a_bucket_are_not_given_out(server, tmp_path):
    prefix = uuid4().hex
    store = server.store(prefix)
    kept(store, tmp_path, b"first", "jobs/a")
    (server.directory / server.bucket / prefix / "jobs/a").write_bytes(b"wrong")
    with pytest.raises(Damaged):
        store.get("jobs/a", tmp_path / "back")
    assert not (tmp_path / "back").exists()


def test_a_directory_that_is_not_mounted_is_not_an_empty_store(tmp_path):
    store = DirectoryStore(tmp_path / "nothing")
    path, digest = written(tmp_path, b"x")
    for act in (
        lambda: store.stat("jobs/a"),
        lambda: list(store.entries()),
        lambda: store.get("jobs/a", tmp_path / "back"),
        lambda: store.put(path, "jobs/a", digest),
    ):
        with pytest.raises(StoreError, match="is not there; make the directory, or mount"):
            act()


def test_a_link_that_leads_out_of_a_directory_is_not_followed(tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "store/jobs").symlink_to(tmp_path)
    with pytest.raises(StoreError, match="leads out of the store"):
        DirectoryStore(tmp_path / "store").stat("jobs/secret")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"store_secret_key": "x" * 40}, "check address, credentials"),
        ({"store_url": "s3://another?endpoint=http://127.0.0.1:{port}"}, "there is no such bucket"),
        ({"store_url": "s3://observatory?endpoint=http://127.0.0.1:9"}, "Connection refused"),
    ],
    ids=["credentials", "bucket", "server"],
)
def test_a_bucket_that_cannot_be_asked_is_not_an_empty_one(server, tmp_path, changes, told):
    store = server.store("", **{name: text.format(port=server.port) for name, text in changes.items()})
    path, digest = written(tmp_path, b"x")
    acts = [lambda: list(store.entries()), lambda: store.put(path, "a", digest), lambda: store.get("a", tmp_path / "b")]
    for act in acts:
        with pytest.raises(StoreError, match=told) as caught:
            act()
        assert caught.value.retryable
        assert server.secret_key not in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_server_that_hangs_is_given_up(server, tmp_path):
    store = server.store("", store_timeout=0.5, store_retry=0)
    path, digest = written(tmp_path, b"x")
    server.silent(True)
    try:
        with pytest.raises(StoreError):
            store.put(path, "hangs", digest)
    finally:
        server.silent(False)
    assert server.store().put(path, "hangs", digest).size == 1
