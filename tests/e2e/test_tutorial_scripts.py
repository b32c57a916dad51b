"""Both tutorials' Python scripts, from the first line to the last, with one line on top."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from astropy.io import fits

from nightcrew.simulator import f2_night, niri_night

if TYPE_CHECKING:
    from collections.abc import Callable

ON_TOP = "from nightcrew.compat import install; install()\n"

NIRI = """
import glob

import astrodata
import gemini_instruments
from recipe_system.reduction.coreReduce import Reduce
from recipe_system import cal_service
from gempy.adlibrary import dataselect

from gempy.utils import logutils
logutils.config(file_name='niri_tutorial.log')

caldb = cal_service.CalibrationService()
caldb.config()
caldb.init()

cal_service.set_cal_service()

all_files = glob.glob('../playdata/*.fits')
all_files.sort()

all_darks = dataselect.select_data(all_files, ['DARK'])
for dark in all_darks:
    ad = astrodata.open(dark)
    print(dark, '  ', ad.exposure_time())

darks1s = dataselect.select_data(
    all_files,
    ['DARK'],
    [],
    dataselect.expr_parser('exposure_time==1')
)

darks20s = dataselect.select_data(
    all_files,
    ['DARK'],
    [],
    dataselect.expr_parser('exposure_time==20')
)

flats = dataselect.select_data(all_files, ['FLAT'])

stdstar = dataselect.select_data(
    all_files,
    [],
    [],
    dataselect.expr_parser('object=="FS 17"')
)

target = dataselect.select_data(
    all_files,
    ['IMAGE'],
    ['FLAT'],
    dataselect.expr_parser('object!="FS 17"')
)

reduce_darks = Reduce()
reduce_darks.files.extend(darks20s)
reduce_darks.runr()

caldb.add_cal(reduce_darks.output_filenames[0])

reduce_bpm = Reduce()
reduce_bpm.files.extend(flats)
reduce_bpm.files.extend(darks1s)
reduce_bpm.recipe_name = 'makeProcessedBPM'
reduce_bpm.runr()

bpm = reduce_bpm.output_filenames[0]

reduce_flats = Reduce()
reduce_flats.files.extend(flats)
reduce_flats.uparms = [('addDQ:user_bpm', bpm)]
reduce_flats.runr()

caldb.add_cal(reduce_flats.output_filenames[0])

reduce_std = Reduce()
reduce_std.files.extend(stdstar)
reduce_std.uparms = [('addDQ:user_bpm', bpm)]
reduce_std.uparms.append(('darkCorrect:do_cal', 'skip'))
reduce_std.runr()

reduce_target = Reduce()
reduce_target.files.extend(target)
reduce_target.uparms = [('addDQ:user_bpm', bpm)]
reduce_target.uparms.append(('skyCorrect:scale_sky', False))
reduce_target.runr()
"""

F2 = """
import glob
import astrodata
import gemini_instruments
from recipe_system.reduction.coreReduce import Reduce
from gempy.adlibrary import dataselect
from gempy.utils import logutils
logutils.config(file_name='f2im_data_reduction.log')

from recipe_system import cal_service
caldb = cal_service.set_local_database()
caldb.init()

all_files = glob.glob('../playdata/*.fits')
all_files.sort()

dark_files_120s = dataselect.select_data(
    all_files,
    ['F2', 'DARK', 'RAW'],
    [],
    dataselect.expr_parser('exposure_time==120')
)

dark_files_2s = dataselect.select_data(
    all_files,
    ['F2', 'DARK', 'RAW'],
    [],
    dataselect.expr_parser('exposure_time==2')
)

list_of_flats_Y = dataselect.select_data(
     all_files,
     ['FLAT'],
     [],
     dataselect.expr_parser('filter_name=="Y"')
)

list_of_science_images = dataselect.select_data(
    all_files,
    ['F2'],
    [],
    dataselect.expr_parser('(observation_class=="science" and filter_name=="Y")')
)

checkwcs = Reduce()
checkwcs.files = list_of_science_images
checkwcs.recipename = 'checkWCS'
checkwcs.runr()

reduce_darks = Reduce()
reduce_darks.files.extend(dark_files_120s)
reduce_darks.runr()

reduce_bpm = Reduce()
reduce_bpm.files.extend(list_of_flats_Y)
reduce_bpm.files.extend(dark_files_2s)
reduce_bpm.recipename = 'makeProcessedBPM'
reduce_bpm.runr()

bpm_filename = reduce_bpm.output_filenames[0]

reduce_flats = Reduce()
reduce_flats.files.extend(list_of_flats_Y)
reduce_flats.uparms = [('addDQ:user_bpm', bpm_filename)]
reduce_flats.runr()

reduce_target = Reduce()
reduce_target.files.extend(list_of_science_images)
reduce_target.uparms = [('addDQ:user_bpm', bpm_filename)]
reduce_target.runr()
"""


@pytest.fixture
def run(tmp_path: Path) -> Callable[[str, str, str], Path]:
    """Run a script beside `playdata/`, with a configuration file of its own; return the working directory."""

    def at_work(script: str, rc: str, config: str) -> Path:
        home, work = tmp_path / "home", tmp_path / "reduction"
        (home / rc).parent.mkdir(parents=True)
        work.mkdir()
        (home / rc).write_text(config.format(directory=work))
        (work / "script.py").write_text(ON_TOP + script)
        environment = {"HOME": str(home), "PATH": "/usr/bin:/bin", "NIGHTCREW_DATA_DIR": str(tmp_path / "data")}
        done = subprocess.run(
            [sys.executable, "script.py"],
            cwd=work,
            env=environment,
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        (work / "printed.txt").write_text(done.stdout)
        return work

    return at_work


def is_stack(path: Path) -> bool:
    """Whether a file is what both tutorials expect: electrons, SCI, VAR and DQ, nothing cropped."""
    with fits.open(path) as hdus:
        names = [hdu.name for hdu in hdus]
        return names[1:4] == ["SCI", "VAR", "DQ"] and hdus[1].header["BUNIT"] == "electron"


def test_the_niri_tutorial_runs_from_the_first_line_to_the_last(run, tmp_path):
    niri_night(1, size=256, frames=5).write(tmp_path / "playdata")
    work = run(NIRI, ".geminidr/rsys.cfg", "[calibs]\nstandalone = True\ndatabase_dir = {directory}\n")
    printed = (work / "printed.txt").read_text()
    assert "20.00" in printed
    assert "1.00" in printed
    made = {path.name for path in work.glob("*.fits")}
    assert {"N20160102S0423_dark.fits", "N20160102S0373_bpm.fits", "N20160102S0373_flat.fits"} <= made
    images = sorted(work.glob("*_image.fits"))
    assert len(images) == 2
    assert all(map(is_stack, images))
    log = (work / "niri_tutorial.log").read_text()
    assert "RECIPE: makeProcessedBPM" in log
    assert "N20160102S0423_dark.fits" in log


def test_the_f2_tutorial_runs_from_the_first_line_to_the_last(run, tmp_path):
    f2_night(1, frames=3).write(tmp_path / "playdata")
    work = run(F2, ".dragons/dragonsrc", "[calibs]\ndatabases = {directory}/cal_manager.db get store\n")
    (image,) = work.glob("*_image.fits")
    assert is_stack(image)
    assert list(work.glob("calibrations/processed_dark/*_dark.fits"))
    assert "Storing" in (work / "f2im_data_reduction.log").read_text()
