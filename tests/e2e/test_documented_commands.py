"""What tutorials and how-to guides tell users to type, typed: every block that is marked to run does."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from nightcrew.simulator import niri_night
from support.documented import DOCS, Terminal, blocks, pages

TUTORIAL = "tutorial/niri-night.md"
BY_HAND = "how-to/reduce-by-hand.md"
SMALL = " --size 256"
"""Frames of a quarter of a side: what is typed is the same, and takes less time."""
WITHOUT_A_NIGHT = ("how-to/bad-files.md", "how-to/simulate-a-night.md")
"""Pages that make the frames that they speak of."""
AFTER_BY_HAND = tuple(sorted(set(pages()) - {TUTORIAL, BY_HAND, *WITHOUT_A_NIGHT}))
"""Pages that speak of a directory in which the masters have been made."""

pytestmark = pytest.mark.slow


def terminal(root: Path, place: Path) -> Terminal:
    home = root / "home"
    home.mkdir(exist_ok=True)
    place.mkdir(exist_ok=True)
    return Terminal(home, place, {"NIGHTCREW_DATA_DIR": str(home / "data"), "NIGHTCREW_DATABASE_LINGER": "5"})


@pytest.fixture(scope="module")
def reduced(tmp_path_factory) -> Path:
    """A night in `raw`, reduced by hand in `work` as the page says; `raw` is seen from there too."""
    root = tmp_path_factory.mktemp("documented")
    niri_night(1, size=256).write(root / "raw")
    work = root / "work"
    work.mkdir()
    (work / "raw").symlink_to(root / "raw")
    terminal(root, work).follow(BY_HAND)
    for name in ("many.lis", "darks.lis"):
        shutil.copy(work / "darks20s.lis", work / name)
    return root


@pytest.mark.parametrize("size", ["", pytest.param(" --size 1024", marks=pytest.mark.soak)])
def test_the_tutorial_runs_from_its_first_line_to_its_last(size, tmp_path):
    command = "nightcrew simulate niri raw"
    assert any(command in block.text for block in blocks(TUTORIAL))
    terminal(tmp_path, tmp_path / "place").follow(TUTORIAL, {command: command + (size or SMALL)})
    made = tmp_path / "place/tutorial"
    by_itself, by_hand = ({path.name for path in made.glob(f"{place}/*.fits")} for place in ("products", "byhand"))
    assert "N20160102S0271_image.fits" in by_hand <= by_itself


@pytest.mark.parametrize("page", WITHOUT_A_NIGHT)
def test_pages_that_make_their_own_frames_run(page, tmp_path):
    terminal(tmp_path, tmp_path / "place").follow(page, {"simulate niri raw\n": f"simulate niri raw{SMALL}\n"})
    assert list((tmp_path / "place").rglob("*.fits"))


@pytest.mark.soak  # half a minute of processor time
@pytest.mark.parametrize("page", AFTER_BY_HAND)
def test_pages_about_a_reduced_night_run(page, reduced, tmp_path):
    place = tmp_path / "work"
    shutil.copytree(reduced / "work", place, symlinks=True)
    (tmp_path / "raw").symlink_to(reduced / "raw")
    terminal(tmp_path, place).follow(page)


def test_no_page_runs_unseen():
    """A page that is marked is in one of the lists above; what is marked can be run."""
    assert {TUTORIAL, BY_HAND, *WITHOUT_A_NIGHT} <= set(pages())
    for page in pages():
        for block in blocks(page):
            assert block.language in {"sh", "python", "ini"}, block


@pytest.mark.parametrize("path", sorted(DOCS.rglob("*.md")), ids=lambda path: path.stem)
def test_commands_in_pages_are_well_formed(path):
    """Blocks that cannot run here, for want of a cluster or a telescope, are at least shell."""
    for match in re.finditer(r"^```(?:sh[^\n`]*)?\n(.*?)^```$", path.read_text(), re.MULTILINE | re.DOTALL):
        text = match[1]
        if re.match(r"\s*(nightcrew|docker|kubectl|sudo|export|deploy/|for )", text):
            done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"{path.name}: {done.stderr}\n{text}"
