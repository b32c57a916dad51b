"""How the images are made."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from support.composing import DOCKERFILES, ROOT, instructions, ours

FILES = sorted(DOCKERFILES.glob("*.Dockerfile"))
IDS = [path.stem for path in FILES]


def test_hadolint_finds_nothing() -> None:
    linter = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([linter, *FILES], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_an_image_runs_as_somebody_who_may_nothing(path: Path) -> None:
    said = instructions(path)
    users = [text for word, text in said if word == "USER"]
    assert users == ["10001:10001"]
    entry = next(text for word, text in said if word == "ENTRYPOINT")
    assert isinstance(json.loads(entry), list)
    last = [word for word, _ in said].index("USER")
    assert not {"RUN", "COPY", "ADD"} & {word for word, _ in said[last:]}


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_an_image_has_a_pinned_base_and_nothing_of_how_it_was_built(path: Path) -> None:
    said = instructions(path)
    bases = [text for word, text in said if word == "ARG" and text.startswith("PYTHON=")]
    assert len(bases) == 1
    assert re.fullmatch(r"PYTHON=python:\d+\.\d+\.\d+-slim-\w+", bases[0])
    stages = [number for number, (word, _) in enumerate(said) if word == "FROM"]
    assert len(stages) >= 2
    final = said[stages[-1] :]
    assert not any("pip " in text for word, text in final if word == "RUN")
    assert ("COPY", "--from=build /opt/nightcrew /opt/nightcrew") in final


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_what_an_image_installs_is_copied_and_constrained(path: Path) -> None:
    said = instructions(path)
    told = " ".join(text for word, text in said if word == "ENV").split()
    assert {"PIP_CONSTRAINT=/src/constraints.txt", "PIP_BUILD_CONSTRAINT=/src/constraints.txt"} <= set(told)
    copied = [text.split()[0] for word, text in said if word == "COPY" and not text.startswith("--")]
    assert all((ROOT / one).exists() for one in copied)
    for word, text in said:
        for command in re.findall(r"pip (?:--python \S+ )?install[^&]*", text) if word == "RUN" else ():
            words = shlex.split(command)
            for local in (one for one in words if one.startswith("./")):
                folder = local[2:].partition("[")[0]
                assert any(folder == one or folder.startswith(f"{one}/") for one in copied), local
                about = tomllib.loads((ROOT / folder / "pyproject.toml").read_text())["project"]
                extras = re.findall(r"\[(.+)\]", local)
                assert set(",".join(extras).split(",") if extras else ()) <= set(about.get("optional-dependencies", {}))


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_an_images_command_is_one_that_it_installs(path: Path) -> None:
    said = instructions(path)
    (program,) = json.loads(next(text for word, text in said if word == "ENTRYPOINT"))
    installed = set()
    for word, text in said:
        if word == "RUN" and "pip --python /opt/nightcrew/bin/python install" in text:
            for folder in re.findall(r"\./([\w/]+)", text):
                about = tomllib.loads((ROOT / folder / "pyproject.toml").read_text())["project"]
                installed |= set(about.get("scripts", {}))
    assert program in installed


def test_an_image_without_kernels_carries_no_science() -> None:
    for name in ("ingest", "planner", "calmanager"):
        text = (DOCKERFILES / f"{name}.Dockerfile").read_text()
        assert "reducer" not in text
        assert "./cli" not in text


def test_every_image_is_used() -> None:
    assert {ROOT / one["build"]["dockerfile"] for one in ours().values()} == set(FILES)


def test_the_context_holds_nothing_but_what_is_installed() -> None:
    lines = (ROOT / ".dockerignore").read_text().split()
    assert lines[0] == "**"
    copied = {
        part
        for path in FILES
        for word, text in instructions(path)
        if word == "COPY" and "--from" not in text
        for part in [text.split()[-2]]
    }
    allowed = {line[1:] for line in lines if line.startswith("!")}
    assert all(any(one == keep or one.startswith(f"{keep}/") for keep in allowed) for one in copied)


def test_volumes_are_mounted_where_their_image_has_a_place_that_any_user_may_write_to() -> None:
    for name, about in ours().items():
        said = instructions(ROOT / about["build"]["dockerfile"])
        made = " ".join(text for word, text in said if word == "RUN" and "chmod 1777" in text).partition("chmod 1777")[
            2
        ]
        mounted = {volume.split(":")[1] for volume in about.get("volumes", ())}
        assert mounted <= set(made.split()), name
