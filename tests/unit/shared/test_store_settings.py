"""Where the store is, as settings tell it, and what they do not show."""

from __future__ import annotations

from pathlib import Path

import pytest

from nightcrew.shared.errors import SettingsError
from nightcrew.shared.store import StoreSettings, open_depot, open_store


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch):
    for name in ("URL", "URL_FILE", "ACCESS_KEY", "ACCESS_KEY_FILE", "SECRET_KEY", "SECRET_KEY_FILE"):
        monkeypatch.delenv(f"NIGHTCREW_STORE_{name}", raising=False)


def test_without_an_address_there_is_no_store(tmp_path):
    assert open_store(StoreSettings.load()) is None
    assert open_depot(StoreSettings.load(), tmp_path) is None


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("/data/store", "/data/store"),
        ("file:///data/the%20store", "/data/the store"),
        ("s3://observatory", "s3://observatory"),
        ("s3://observatory/niri/", "s3://observatory/niri"),
        ("s3://observatory/a/b?endpoint=http://minio:9000&region=here", "s3://observatory/a/b"),
    ],
)
def test_an_address_is_a_directory_or_a_bucket(address, url, monkeypatch):
    monkeypatch.setenv("NIGHTCREW_STORE_URL", address)
    store = open_store(StoreSettings.load())
    assert store is not None
    assert store.url == url


def test_the_address_may_stand_in_a_file(tmp_path, monkeypatch):
    (tmp_path / "url").write_text("/data/store\n")
    monkeypatch.setenv("NIGHTCREW_STORE_URL_FILE", str(tmp_path / "url"))
    store = open_store(StoreSettings.load())
    assert store is not None
    assert store.url == "/data/store"
    with pytest.raises(SettingsError, match="nothing: cannot be read"):
        open_store(StoreSettings.load(store_url_file=tmp_path / "nothing"))


@pytest.mark.parametrize(
    "address",
    [
        "products",
        "file://host/data",
        "s3://",
        "s3://key:secret@bucket",
        "s3://bucket?x=1",
        "s3://bucket?region=a/b",
        "gs://bucket",
        "memory://",
        "../x",
    ],
)
def test_what_is_no_address_is_refused_and_not_shown(address):
    with pytest.raises(SettingsError, match="NIGHTCREW_STORE_URL: no address of a store; it looks like s3://") as told:
        open_store(StoreSettings.load(store_url=address))
    assert address not in str(told.value).partition("it looks like")[0]


def test_a_prefix_that_keys_cannot_have_is_refused():
    with pytest.raises(SettingsError, match=r"NIGHTCREW_STORE_URL: 'a/../b': cannot be kept"):
        open_store(StoreSettings.load(store_url="s3://bucket/a/../b"))


def test_keys_come_from_files_or_variables_both_or_neither(tmp_path: Path, monkeypatch):
    assert StoreSettings.load().keys() is None
    for name in ("access", "secret"):
        (tmp_path / name).write_text(f"the-{name}\n")
    monkeypatch.setenv("NIGHTCREW_STORE_ACCESS_KEY_FILE", str(tmp_path / "access"))
    with pytest.raises(SettingsError, match="NIGHTCREW_STORE_SECRET_KEY: is missing; give both keys"):
        StoreSettings.load().keys()
    monkeypatch.setenv("NIGHTCREW_STORE_SECRET_KEY_FILE", str(tmp_path / "secret"))
    assert StoreSettings.load().keys() == ("the-access", "the-secret")
    monkeypatch.setenv("NIGHTCREW_STORE_SECRET_KEY", "of-the-environment")
    settings = StoreSettings.load()
    assert settings.keys() == ("the-access", "of-the-environment")
    assert "of-the-environment" not in repr(settings)
    (tmp_path / "access").unlink()
    with pytest.raises(SettingsError, match="access: cannot be read"):
        settings.keys()


def test_a_store_shows_no_keys():
    store = open_store(
        StoreSettings.load(store_url="s3://bucket/p", store_access_key="AKIAKEY", store_secret_key="very-secret")
    )
    assert "AKIAKEY" not in repr(store)
    assert "very-secret" not in repr(store)


@pytest.mark.parametrize("endpoint", ["127.0.0.1:9000", "ftp://host", "http://user:word@host", "http://host/path"])
def test_an_endpoint_is_scheme_host_and_port(endpoint):
    with pytest.raises(SettingsError, match="NIGHTCREW_STORE_URL: its endpoint must be") as told:
        open_store(StoreSettings.load(store_url=f"s3://bucket?endpoint={endpoint}"))
    assert endpoint not in str(told.value)
