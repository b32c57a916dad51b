"""The md5 of files, asked for once or computed ahead."""

from __future__ import annotations

import hashlib

import pytest

from nightcrew.reducer.engine.digests import Digests
from nightcrew.shared.errors import ServiceError


@pytest.fixture
def files(tmp_path):
    paths = [tmp_path / f"{number}.fits" for number in range(5)]
    for path in paths:
        path.write_bytes(path.name.encode() * 1000)
    return paths


def test_what_was_computed_ahead_is_what_would_be_computed_now(files):
    digests = Digests()
    digests.ahead(files, 2)
    digests.ahead(files, 2)
    for path in files:
        assert digests.md5(path) == Digests().md5(path) == hashlib.md5(path.read_bytes()).hexdigest()


def test_a_file_that_has_changed_since_is_hashed_again(files):
    digests = Digests()
    digests.ahead(files, 1)
    files[0].write_bytes(b"something else")
    assert digests.md5(files[0]) == hashlib.md5(b"something else").hexdigest()


def test_a_file_that_is_not_there_is_told_when_it_is_asked_for(tmp_path):
    digests = Digests()
    digests.ahead([tmp_path / "none.fits"], 1)
    with pytest.raises(ServiceError, match=r"none\.fits: cannot be read"):
        digests.md5(tmp_path / "none.fits")
