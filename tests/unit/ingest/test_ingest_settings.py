"""Settings of ingest: what is understood, and what is refused in one line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nightcrew.ingest.archiving import Archive, Mode
from nightcrew.ingest.core.settling import Policy
from nightcrew.ingest.settings import IngestSettings
from nightcrew.shared.errors import SettingsError


def test_everything_has_a_default_but_the_directories(monkeypatch):
    settings = IngestSettings.load()
    assert (settings.directories, settings.loopback, settings.tokens(), settings.inbox) == ((), True, (), None)
    assert settings.watch.policy == Policy(2.0, 60.0)
    assert settings.watch.archive == Archive()


def test_the_environment_names_directories_with_colons_between_them(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NIGHTCREW_INGEST_DIRECTORIES", f"{tmp_path}/a:b::")
    monkeypatch.setenv("NIGHTCREW_INGEST_MODE", "move")
    monkeypatch.setenv("NIGHTCREW_INGEST_ARCHIVE", "kept")
    settings = IngestSettings.load()
    assert settings.watch.directories == (tmp_path / "a", tmp_path / "b")
    assert settings.watch.archive == Archive(Mode.MOVE, tmp_path / "kept")
    assert settings.inbox == tmp_path / "kept"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"mode": "move"}, "needs an archive"),
        ({"directories": "/raw", "archive": "/raw"}, "archive must not be a watched directory"),
        ({"directories": "/data/raw", "quarantine": "/data"}, "quarantine must not be"),
        ({"directories": os.fsdecode(b"/raw\xff")}, "NIGHTCREW_INGEST_DIRECTORIES: must be text"),
        ({"interval": 0}, "NIGHTCREW_INGEST_INTERVAL"),
        ({"port": 70000}, "NIGHTCREW_INGEST_PORT"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(given, told):
    with pytest.raises(SettingsError, match=told):
        IngestSettings.load(**given)


def test_an_archive_may_lie_below_what_is_watched():
    IngestSettings.load(directories="/raw", archive="/raw/kept", mode="link", recursive=True)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("ingest.example.org", False)],
)
def test_it_is_known_who_can_connect(host, loopback):
    assert IngestSettings.load(host=host).loopback is loopback


def test_tokens_are_read_from_their_file_and_never_told(tmp_path):
    path = tmp_path / "tokens"
    path.write_text(f"# for the summit\n{'a' * 32}\n\n  {'b' * 32}\n")
    assert IngestSettings.load(token_file=path).tokens() == ("a" * 32, "b" * 32)
    path.write_text("hunter2\n")
    with pytest.raises(SettingsError, match="at least 20 characters") as refused:
        IngestSettings.load(token_file=path).tokens()
    assert "hunter2" not in str(refused.value)
    path.write_bytes(b"\xff")
    with pytest.raises(SettingsError, match="not a text"):
        IngestSettings.load(token_file=path).tokens()
    with pytest.raises(SettingsError, match="No such file"):
        IngestSettings.load(token_file=Path("/nosuch")).tokens()
