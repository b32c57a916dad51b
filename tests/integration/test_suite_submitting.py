"""Reductions handed to the suite: the job is what `reduce` would have done, and is followed to its end."""

from __future__ import annotations

import json
import threading
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from nightcrew.calmanager.database import CALIBRATION
from nightcrew.calmanager.desk import ManagerDesk
from nightcrew.calmanager.files import FileStore
from nightcrew.calmanager.manager import CalibrationManager
from nightcrew.planner.by_hand import HandedIn, hand_in_by_hand
from nightcrew.reducer.engine.digests import Digests
from nightcrew.reducer.worker.endings import concluded
from nightcrew.reducer.worker.performing import perform
from nightcrew.reducer.worker.requests import BadRequest, read_request
from nightcrew.reducer.worker.wire import Order
from nightcrew.shared.calibration_desk import Turn
from nightcrew.shared.calibrations import CouldNotAsk
from nightcrew.shared.ledger import LEDGER, JobState, browsing, claims, jobs
from nightcrew.shared.ledger.records import Claim, NewProduct
from nightcrew.shared.messages import JobClass
from nightcrew.shared.outcomes import Outcome, Status
from support.command import nightcrew
from support.frames import write_niri
from support.ledgers import new_product
from support.niri_masters import master_dark
from support.reducers import request_of
from support.runs import DARK

if TYPE_CHECKING:
    from nightcrew.reducer.worker.wire import Finished
    from nightcrew.shared.ledger.records import JobRow

__all__ = ["nightcrew"]

NAMES = tuple(f"N20160102S{number:04d}.fits" for number in (423, 424, 425))
EPOCH = {"SOURCE_DATE_EPOCH": "1700000000"}


@pytest.fixture(scope="module")
def schemas():
    return (LEDGER, CALIBRATION)


@pytest.fixture
def work(database, postgres_url, tmp_path, monkeypatch) -> Path:
    """Return the working directory, with three darks."""
    monkeypatch.setenv("NIGHTCREW_DATABASE_URL", postgres_url)
    monkeypatch.chdir(tmp_path)
    for number, name in enumerate(NAMES):
        pixels = np.random.default_rng(number).normal(100.0, 5.0, (256, 256)).astype(np.float32)
        write_niri(tmp_path / name, pixels, **DARK)
    return tmp_path


def only_job(database):
    with database.begin() as connection:
        (job,) = jobs.listing(connection)
    return job


def test_the_job_names_files_recipe_and_parameters_and_its_number_is_printed(work, database, nightcrew):
    said = nightcrew("submit", *NAMES, "-p", "stackDarks:operation=median", "addDQ:latency=False")
    assert said.code == 0, said.err
    job = only_job(database)
    assert said.out == f"{job.id}\n"
    assert (job.state, job.job_class, job.recipe) == (JobState.QUEUED, JobClass.CALIBRATION, "makeProcessedDark")
    assert (job.night, job.instrument) == (date(2016, 1, 1), "NIRI")
    request = read_request(job.request)
    assert [file.path for file in request.files] == [work / name for name in NAMES]
    assert request.parameters == {"stackDarks:operation": "median", "addDQ:latency": "False"}
    assert (request.name, request.provides) == ("makeProcessedDark-N20160102S0423", "processed_dark")


def test_a_reducer_makes_of_it_what_reduce_makes(work, database, nightcrew, monkeypatch):
    monkeypatch.setenv(*next(iter(EPOCH.items())))
    assert nightcrew("reduce", *NAMES, "--logmode", "quiet").code == 0
    assert nightcrew("reduce", "--submit", *NAMES).code == 0
    performed(only_job(database), work / "out")
    name = "N20160102S0423_dark.fits"
    assert (work / "out" / name).read_bytes() == (work / "calibrations" / "processed_dark" / name).read_bytes()


def test_calibrations_are_chosen_when_it_is_submitted_and_named_by_their_places(work, database, nightcrew):
    write_niri(work / "N20160102S0270.fits", np.full((256, 256), 100.0, np.float32))
    master_dark(work / "calibrations" / "processed_dark" / "N20160102S0423_dark.fits")
    (work / "mask.fits").write_bytes(b"")
    answer = nightcrew("submit", "N20160102S0270.fits", "--ql", "-p", "addDQ:user_bpm=mask.fits")
    assert answer.code == 0, answer.err
    request = read_request(only_job(database).request)
    assert request.mode == "ql"
    assert request.parameters == {"addDQ:user_bpm": str(work / "mask.fits")}
    (dark,) = request.calibrations
    assert (dark.caltype, dark.path.name, len(dark.md5)) == ("processed_dark", "N20160102S0423_dark.fits", 32)
    assert dark.path.is_absolute()


def test_a_recipe_of_ones_own_is_named_by_the_path_of_its_file(work, database, nightcrew):
    (work / "mine.py").write_text("def short(p):\n    p.prepare()\n")
    assert nightcrew("submit", *NAMES, "-r", "mine.short").code == 0
    assert only_job(database).request["recipe"] == str(work / "mine.short")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nothing.fits",), "nothing.fits"),
        ((NAMES[0], "-p", "prepare:nonsense=1"), "nonsense"),
        ((NAMES[0], "-r", "bakeBread"), "no recipe or primitive named bakeBread"),
        ((), "NO INPUT FILE(s) specified"),
    ],
)
def test_what_cannot_be_reduced_is_refused_and_nothing_is_queued(words, said, work, database, nightcrew):
    answer = nightcrew("submit", *words)
    assert answer.code != 0
    assert answer.out == ""
    assert said in answer.err
    with database.begin() as connection:
        assert jobs.listing(connection) == []


@pytest.mark.parametrize("command", [("submit",), ("reduce", "--submit")])
def test_a_suffix_ends_the_names_of_the_suites_products_too(command, work, database, nightcrew, monkeypatch):
    monkeypatch.setenv(*next(iter(EPOCH.items())))
    assert nightcrew("reduce", *NAMES, "--suffix", "_mine", "--logmode", "quiet").code == 0
    assert nightcrew(*command, *NAMES, "--suffix", "_mine").code == 0
    finished = performed(only_job(database), work / "out")
    assert finished.outcome.products == ("N20160102S0423_mine.fits",)
    (name,) = finished.outcome.products
    assert (work / "out" / name).read_bytes() == (work / name).read_bytes()


def test_an_ending_that_leads_elsewhere_is_refused(work, database, nightcrew):
    assert nightcrew("submit", *NAMES, "--suffix", "/../mine").code == 2
    with pytest.raises(BadRequest, match="suffix"):
        read_request({**performable(), "suffix": "/../mine"})


def performable() -> dict[str, Any]:
    """Return a request that a reducer would carry out."""
    return request_of([Path("N1.fits")], [None])


def performed(job: JobRow, out: Path) -> Finished:
    """Do a job as the child of a reducer does."""
    out.mkdir()
    order = Order(request=dict(job.request), directory=out, budget=10**9, threads=1, hashes={}, last=True)
    finished = perform(order, lambda event: None, Digests(), EPOCH)
    assert finished.outcome.status is Status.SUCCEEDED, finished.outcome
    return finished


def committed(database, out: Path) -> JobRow:
    """Do the only job, and commit it as a reducer does; return it."""
    job = only_job(database)
    with database.begin() as connection:
        held = claims.claim(connection, job.id, "reducer-1")
        assert isinstance(held, Claim)
        end = concluded(performed(job, out))
        made = [NewProduct(one.name, one.kind, str(out / one.name), one.sha256, one.md5, one.size) for one in end.made]
        claims.commit(connection, held, end.outcome, made, record=dict(end.record))
    return only_job(database)


def test_a_master_made_by_hand_is_judged_once_and_given_out(work, database, nightcrew):
    desk = ManagerDesk(CalibrationManager.open(database, files=FileStore(work / "store")))
    assert nightcrew("submit", *NAMES, "--suffix", "_mine").code == 0
    assert hand_in_by_hand(database, desk) == []
    job = committed(database, work / "out")
    assert hand_in_by_hand(database, desk) == [HandedIn("N20160102S0423_mine.fits")]
    assert hand_in_by_hand(database, desk) == []
    (certified,) = desk.changes(0)
    assert (certified.turn, certified.name, certified.caltype) == (
        Turn.CERTIFIED, "N20160102S0423_mine.fits", "processed_dark",
    )  # fmt: skip
    assert only_job(database).outcome == {**job.outcome, "master": {"id": certified.id, "reason": ""}}
    assert f"certified, number {certified.id}" in nightcrew("jobs", "show", str(job.id)).out


def test_a_manager_that_cannot_be_asked_is_asked_again_about_masters_made_by_hand(work, database, nightcrew):
    manager = CalibrationManager.open(database, files=FileStore(work / "store"))
    assert nightcrew("submit", *NAMES).code == 0
    committed(database, work / "out")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ManagerDesk, "submit", lambda *_: CouldNotAsk("it is gone"))
        assert hand_in_by_hand(database, ManagerDesk(manager)) == CouldNotAsk("it is gone")
    assert hand_in_by_hand(database, ManagerDesk(manager)) == [HandedIn("N20160102S0423_dark.fits")]


def test_a_master_made_by_hand_that_the_gates_refuse_says_so_with_its_job(work, database, nightcrew):
    for name in NAMES:
        write_niri(work / name, np.full((256, 256), 8000.0, np.float32), **DARK)
    desk = ManagerDesk(CalibrationManager.open(database, files=FileStore(work / "store")))
    assert nightcrew("submit", *NAMES).code == 0
    committed(database, work / "out")
    (told,) = hand_in_by_hand(database, desk)
    assert told.reason
    assert desk.changes(0) == ()
    assert only_job(database).outcome["master"]["reason"] == told.reason


def test_who_does_not_want_a_master_given_out_keeps_it(work, database, nightcrew):
    desk = ManagerDesk(CalibrationManager.open(database, files=FileStore(work / "store")))
    assert nightcrew("reduce", "--submit", *NAMES, "--no-certify").code == 0
    committed(database, work / "out")
    assert hand_in_by_hand(database, desk) == []
    assert desk.changes(0) == ()


def test_a_recipe_of_ones_own_that_stores_a_master_makes_one(work, database, nightcrew):
    body = "".join(f"    p.{one}()\n" for one in ("prepare", "addDQ", "ADUToElectrons", "addVAR", "stackDarks"))
    (work / "mine.py").write_text(f"def short(p):\n{body}    p.storeProcessedDark()\n")
    assert nightcrew("submit", *NAMES, "-r", "mine.short").code == 0
    assert only_job(database).request["provides"] == "processed_dark"
    desk = ManagerDesk(CalibrationManager.open(database, files=FileStore(work / "store")))
    committed(database, work / "out")
    assert [one.name for one in hand_in_by_hand(database, desk)] == ["N20160102S0423_dark.fits"]


@pytest.mark.parametrize(
    ("outcome", "code", "said"),
    [
        (Outcome(Status.SUCCEEDED), 0, "succeeded"),
        (Outcome(Status.UNPROCESSABLE, "darks of two shapes", code="shape"), 1, "darks of two shapes"),
    ],
)
def test_who_waits_learns_how_it_ends(outcome, code, said, work, database, nightcrew):
    made = [new_product("N20160102S0423_dark.fits")] if outcome.ok else []
    reducer = threading.Thread(target=_reduce_first, args=(database, outcome, made))
    reducer.start()
    answer = nightcrew("submit", *NAMES, "--wait")
    reducer.join()
    assert answer.code == code
    assert said in answer.err
    assert (made[0].path in answer.out) if made else ("submit: error: darks of two shapes" in answer.err)


def test_who_waits_for_json_gets_one_document_with_the_products(work, database, nightcrew):
    reducer = threading.Thread(
        target=_reduce_first, args=(database, Outcome(Status.SUCCEEDED), [new_product("x.fits")])
    )
    reducer.start()
    answer = nightcrew("reduce", "--submit", *NAMES, "--wait", "--json")
    reducer.join()
    document = json.loads(answer.out)
    assert (document["state"], document["products"][0]["name"]) == ("succeeded", "x.fits")


def _reduce_first(database, outcome, made) -> None:
    """Do the first job that comes."""
    while True:
        with database.begin() as connection:
            queued = browsing.list_jobs(connection, browsing.Wanted(states=frozenset({JobState.QUEUED})))
        if queued:
            break
        threading.Event().wait(0.05)
    with database.begin() as connection:
        held = claims.claim(connection, queued[0].id, "reducer-1")
        assert isinstance(held, Claim)
        claims.commit(connection, held, outcome, made)
