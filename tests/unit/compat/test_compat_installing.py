"""`install` in a fresh interpreter: with the package astrodata and without it, and beside DRAGONS itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from support.frames import write_niri
from support.runs import DARK

WITHOUT_ASTRODATA = """
import sys
class Hide:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "astrodata":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Hide())
"""
SCRIPT = """
import nightcrew.compat
assert nightcrew.compat.install() is True
assert nightcrew.compat.install() is True
import astrodata
import gemini_instruments
from recipe_system.reduction.coreReduce import Reduce
from recipe_system import cal_service
from recipe_system.utils.reduce_utils import normalize_ucals
from gempy.adlibrary import dataselect
from gempy.utils import logutils
assert Reduce is nightcrew.compat.Reduce
ad = astrodata.open(sys.argv[1])
print(ad.exposure_time(), sorted(ad.tags), type(ad[0].gain()).__name__, astrodata.__name__)
"""


def python(script: str, *arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize(
    ("before", "module"), [("import sys", "astrodata"), (WITHOUT_ASTRODATA, "nightcrew.compat.astrodata")]
)
def test_a_script_finds_the_names_of_dragons(before, module, tmp_path):
    dark = write_niri(tmp_path / "N1.fits", **DARK, EXPTIME=20.001)
    done = python(before + SCRIPT, dark, cwd=tmp_path)
    assert done.stderr == ""
    assert done.stdout.startswith("20.001 ['CAL', 'DARK', 'GEMINI', 'NIRI', 'NORTH'")
    assert done.stdout.rstrip().endswith(f"float {module}")


def test_dragons_itself_is_left_alone(tmp_path):
    (tmp_path / "recipe_system").mkdir()
    (tmp_path / "recipe_system" / "__init__.py").write_text("REAL = True\n")
    done = python(
        "import nightcrew.compat; print(nightcrew.compat.install()); import recipe_system; print(recipe_system.REAL)",
        cwd=tmp_path,
    )
    assert done.stdout.split() == ["False", "True"]
