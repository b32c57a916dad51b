"""What is found in a directory, and what is not."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from nightcrew.ingest import scanning
from nightcrew.ingest.scanning import scan
from nightcrew.shared.fits.containers import Identity


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    (tmp_path / "raw").mkdir()
    return tmp_path / "raw"


def names(listing: scanning.Listing) -> set[str]:
    return {Path(path).name for path in listing.files}


def test_files_that_go_by_the_name_of_a_frame_are_found_with_what_tells_them_apart(raw):
    for name in ("N1.fits", "N2.FITS", "N3.fits.bz2", "N4.fits.gz", "N5.fits.fz", "N6.fit"):
        (raw / name).write_bytes(b"SIMPLE")
    listing = scan([raw])
    assert names(listing) == {"N1.fits", "N2.FITS", "N3.fits.bz2", "N4.fits.gz", "N5.fits.fz", "N6.fit"}
    status = (raw / "N1.fits").stat()
    assert listing.files[str(raw / "N1.fits")] == Identity(6, status.st_mtime_ns, status.st_ino)


@pytest.mark.parametrize(
    "name", [".N1.fits", ".N1.fits.4xZQ1b", "N1.fits.part", "N1.fits.tmp", "N1.fits~", "N1.fits.filepart", "notes.txt"]
)
def test_hidden_and_temporary_names_are_others_affair(raw, name):
    (raw / name).touch()
    assert scan([raw]).files == {}


def test_directories_below_are_listed_only_if_wanted_hidden_and_linked_ones_never(raw):
    for below in ("2016", "2016/01", ".hidden", "aside", "N1.fits"):
        (raw / below).mkdir()
        (raw / below / f"{Path(below).name}-a.fits").touch()
    (raw / "again").symlink_to(raw, target_is_directory=True)
    (raw / "linked.fits").symlink_to(raw / "2016", target_is_directory=True)
    assert scan([raw]).files == {}
    assert names(scan([raw], recursive=True, without=[raw / "aside"])) == {"2016-a.fits", "01-a.fits", "N1.fits-a.fits"}


def test_links_to_files_are_followed_and_those_that_lead_nowhere_are_found_as_links(raw, tmp_path):
    target = tmp_path / "elsewhere.fits"
    target.write_bytes(b"12345")
    (raw / "good.fits").symlink_to(target)
    (raw / "lost.fits").symlink_to(tmp_path / "nosuch.fits")
    (raw / "loop.fits").symlink_to(raw / "loop.fits")
    files = {Path(path).name: seen for path, seen in scan([raw]).files.items()}
    assert files["good.fits"].inode == target.stat().st_ino
    assert files["lost.fits"].inode == (raw / "lost.fits").lstat().st_ino
    assert set(files) == {"good.fits", "lost.fits", "loop.fits"}


def test_a_name_that_is_not_text_is_found_too(raw):
    (raw / os.fsdecode(b"N\xff.fits")).touch()
    assert len(scan([raw]).files) == 1


def test_of_a_directory_that_cannot_be_listed_nothing_is_known(raw, tmp_path):
    listing = scan([raw, tmp_path / "nosuch"])
    (unlisted,) = listing.unlisted
    assert unlisted.directory == str(tmp_path / "nosuch")
    assert "No such file" in unlisted.reason
    assert listing.unknown(str(tmp_path / "nosuch" / "N1.fits"))
    assert not listing.unknown(str(raw / "N1.fits"))


class _Entry:
    """An entry of a directory on a network file system that has its day."""

    def __init__(self, path: Path, code: int, link: bool = False) -> None:
        self.name, self.path, self._code, self._link = path.name, str(path), code, link

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        return False

    def is_symlink(self) -> bool:
        return self._link

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        raise OSError(self._code, os.strerror(self._code))


class _Entries(list):
    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None


@pytest.mark.parametrize("link", [False, True])
@pytest.mark.parametrize("code", [errno.ENOENT, errno.ESTALE])
def test_what_vanishes_while_it_is_looked_at_is_not_there(raw, monkeypatch, code, link):
    monkeypatch.setattr(scanning.os, "scandir", lambda _: _Entries([_Entry(raw / "N1.fits", code, link)]))
    listing = scan([raw])
    assert (listing.files, listing.unlisted) == ({}, [])


@pytest.mark.parametrize("link", [False, True])
@pytest.mark.parametrize("code", [errno.EIO, errno.EACCES])
def test_a_file_system_that_fails_makes_the_directory_unknown_instead_of_its_files_gone(raw, monkeypatch, code, link):
    monkeypatch.setattr(scanning.os, "scandir", lambda _: _Entries([_Entry(raw / "N1.fits", code, link)]))
    listing = scan([raw])
    assert listing.files == {}
    assert listing.unknown(str(raw / "N1.fits"))
    assert listing.unlisted[0].reason == os.strerror(code)
