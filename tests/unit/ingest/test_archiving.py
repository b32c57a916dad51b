"""Files get places of their own, keep them, and are never lost on the way."""

from __future__ import annotations

import errno
import json
import os
import shutil
import time
from contextlib import nullcontext
from datetime import date
from pathlib import Path

import pytest

from nightcrew.ingest import keeping
from nightcrew.ingest.archiving import Archive, Kept, Mode, NotKept, undo
from nightcrew.ingest.keeping import STAGE, Source, digest_of, holds, sync_directory, take_away
from nightcrew.shared.fits.containers import Identity
from nightcrew.shared.ledger.records import NewFrame
from support.ingest import write_frame

PLACE = Path("NIRI") / "2016-01-01" / "N20160102S0001.fits"


@pytest.fixture
def raw(tmp_path):
    return tmp_path / "raw"


@pytest.fixture
def root(tmp_path):
    return tmp_path / "archive"


@pytest.fixture(params=["links", "no links", "no links at all"])
def disk(request, monkeypatch, root):
    """An archive on the same file system; on another one; on one that knows of no links."""
    link = os.link

    def refuse(source, target, **options):
        inside = str(source).startswith(str(root)) and str(target).startswith(str(root))
        if inside and request.param == "no links":
            return link(source, target, **options)
        raise OSError(errno.EPERM if inside else errno.EXDEV, "no link")

    if request.param != "links":
        monkeypatch.setattr(keeping.os, "link", refuse)
    return request.param


def source_of(path: Path) -> Source:
    return Source(str(path), Identity.of(path.stat()), digest_of(path))


def frame_of(path: Path) -> NewFrame:
    size, night = path.stat().st_size, date(2016, 1, 1)
    return NewFrame(digest_of(path), path.name, str(path), size, "NIRI", "dark", night, None, {})


def kept(found: object) -> Path:
    assert isinstance(found, Kept), found
    return Path(found.path)


def stage(root: Path) -> list[Path]:
    return list((root / STAGE).iterdir()) if (root / STAGE).exists() else []


def test_a_frame_stays_where_it_is_unless_told_otherwise(raw):
    path = write_frame(raw)
    archive = Archive()
    found = archive.keep(frame_of(path), source_of(path))
    assert found == Kept(str(path))
    assert archive.release(source_of(path), found) == ""
    assert path.exists()


def test_a_frame_is_moved_to_its_place_whole(raw, root, disk):
    path = write_frame(raw)
    content, source, archive = path.read_bytes(), source_of(path), Archive(Mode.MOVE, root)
    target = archive.keep(frame_of(path), source)
    assert kept(target) == root / PLACE
    assert path.exists(), "the first name goes after the ledger knows the second"
    assert isinstance(target, Kept)
    assert target.new
    assert archive.release(source, target) == ""
    assert not path.exists()
    assert (root / PLACE).read_bytes() == content
    assert stage(root) == []


def test_another_file_of_the_name_gets_a_version_and_the_same_one_its_place_again(raw, root, disk):
    archive = Archive(Mode.MOVE, root)
    first = write_frame(raw, 1)
    assert kept(archive.keep(frame_of(first), source_of(first))) == root / PLACE
    again = archive.keep(frame_of(first), source_of(first))
    assert (again, stage(root)) == (Kept(str(root / PLACE)), [])
    for number in (2, 3):
        other = write_frame(raw, number, name=PLACE.name)
        assert kept(archive.keep(frame_of(other), source_of(other))).name == f"N20160102S0001.v{number}.fits"
    assert (root / PLACE).read_bytes() != other.read_bytes()


def test_a_linked_frame_stays_and_has_a_second_name(raw, root):
    path = write_frame(raw)
    archive = Archive(Mode.LINK, root)
    found = archive.keep(frame_of(path), source_of(path))
    assert kept(found).samefile(path)
    assert not kept(found).is_symlink()
    assert isinstance(found, Kept)
    assert archive.release(source_of(path), found) == ""
    assert path.exists()


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="no second file system")
@pytest.mark.parametrize("mode", [Mode.LINK, Mode.MOVE])
def test_to_another_file_system_a_frame_is_linked_by_a_symbolic_link_or_moved_by_a_copy(raw, tmp_path, mode):
    root = Path("/dev/shm") / f"nightcrew-{os.getpid()}"
    if Path("/dev/shm").stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("no second file system")
    path = write_frame(raw)
    source, content, archive = source_of(path), path.read_bytes(), Archive(mode, root)
    try:
        found = archive.keep(frame_of(path), source)
        assert archive.keep(frame_of(path), source) == Kept(str(root / PLACE))
        assert kept(found).is_symlink() == (mode is Mode.LINK)
        assert kept(found).read_bytes() == content
        assert isinstance(found, Kept)
        assert archive.release(source, found) == ""
        assert path.exists() == (mode is Mode.LINK)
    finally:
        shutil.rmtree(root)


def test_a_frame_that_changes_while_it_is_kept_is_not_kept(raw, root, disk):
    path = write_frame(raw)
    source, frame = source_of(path), frame_of(path)
    path.write_bytes(path.read_bytes() + b"more")
    found = Archive(Mode.MOVE, root).keep(frame, source)
    assert isinstance(found, NotKept)
    assert "changed" in found.reason
    assert not (root / PLACE).exists()
    assert stage(root) == []


def test_a_copy_that_is_not_what_was_verified_is_not_kept(raw, root, disk):
    path = write_frame(raw)
    source = Source(str(path), Identity.of(path.stat()), "0" * 64)
    found = Archive(Mode.MOVE, root).keep(frame_of(path), source)
    assert isinstance(found, Kept if disk == "links" else NotKept)
    assert stage(root) == []


def test_no_room_is_told_with_the_place_and_leaves_nothing(raw, root, monkeypatch):
    path = write_frame(raw)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(keeping.os, "link", full)
    found = Archive(Mode.MOVE, root).keep(frame_of(path), source_of(path))
    assert isinstance(found, NotKept)
    assert "No space left" in found.reason
    assert str(root) in found.reason
    assert (path.exists(), stage(root)) == (True, [])


def test_a_file_is_not_taken_away_if_its_archived_copy_is_gone_or_it_is_another_one_now(raw, root):
    path = write_frame(raw, 1)
    source, archive = source_of(path), Archive(Mode.MOVE, root)
    found = archive.keep(frame_of(path), source)
    assert isinstance(found, Kept)
    Path(found.path).rename(root / "elsewhere")
    assert "does not hold it" in archive.release(source, found)
    (root / "elsewhere").rename(found.path)
    path.unlink()
    write_frame(raw, 2, name=path.name)
    content = path.read_bytes()
    assert "another file" in archive.release(source, found)
    assert path.read_bytes() == content
    assert [one.name for one in raw.iterdir()] == [path.name]


def test_what_is_gone_already_need_not_be_taken_away(raw):
    path = write_frame(raw)
    seen = Identity.of(path.stat())
    path.unlink()
    assert take_away(str(path), seen)


def test_a_file_whose_name_is_taken_while_it_is_looked_at_keeps_another_one(raw, monkeypatch):
    path = write_frame(raw, 1)
    publish = keeping.publish

    def overtaken(staged: Path, target: Path) -> None:
        write_frame(raw, 3, name=target.name)
        publish(staged, target)

    monkeypatch.setattr(keeping, "publish", overtaken)
    content = path.read_bytes()
    assert not take_away(str(path), Identity(1, 2, 3))
    assert content in [one.read_bytes() for one in raw.iterdir()]
    assert len(list(raw.glob("*.fits"))) == 2


def test_a_symbolic_link_is_taken_away_and_what_it_leads_to_kept(raw, root, tmp_path):
    target = write_frame(tmp_path / "elsewhere")
    raw.mkdir()
    link = raw / target.name
    link.symlink_to(target)
    source, archive = source_of(link), Archive(Mode.MOVE, root)
    found = archive.keep(frame_of(link), source)
    assert isinstance(found, Kept)
    assert archive.release(source, found) == ""
    assert (link.is_symlink(), target.exists(), kept(found).is_symlink()) == (False, True, False)


def test_a_name_that_was_given_in_vain_is_taken_back_and_others_are_not(raw, root):
    path = write_frame(raw)
    archive = Archive(Mode.MOVE, root)
    found = archive.keep(frame_of(path), source_of(path))
    assert isinstance(found, Kept)
    undo(Kept(found.path, new=False))
    assert Path(found.path).exists()
    undo(found)
    assert not Path(found.path).exists()


def test_a_link_that_leads_nowhere_can_be_taken_away(raw):
    raw.mkdir()
    (raw / "lost.fits").symlink_to(raw / "nosuch.fits")
    assert take_away(str(raw / "lost.fits"), Identity.of((raw / "lost.fits").lstat()))
    assert list(raw.iterdir()) == []


def test_a_file_that_cannot_be_taken_away_stays_and_that_is_told(raw, root, monkeypatch):
    path = write_frame(raw)
    source, archive = source_of(path), Archive(Mode.MOVE, root)
    found = archive.keep(frame_of(path), source)

    def refuse(*_: object) -> bool:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(keeping, "take_away", refuse)
    assert isinstance(found, Kept)
    assert "cannot be removed (Permission denied)" in archive.release(source, found)
    assert path.exists()


@pytest.mark.parametrize(("code", "matters"), [(errno.EINVAL, False), (errno.EIO, True)])
def test_a_directory_that_cannot_be_synchronised_matters_if_the_disk_fails(tmp_path, monkeypatch, code, matters):
    def fail(_: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(keeping.os, "fsync", fail)
    with pytest.raises(OSError, match="Input/output") if matters else nullcontext():
        sync_directory(tmp_path)


def test_a_file_that_is_gone_is_held_by_nothing(raw):
    path = write_frame(raw)
    source = source_of(path)
    assert not holds(raw / "nosuch.fits", source)
    assert not holds(write_frame(raw, 2), Source(str(path), source.identity))
    assert holds(path, source)


# What cannot be used


@pytest.mark.parametrize("mode", list(Mode))
def test_what_cannot_be_used_is_set_aside_with_its_reason_beside_it(raw, root, tmp_path, mode):
    path = raw / "N1.fits"
    raw.mkdir()
    path.write_bytes(b"cut short")
    aside, archive = tmp_path / "aside", Archive(mode, root, tmp_path / "aside")
    source = Source(str(path), Identity.of(path.stat()))
    found = archive.set_aside(source, "truncated", "N1.fits: it ends; wait")
    assert isinstance(found, Kept)
    assert archive.release(source, found) == ""
    told = json.loads((aside / "N1.fits.reason.json").read_text())
    assert (told["code"], told["reason"], told["path"]) == ("truncated", "N1.fits: it ends; wait", str(path))
    assert (aside / "N1.fits").exists() == (mode is not Mode.IN_PLACE)
    assert path.exists() == (mode is not Mode.MOVE)
    assert not [one for one in aside.iterdir() if one.name.startswith(".") and one.name != STAGE]


def test_two_files_of_a_name_are_set_aside_side_by_side(raw, root, tmp_path):
    archive = Archive(Mode.MOVE, root, tmp_path / "aside")
    for number in (1, 2):
        path = write_frame(raw, number, name="N1.fits")
        archive.set_aside(Source(str(path), Identity.of(path.stat())), "keyword", f"reason {number}")
    assert json.loads((tmp_path / "aside" / "N1.v2.fits.reason.json").read_text())["reason"] == "reason 2"
    assert (tmp_path / "aside" / "N1.fits").read_bytes() != (tmp_path / "aside" / "N1.v2.fits").read_bytes()


def test_a_quarantine_that_cannot_be_written_is_told(raw, root, tmp_path):
    (tmp_path / "aside").touch()
    path = write_frame(raw)
    found = Archive(Mode.IN_PLACE, root, tmp_path / "aside").set_aside(source_of(path), "keyword", "reason")
    assert isinstance(found, NotKept)
    assert str(tmp_path / "aside") in found.reason


def test_without_a_quarantine_everything_stays_where_it_is(raw, root):
    path = write_frame(raw)
    assert Archive(Mode.MOVE, root).set_aside(source_of(path), "keyword", "reason") == Kept(str(path))
    assert path.exists()


def test_copies_that_a_dead_process_left_are_removed_after_a_day(root):
    (root / STAGE).mkdir(parents=True)
    (root / STAGE / "0123").touch()
    archive = Archive(Mode.MOVE, root)
    assert archive.sweep(time.time()) == 0
    assert archive.sweep(time.time() + 2 * 86400) == 1
    assert Archive(Mode.MOVE, root / "nosuch").sweep(0.0) == 0
