from __future__ import annotations

import pytest

from nightcrew.shared.bus.settings import RabbitSettings
from nightcrew.shared.errors import SettingsError

NAMES = ("NIGHTCREW_RABBITMQ_URL", "NIGHTCREW_RABBITMQ_URL_FILE")


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch):
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


def test_without_a_setting_the_broker_is_on_this_machine():
    assert RabbitSettings.load().address == "guest@127.0.0.1:5672/"


def test_the_address_comes_from_the_environment(monkeypatch):
    monkeypatch.setenv(NAMES[0], "amqp://reducer:top%20secret@rabbit.example:5673/nightcrew")
    settings = RabbitSettings.load()
    assert settings.address == "reducer@rabbit.example:5673/nightcrew"
    assert settings.parameters().credentials.password == "top secret"
    assert "secret" not in f"{settings!r} {settings} {settings.address}"


def test_the_address_may_be_in_a_file(monkeypatch, tmp_path):
    (tmp_path / "url").write_text("amqps://reducer:secret@rabbit.example/nightcrew\n")
    monkeypatch.setenv(NAMES[1], str(tmp_path / "url"))
    settings = RabbitSettings.load()
    assert settings.address == "reducer@rabbit.example:5671/nightcrew"
    assert settings.parameters().ssl_options is not None


def test_what_is_given_goes_before_the_environment(monkeypatch):
    monkeypatch.setenv(NAMES[0], "amqp://a:b@rabbit.example/")
    assert RabbitSettings.load(rabbitmq_url="amqp://c:d@other.example/").address == "c@other.example:5672/"


def test_heartbeats_and_patience_are_ours_unless_the_address_says_otherwise():
    ours = RabbitSettings.load().parameters()
    assert (ours.heartbeat, ours.blocked_connection_timeout) == (30, 300)
    theirs = RabbitSettings.load(
        rabbitmq_url="amqp://a:b@rabbit.example/?heartbeat=5&blocked_connection_timeout=7"
    ).parameters()
    assert (theirs.heartbeat, theirs.blocked_connection_timeout) == (5, 7)


@pytest.mark.parametrize(
    "url", ["rabbit.example", "http://u:sesame@rabbit.example/", "amqp://u:sesame@", "amqp://u:sesame@h:port/", "amqp:",
            "amqp://u:sesame@h/?heartbeat=often", "amqp://[::1"]
)  # fmt: skip
def test_an_address_that_is_none_is_told_without_showing_it(url):
    with pytest.raises(SettingsError, match=r"NIGHTCREW_RABBITMQ_URL: .*amqp://USER:PASSWORD@HOST:PORT/VHOST") as told:
        RabbitSettings.load(rabbitmq_url=url).parameters()
    assert "sesame" not in str(told.value)
    assert told.value.__cause__ is None


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(SettingsError, match=r"absent: cannot be read \(No such file.*NIGHTCREW_RABBITMQ_URL_FILE"):
        RabbitSettings.load(rabbitmq_url_file=tmp_path / "absent").parameters()
    (tmp_path / "binary").write_bytes(b"\xff")
    with pytest.raises(SettingsError, match="not a text"):
        RabbitSettings.load(rabbitmq_url_file=tmp_path / "binary").parameters()


def test_a_setting_that_makes_no_sense_is_named_by_its_variable():
    with pytest.raises(SettingsError, match=r"NIGHTCREW_RABBITMQ_URL: .*settings\.md"):
        RabbitSettings.load(rabbitmq_url=17)
