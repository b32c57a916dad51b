from __future__ import annotations

from pathlib import Path

import pytest

from nightcrew.planner.core.requests import File, Provided, quick_look_request
from nightcrew.reducer.worker.requests import BadRequest, read_request
from support.reducers import request_of

FILES = [Path("/raw/N1.fits"), Path("/raw/N2.fits")]


def test_what_the_planner_writes_is_what_the_engine_gets():
    given = [
        {"caltype": "processed_bpm", "path": "/m/bpm.fits", "md5": "", "id": 3, "provisional": True, "reason": "near"}
    ]
    request = read_request(
        request_of(FILES, [1, None], parameters={"addDQ:user_bpm": "/m/bpm.fits"}, calibrations=given)
    )
    planned = request.planned()
    assert planned.files == tuple(FILES)
    assert planned.calibrations == {"processed_bpm": Path("/m/bpm.fits")}
    assert planned.reasons == {"processed_bpm": "near"}
    (setting,) = planned.request().user
    assert (setting.primitive, setting.name, setting.value) == ("addDQ", "user_bpm", "/m/bpm.fits")
    assert request.product_kind == "processed_dark"


def test_a_quick_look_makes_a_quick_look():
    given = Provided("processed_dark", "/m/dark.fits")
    request = read_request(quick_look_request("N1.fits", File("/raw/N1.fits", frame=1), [given]))
    assert request.product_kind == "quick-look"
    assert request.mode == "ql"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"version": 2}, "has version 2, and this reducer knows version 1"),
        ({"files": []}, "files: Tuple should have at least 1 item"),
        ({"mode": "fast"}, "mode: Input should be"),
        ({"colour": "red"}, "colour: Extra inputs are not permitted"),
        ({"files": [{"name": "N1.fits"}]}, "files.0.path: Field required"),
    ],
)
def test_what_is_not_understood_is_named(changes, said):
    with pytest.raises(BadRequest, match=said):
        read_request(request_of(FILES, [1, 2], **changes))


@pytest.mark.parametrize("name", ["../N1.fits", "/etc/N1.fits", "a/N1.fits", "N1\0.fits", ""])
def test_no_name_of_a_request_leads_out_of_where_the_job_writes(name):
    for changes in ({"files": [{"name": name, "path": "/raw/N1.fits"}]}, {"product": name}, {"suffix": name}):
        with pytest.raises(BadRequest, match="String should match pattern"):
            read_request(request_of(FILES, [1, 2], **changes))


def test_a_request_without_a_version_is_none():
    with pytest.raises(BadRequest, match="version None"):
        read_request({})
