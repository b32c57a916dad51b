import json

import pytest
import typer
from typer.testing import CliRunner

from nightcrew.cli.commands.simulate import VARIANT_HELP, simulate
from nightcrew.simulator import VARIANTS


@pytest.fixture(scope="module")
def app():
    app = typer.Typer()
    app.command()(simulate)
    return app


def run(app, *arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_every_variant_is_in_the_help():
    listed = {line.split()[0] for line in VARIANT_HELP.splitlines() if line.startswith("  ")}
    assert listed == set(VARIANTS)
    for name, variant in VARIANTS.items():
        line = next(line for line in VARIANT_HELP.splitlines() if line.startswith(f"  {name} "))
        assert [camera for camera in ("niri", "f2") if f"({camera}" in line] == (
            [c.lower() for c in variant.instruments] if len(variant.instruments) == 1 else []
        )


def test_a_night_is_written_and_reported(app, tmp_path):
    result = run(
        app, "niri", tmp_path, "--size", 256, "--frames", 1, "--variant", "no-standard", "--variant", "trailed"
    )
    assert result.exit_code == 0
    assert "6 frames, N20160102S0270.fits to N20160103S0463.fits" in result.output
    assert len(list(tmp_path.glob("*.fits"))) == 6


def test_the_report_can_be_read_by_programs(app, tmp_path):
    result = run(app, "niri", tmp_path, "--size", 256, "--frames", 1, "--cadence", 0, "--seed", 4, "--json")
    report = json.loads(result.stdout)
    assert (report["instrument"], report["seed"], report["size"], len(report["frames"])) == ("NIRI", 4, 256, 7)
    assert json.loads((tmp_path / "truth.json").read_text())["seed"] == 4


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("niri", "--size", 100), "cannot read 100 x 100"),
        (("f2", "--size", 256), "cannot read 256 x 256"),
        (("niri", "--variant", "fog"), "no variant 'fog'"),
        (("gmos",), "gmos"),
    ],
)
def test_what_cannot_be_simulated_is_a_usage_error(app, tmp_path, arguments, words):
    result = run(app, arguments[0], tmp_path, *arguments[1:])
    assert result.exit_code == 2
    assert words in " ".join(result.output.split())


def test_a_place_that_cannot_be_written_to_is_named(app, tmp_path):
    (tmp_path / "file").write_text("not a directory")
    result = run(app, "niri", tmp_path / "file" / "night", "--size", 256, "--frames", 1)
    assert result.exit_code == 1
    assert "cannot write the night" in str(result.exception)
