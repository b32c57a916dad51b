"""Secrets of a deployment are made once, and hold together."""

from __future__ import annotations

import base64
import hashlib
import json
import stat
from pathlib import Path

import make_secrets
import pytest

from support.composing import compose


def test_every_secret_of_the_compose_file_is_made(tmp_path: Path) -> None:
    made = make_secrets.make(tmp_path / "secrets")
    assert {Path(one["file"]).name for one in compose()["secrets"].values()} <= set(made)


def test_what_exists_is_left_as_it_is(tmp_path: Path) -> None:
    make_secrets.make(tmp_path)
    before = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert make_secrets.make(tmp_path) == []
    (tmp_path / "ingest_token").unlink()
    assert make_secrets.make(tmp_path) == ["ingest_token"]
    after = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert {name for name in after if after[name] != before[name]} == {"ingest_token"}


def test_nobody_else_can_look_into_the_directory(tmp_path: Path) -> None:
    make_secrets.make(tmp_path / "secrets")
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o444 for path in (tmp_path / "secrets").iterdir())


def test_the_broker_knows_hashes_of_the_passwords_that_the_services_send(tmp_path: Path) -> None:
    make_secrets.make(tmp_path, rabbitmq="mq.example.org:5673")
    definitions = json.loads((tmp_path / "rabbitmq_definitions").read_text())
    for user in definitions["users"]:
        password = (tmp_path / f"rabbitmq_password_{user['name']}").read_text().strip()
        assert password not in json.dumps(definitions)
        kept = base64.b64decode(user["password_hash"])
        assert hashlib.sha256(kept[:4] + password.encode()).digest() == kept[4:]
    url = (tmp_path / "rabbitmq_url_reducer").read_text()
    assert url.endswith("@mq.example.org:5673/nightcrew\n")
    assert not (tmp_path / "rabbitmq_url_operator").exists()


def test_who_counts_messages_for_scaling_may_touch_none(tmp_path: Path) -> None:
    make_secrets.make(tmp_path)
    definitions = json.loads((tmp_path / "rabbitmq_definitions").read_text())
    (rights,) = [one for one in definitions["permissions"] if one["user"] == "keda"]
    assert {rights["configure"], rights["write"], rights["read"]} == {"^$"}


def test_the_command_says_what_it_has_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setattr("sys.argv", ["make_secrets.py", str(tmp_path), "--postgres", "db:5433"])
    assert make_secrets.main() == 0
    assert "database_url" in capsys.readouterr().out
    assert "@db:5433/nightcrew" in (tmp_path / "database_url").read_text()
