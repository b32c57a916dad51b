"""Products that can be made again bit for bit, and that every FITS reader takes."""

from __future__ import annotations

import json
import random
import shutil
import warnings
from typing import TYPE_CHECKING

import fitsio
import numpy as np
import pytest
from astropy.io import fits
from typer.testing import CliRunner

from nightcrew.cli.main import app, main
from nightcrew.shared.fits import open_frame, write_frame
from nightcrew.simulator import niri_night
from support.observatory import Observatory

if TYPE_CHECKING:
    from pathlib import Path


SCIENCE, STANDARD, DARKS, FLATS = (270, 279), (295, 299), (423, 427), ((363, 367), (373, 377))
MEBI = 1 << 20


@pytest.fixture(scope="module")
def observatory(tmp_path_factory: pytest.TempPathFactory) -> Observatory:
    root = tmp_path_factory.mktemp("reproduce")
    night = Observatory(root / "raw", root / "products", "N20160102S")
    niri_night(seed=1, size=256).write(night.raw)
    night.calibrations["processed_dark"] = night.keep(DARKS)
    night.calibrations["processed_flat"] = night.keep(*FLATS)
    return night


@pytest.fixture(scope="module")
def stacks(observatory: Observatory) -> dict[str, Path]:
    """The science stack under both profiles."""
    files = observatory.files(SCIENCE)
    return {
        profile: observatory.reduce(files, observatory.products / profile, profile=profile)
        for profile in ("standard", "best")
    }


def reproduce(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["reproduce", *map(str, arguments)])
    return done.exit_code, done.output


# The same bytes.


@pytest.mark.parametrize("profile", ["standard", "best"])
@pytest.mark.parametrize(("threads", "budget"), [(2, 1 << 30), (1, 40 * MEBI), (2, 100 * MEBI)])
def test_threads_and_memory_do_not_change_a_byte(threads, budget, profile, observatory, stacks, tmp_path) -> None:
    files = observatory.files(SCIENCE)
    made = observatory.reduce(files, tmp_path, profile=profile, threads=threads, budget=budget)
    assert made.read_bytes() == stacks[profile].read_bytes()


@pytest.mark.parametrize("profile", ["standard", "best"])
def test_the_order_of_frames_of_equal_rank_does_not_change_a_byte(profile, observatory, stacks, tmp_path) -> None:
    first, second, *others = observatory.files(SCIENCE)
    for seed in (1, 2):
        random.Random(seed).shuffle(others)
        made = observatory.reduce([first, second, *others], tmp_path, profile=profile)
        assert made.read_bytes() == stacks[profile].read_bytes()


def test_darks_in_any_order_give_the_same_pixels_and_the_first_gives_name_and_header(observatory, tmp_path) -> None:
    master = observatory.calibrations["processed_dark"]
    first, *others = observatory.files(DARKS)
    made = observatory.reduce([first, *reversed(others)], tmp_path)
    assert made.read_bytes() == master.read_bytes()
    turned = observatory.reduce([*others, first], tmp_path)
    assert turned.name == "N20160102S0424_dark.fits"
    ours, theirs = open_frame(turned).planes[0], open_frame(master).planes[0]
    assert ours.data.tobytes() == theirs.data.tobytes()
    assert ours.variance.tobytes() == theirs.variance.tobytes()


def test_lamps_in_any_order_give_the_same_pixels(observatory, tmp_path) -> None:
    (on_first, *others) = observatory.files(FLATS[1], FLATS[0])
    random.Random(3).shuffle(others)
    made = observatory.reduce([on_first, *others], tmp_path)
    theirs = open_frame(observatory.calibrations["processed_flat"])
    ours = open_frame(made)
    assert made.name == theirs.filename
    assert ours.planes[0].data.tobytes() == theirs.planes[0].data.tobytes()
    assert ours.planes[0].variance.tobytes() == theirs.planes[0].variance.tobytes()


def test_the_command_takes_the_time_from_source_date_epoch(observatory, tmp_path, monkeypatch, capfd) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1577836800")
    made = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        assert main(["reduce", *map(str, observatory.files(DARKS))]) == 0
        made.append((tmp_path / name / "N20160102S0423_dark.fits").read_bytes())
    assert made[0] == made[1]
    assert b"2020-01-01T00:00:00.000000" in made[0]
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    assert main(["reduce", *map(str, observatory.files(DARKS))]) == 2
    assert "SOURCE_DATE_EPOCH=yesterday" in capfd.readouterr().err


# Made again.


@pytest.mark.parametrize("profile", ["standard", "best"])
def test_a_stack_is_made_again_bit_for_bit(profile, observatory, stacks) -> None:
    code, text = reproduce(stacks[profile], "--raw", observatory.raw, "--raw", observatory.products, "--threads", 2)
    assert (code, text.strip()) == (0, f"{stacks[profile]}: identical")


def test_masters_and_intermediate_frames_are_made_again(observatory, tmp_path) -> None:
    files = observatory.files(STANDARD)
    observatory.reduce(files, tmp_path, "darkCorrect:do_cal=skip", "flatCorrect:write_outputs=True")
    frames = sorted(tmp_path.glob("*_flatCorrected.fits"))
    assert len(frames) == 4
    code, text = reproduce(
        *observatory.calibrations.values(), frames[0], "--raw", observatory.raw, "--raw", observatory.products, "--json"
    )
    told = [json.loads(line) for line in text.splitlines()]
    assert [one["identical"] for one in told] == [True] * 3
    assert code == 0


def test_a_product_with_a_bad_pixel_mask_and_another_suffix_is_made_again_also_under_another_name(
    observatory, tmp_path
) -> None:
    mask = np.zeros((256, 256), np.uint16)
    mask[10, 10] = 1
    bpm = open_frame(observatory.files(DARKS)[0])
    bpm.planes[0].data = mask
    write_frame(bpm, tmp_path / "bpm.fits")
    made = observatory.reduce(observatory.files(DARKS), tmp_path / "out", f"addDQ:user_bpm={tmp_path / 'bpm.fits'}")
    shutil.move(tmp_path / "bpm.fits", tmp_path / "out" / "bpm.fits")
    renamed = made.rename(made.with_name("favourite.fits"))
    code, text = reproduce(renamed, "--raw", observatory.raw, "--keep", tmp_path / "kept")
    assert (code, text.strip()) == (0, f"{renamed}: identical")
    assert (tmp_path / "kept" / "N20160102S0423_dark.fits").is_file()
    assert open_frame(renamed).planes[0].dq[10, 10] == 1


def test_every_difference_is_told_in_one_line(observatory, tmp_path) -> None:
    master = open_frame(observatory.calibrations["processed_dark"])
    spoiled = master.planes[0].data.copy()
    spoiled[3, 4] += 1.0
    master.planes[0].data = spoiled
    master.phu["OBJECT"] = "something else"
    write_frame(master, tmp_path / master.filename)
    code, text = reproduce(tmp_path / master.filename, "--raw", observatory.raw)
    assert code == 1
    assert len(text.splitlines()) == 2
    assert "OBJECT is 'something else'" in text
    assert "data: 1 of 65536 pixels differ, by at most 1" in text


def test_other_software_is_named_where_products_differ(observatory, tmp_path) -> None:
    master = open_frame(observatory.calibrations["processed_dark"])
    rows = master.tables["REQUEST"].rows
    rows["VALUE"][rows["NAME"] == "numpy"] = "0.1"
    write_frame(master, tmp_path / master.filename)
    code, text = reproduce(tmp_path / master.filename, "--raw", observatory.raw)
    assert code == 1
    assert "table REQUEST: VALUE differs in 1 of" in text
    assert f"made with numpy 0.1, here is {np.__version__}" in text


def test_missing_and_altered_inputs_are_named(observatory, tmp_path) -> None:
    shutil.copy(observatory.calibrations["processed_dark"], tmp_path / "dark.fits")
    names = [path.name for path in observatory.files(DARKS)]
    code, text = reproduce(tmp_path / "dark.fits")
    assert code == 1
    assert all(f"{name}: not found" in text for name in names)
    raw = tmp_path / "raw"
    raw.mkdir()
    for path in observatory.files(DARKS):
        shutil.copy(path, raw)
    with (raw / names[2]).open("ab") as file:
        file.write(bytes(2880))
    code, text = reproduce(tmp_path / "dark.fits", "--raw", raw)
    assert code == 1
    assert f"{raw / names[2]}: not the file of that name that was used" in text
    assert names[1] not in text


def test_what_cannot_be_made_again_is_refused_with_a_reason(observatory, tmp_path) -> None:
    code, text = reproduce(observatory.files(DARKS)[0])
    assert code == 1
    assert "no table REQUEST" in text
    assert main(["reproduce"]) == 2
    master = observatory.calibrations["processed_dark"]
    assert main(["reproduce", str(master), "--raw", str(tmp_path / "nowhere")]) == 2
    assert main(["reproduce", str(master), "--raw", str(observatory.raw), "--keep", str(master.parent)]) == 2


USERS_RECIPE = """
def mine(p):
    p.prepare()
    p.addDQ()
    p.ADUToElectrons()
    p.stackDarks()
    p.storeProcessedDark()
"""


def test_a_recipe_of_the_users_own_is_found_by_its_content(observatory, tmp_path) -> None:
    (tmp_path / "recipes").mkdir()
    source = tmp_path / "recipes" / "own_recipes.py"
    source.write_text(USERS_RECIPE)
    made = observatory.reduce(observatory.files(DARKS), tmp_path / "out", recipe=f"{source.with_suffix('')}.mine")
    options = ["--raw", observatory.raw, "--raw", tmp_path / "recipes"]
    assert reproduce(made, *options)[0] == 0
    source.write_text(USERS_RECIPE.replace("p.addDQ()", "p.addDQ(latency=False)"))
    code, text = reproduce(made, *options)
    assert code == 1
    assert "own_recipes.py: not the file of that name" in text
    code, text = reproduce(made, *options, "--recipe", f"{source.with_suffix('')}.mine")
    assert code == 1
    assert "(addDQ) is latency=True, now latency=False" in text


# The FITS standard.


def conforms(path: Path) -> None:
    """Assert that a file keeps to the standard, and that its checksums are there and true."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with fits.open(path, checksum=True, memmap=False) as hdus:
            hdus.verify("exception")
            for hdu in hdus:
                assert "CHECKSUM" in hdu.header
                assert "DATASUM" in hdu.header
                assert hdu.data is None or hdu.data.size
            assert hdus[0].header["NEXTEND"] == len(hdus) - 1


def test_every_product_of_a_night_conforms_to_the_standard_and_bears_true_checksums(observatory, stacks) -> None:
    products = sorted(observatory.products.rglob("*.fits"))
    assert len(products) == 4
    for path in products:
        conforms(path)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("bpm", {"recipe": "makeProcessedBPM"}),
        ("quicklook", {"recipe": "quickLook", "mode": "ql"}),
        ("growing", {"recipe": "growStack", "mode": "ql"}),
        ("skyCorrected", {"profile": "best"}),
    ],
)
def test_masks_quick_looks_growing_stacks_and_frames_on_the_way_conform_too(
    kind, options, observatory, tmp_path
) -> None:
    files = {
        "bpm": [*observatory.files(*FLATS), *sorted(observatory.raw.glob("N20160103S04*.fits"))],
        "quicklook": observatory.files(SCIENCE)[1:2],
        "growing": observatory.files(SCIENCE)[1:4],
        "skyCorrected": observatory.files(SCIENCE)[:4],
    }[kind]
    steps = ("skyCorrect:write_outputs=True", "skyCorrect:save_sky=True") if kind == "skyCorrected" else ()
    observatory.reduce(files, tmp_path, *steps, **options)
    written = sorted(tmp_path.glob("*.fits"))
    assert any(kind in path.name for path in written)
    for path in written:
        conforms(path)


def test_fitsio_reads_every_array_and_table_as_astropy_does(observatory, stacks) -> None:
    for path in sorted(observatory.products.rglob("*.fits")):
        with fitsio.FITS(path) as theirs, fits.open(path, memmap=False) as ours:
            assert len(theirs) == len(ours)
            for other, hdu in zip(theirs, ours, strict=True):
                if hdu.data is None:
                    continue
                read = other.read()
                if isinstance(hdu, fits.BinTableHDU):
                    assert [name.upper() for name in read.dtype.names] == [name.upper() for name in hdu.data.names]
                    assert len(read) == len(hdu.data)
                else:
                    assert np.array_equal(read, hdu.data, equal_nan=True)


def test_the_profile_best_adds_extensions_and_leaves_those_of_the_reference_in_place(stacks) -> None:
    names = {}
    for profile, path in stacks.items():
        with fits.open(path) as hdus:
            names[profile] = [hdu.name for hdu in hdus]
            if profile == "best":
                assert hdus["EXPMAP"].header["BUNIT"] == "s"
                assert hdus["EXPMAP"].data.dtype == ">f4"
    reference = ["PRIMARY", "SCI", "VAR", "DQ", "OBJMASK", "OBJCAT", "PROVENANCE", "HISTORY"]
    assert [name for name in names["standard"] if name in reference] == reference
    assert [name for name in names["best"] if name in names["standard"]] == names["standard"]
    assert set(names["best"]) - set(names["standard"]) == {"REJMAP", "EXPMAP", "INPUTS"}
