"""Settings of the calibration service."""

from __future__ import annotations

from pathlib import Path

import pytest

from nightcrew.calmanager.settings import CalmanagerSettings
from nightcrew.shared.errors import SettingsError

TOKEN = "nightcrew_0123456789abcdef"


def test_the_environment_is_read_when_settings_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTCREW_CALMANAGER_PORT", "8111")
    monkeypatch.setenv("NIGHTCREW_DATA_DIR", "/somewhere")
    settings = CalmanagerSettings.load()
    assert settings.port == 8111
    assert settings.directory == Path("/somewhere/calibrations")
    assert CalmanagerSettings.load(port=9).port == 9
    assert CalmanagerSettings.load(store="/there").directory == Path("/there")


def test_a_setting_that_makes_no_sense_is_named_and_its_value_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTCREW_CALMANAGER_PORT", "sesame")
    with pytest.raises(SettingsError, match="NIGHTCREW_CALMANAGER_PORT: ") as error:
        CalmanagerSettings.load()
    assert "sesame" not in str(error.value)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("calmgr.example.org", False)],
)
def test_reading_is_open_on_this_machine_only(host: str, loopback: bool) -> None:
    settings = CalmanagerSettings.load(host=host)
    assert settings.loopback is loopback
    assert settings.reads_need_token is not loopback
    assert CalmanagerSettings.load(host=host, reads="token").reads_need_token
    assert not CalmanagerSettings.load(host=host, reads="open").reads_need_token


def test_a_public_address_loses_its_last_slash() -> None:
    assert CalmanagerSettings.load(public_url="https://calmgr.example.org/x/").public_url == (
        "https://calmgr.example.org/x"
    )
    with pytest.raises(SettingsError, match="PUBLIC_URL"):
        CalmanagerSettings.load(public_url="calmgr.example.org")


def test_tokens_of_a_file_are_its_lines(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    path.write_text(f"# of the reducers\n{TOKEN}\n\n")
    assert CalmanagerSettings.load(token_file=path).bootstrap_tokens() == (TOKEN,)
    assert CalmanagerSettings.load().bootstrap_tokens() == ()


def test_a_file_of_tokens_that_is_none_is_refused_without_its_content(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    with pytest.raises(SettingsError, match="cannot be read"):
        CalmanagerSettings.load(token_file=path).bootstrap_tokens()
    path.write_text("secret")
    with pytest.raises(SettingsError, match="at least 20 characters") as error:
        CalmanagerSettings.load(token_file=path).bootstrap_tokens()
    assert "secret" not in str(error.value)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match="not a text"):
        CalmanagerSettings.load(token_file=path).bootstrap_tokens()


def test_every_setting_is_explained() -> None:
    page = (Path(__file__).parents[3] / "docs/reference/settings.md").read_text()
    names = [name for name, field in CalmanagerSettings.model_fields.items() if not field.exclude]
    assert [name for name in names if f"`NIGHTCREW_CALMANAGER_{name.upper()}`" not in page] == []
