"""The command: what it refuses to begin with, in one line."""

from __future__ import annotations

import pytest

from nightcrew.ingest.main import main


@pytest.fixture(autouse=True)
def nobody_answers(monkeypatch):
    monkeypatch.setenv("NIGHTCREW_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["serve"], 2, "nothing to watch"),
        (["serve", "raw", "--host", "0.0.0.0"], 2, "NIGHTCREW_INGEST_TOKEN_FILE"),
        (["serve", "raw", "--port", "99999"], 2, "NIGHTCREW_INGEST_PORT"),
        (["serve", "raw"], 1, "127.0.0.1:1"),
    ],
)
def test_what_cannot_begin_is_told_in_one_line(capsys, arguments, code, told):
    assert main(arguments) == code
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith("nightcrew-ingest: ")
    assert told in said


@pytest.mark.parametrize("arguments", [["--help"], ["serve", "--help"], ["--version"]])
def test_it_explains_itself(capsys, arguments):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 0
    assert "nightcrew-ingest" in capsys.readouterr().out
