"""From which commit a service was made: said by the image, by pip, or by the checkout that is installed in place."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from nightcrew.shared.telemetry import exposition, new_registry
from nightcrew.shared.telemetry.revisions import revision

if TYPE_CHECKING:
    from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"

Install: TypeAlias = Callable[[object], str]


@pytest.fixture(autouse=True)
def no_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NIGHTCREW_REVISION", raising=False)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Return what installs a distribution that says where it comes from, and returns its name."""

    def install(origin: object) -> str:
        about = tmp_path / "site" / "toy-0.1.0.dist-info"
        about.mkdir(parents=True)
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: toy\nVersion: 0.1.0\n")
        if origin is not None:
            (about / "direct_url.json").write_text(origin if isinstance(origin, str) else json.dumps(origin))
        monkeypatch.syspath_prepend(str(about.parent))
        return "toy"

    return install


@pytest.fixture
def checkout(tmp_path: Path) -> tuple[Path, str]:
    """Return a directory within a checkout, and the commit that this is at."""
    root = tmp_path / "my checkout"
    folder = root / "services" / "toy"
    folder.mkdir(parents=True)
    (folder / "toy.py").write_text("")

    def git(*arguments: str) -> str:
        who = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
        done = subprocess.run(["git", "-C", root, *who, *arguments], check=True, capture_output=True, text=True)
        return done.stdout.strip()

    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "--no-verify", "-m", "First")
    return folder, git("rev-parse", "HEAD")


def in_place(folder: Path) -> dict[str, Any]:
    return {"url": folder.as_uri(), "dir_info": {"editable": True}}


def test_what_the_image_says_goes_first(monkeypatch: pytest.MonkeyPatch, installed: Install) -> None:
    name = installed({"url": "https://example.org/r.git", "vcs_info": {"vcs": "git", "commit_id": COMMIT}})
    monkeypatch.setenv("NIGHTCREW_REVISION", "abc1234")
    assert revision(name) == "abc1234"
    for nothing in ("unknown", "", " "):
        monkeypatch.setenv("NIGHTCREW_REVISION", nothing)
        assert revision(name) == COMMIT[:12]


def test_a_checkout_that_is_installed_in_place_says_where_it_is(
    installed: Install, checkout: tuple[Path, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder, commit = checkout
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "another"))  # as in hooks of git
    assert revision(installed(in_place(folder))) == commit[:12]


def test_a_copy_of_a_checkout_does_not_say_what_the_checkout_says_since(
    installed: Install, checkout: tuple[Path, str]
) -> None:
    assert revision(installed({"url": checkout[0].as_uri(), "dir_info": {}})) == "unknown"


@pytest.mark.parametrize("origin", [None, "{", "[]", {}, {"url": "https://example.org/toy.whl", "archive_info": {}}])
def test_what_nobody_tells_is_unknown(installed: Install, origin: object) -> None:
    assert revision(installed(origin)) == "unknown"
    assert revision("nightcrew-nothing") == "unknown"


def test_without_git_or_repository_it_is_unknown(
    installed: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, checkout: tuple[Path, str]
) -> None:
    name = installed(in_place(checkout[0]))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert revision(name) == "unknown"


def test_a_directory_that_is_no_checkout_is_unknown(installed: Install, tmp_path: Path) -> None:
    assert revision(installed(in_place(tmp_path))) == "unknown"


def test_a_checkout_that_is_gone_is_unknown(installed: Install, tmp_path: Path) -> None:
    assert revision(installed(in_place(tmp_path / "gone"))) == "unknown"


def test_it_is_read_when_a_registry_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    for commit in ("abc1234", "def5678"):
        monkeypatch.setenv("NIGHTCREW_REVISION", commit)
        assert f'nightcrew_build_info{{revision="{commit}",'.encode() in exposition(new_registry("shared"))
