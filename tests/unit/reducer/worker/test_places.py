from __future__ import annotations

import os
from dataclasses import replace
from datetime import date
from pathlib import Path
from uuid import uuid4

import pytest

from nightcrew.reducer.worker.committing import Fate, fate, rows_of
from nightcrew.reducer.worker.keeping import OnDisk
from nightcrew.reducer.worker.places import Places, Workspace
from nightcrew.reducer.worker.wire import Made
from nightcrew.shared.errors import ServiceError
from nightcrew.shared.ledger import JobState
from nightcrew.shared.ledger.records import ProductRow
from support.reducers import JOB

NIGHT = date(2016, 1, 2)


@pytest.fixture
def places(tmp_path) -> Places:
    found = Places(tmp_path / "products", tmp_path / "scratch")
    found.prepare()
    return found


def written(places: Places, workspace: Workspace, content: str) -> Path:
    """Let a child write a product and have it moved; return where it is kept."""
    places.open(workspace)
    (places.output(workspace) / "N1.fits").write_text(content)
    places.keep(workspace)
    return places.kept(workspace) / "N1.fits"


def test_the_name_of_a_workspace_can_be_read_again_and_no_other_name_can():
    workspace = Workspace.new(uuid4(), 2)
    assert Workspace.parse(workspace.name) == workspace
    assert Workspace.new(workspace.job, 2) != workspace
    for name in ("", "lost+found", "a.b.c", f"{workspace.job}.2", f"{workspace.name}.x", f"{workspace.job}.02.ab"):
        assert Workspace.parse(name) is None


def test_a_product_moves_as_a_whole_and_has_a_public_name_of_its_own(places):
    workspace = Workspace.new(uuid4(), 1)
    kept = written(places, workspace, "first")
    public = places.public(NIGHT, "N1.fits")
    assert public == places.products / "20160102" / "N1.fits"
    places.show(workspace, {public: kept})
    places.show(workspace, {public: kept})
    assert public.read_text() == "first"
    assert not public.is_symlink()
    places.close(workspace)
    assert list(places.workspaces()) == []
    assert list(public.parent.iterdir()) == [public]


def test_a_later_product_takes_the_name_and_the_earlier_one_stays(places):
    public = places.public(NIGHT, "N1.fits")
    one, two = Workspace.new(uuid4(), 1), Workspace.new(uuid4(), 1)
    first, second = written(places, one, "first"), written(places, two, "second")
    places.show(one, {public: first})
    places.show(two, {public: second})
    assert (public.read_text(), first.read_text()) == ("second", "first")


def test_where_there_are_no_hard_links_the_public_name_is_a_symbolic_one(places, monkeypatch):
    def refuse(*_: object) -> None:
        raise PermissionError

    workspace = Workspace.new(uuid4(), 1)
    kept = written(places, workspace, "first")
    monkeypatch.setattr(os, "link", refuse)
    public = places.public(NIGHT, "N1.fits")
    places.show(workspace, {public: kept})
    assert public.is_symlink()
    assert public.read_text() == "first"


def test_a_product_that_is_gone_is_told(places):
    workspace = Workspace.new(uuid4(), 1)
    with pytest.raises(ServiceError, match="is in the ledger, and not on disk"):
        places.show(workspace, {places.public(NIGHT, "N1.fits"): places.kept(workspace) / "N1.fits"})


def test_what_is_discarded_leaves_nothing_and_spares_the_other_attempts(places):
    job = uuid4()
    one, two = Workspace.new(job, 1), Workspace.new(job, 1)
    first, second = written(places, one, "first"), written(places, two, "second")
    places.discard(one)
    assert not first.exists()
    assert second.read_text() == "second"
    places.discard(two)
    places.discard(two)
    assert list((places.products / ".jobs").iterdir()) == []
    assert list(places.scratch.iterdir()) == []


def test_what_a_reducer_cannot_make_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ServiceError, match="cannot be written"):
        Places(tmp_path / "file", tmp_path / "scratch").prepare()


OURS = Workspace(JOB.id, 2, "0badcafe")


def product(workspace: Workspace) -> ProductRow:
    path = f"/products/.jobs/{workspace.job}/{workspace.kept_name}/N1.fits"
    return ProductRow(1, workspace.job, workspace.attempt, "N1.fits", "image", path, "", "", 0, False, None, None)


@pytest.mark.parametrize(
    ("job", "committed", "expected"),
    [
        (None, [], Fate.KEEP),
        (JOB, [], Fate.KEEP),
        (replace(JOB, attempt=3), [], Fate.DISCARD),
        (replace(JOB, state=JobState.RETRY), [], Fate.DISCARD),
        (replace(JOB, state=JobState.QUEUED), [], Fate.DISCARD),
        (replace(JOB, state=JobState.SUCCEEDED), [product(OURS)], Fate.FINISH),
        (replace(JOB, state=JobState.SUPERSEDED), [product(OURS)], Fate.FINISH),
        (replace(JOB, state=JobState.SUCCEEDED), [], Fate.DISCARD),
        (replace(JOB, state=JobState.SUCCEEDED), [product(Workspace(JOB.id, 2, "00000000"))], Fate.DISCARD),
        (replace(JOB, state=JobState.FAILED), [], Fate.DISCARD),
    ],
)
def test_the_files_of_an_attempt_go_where_the_ledger_says(job, committed, expected):
    assert fate(job, OURS, committed) is expected


def test_rows_name_the_place_where_the_files_stay(places):
    made = Made(name="N1.fits", kind="image", sha256="ab", md5="cd", size=3)
    (row,) = rows_of(OnDisk(places), OURS, [made])
    assert row.path == str(places.products / ".jobs" / str(JOB.id) / "2-0badcafe" / "N1.fits")
    assert (row.name, row.kind, row.size) == ("N1.fits", "image", 3)
