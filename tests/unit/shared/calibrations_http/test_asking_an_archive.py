"""A server of the archive's protocol as a source: what is sent, what is fetched, kept and refused."""

from __future__ import annotations

import json
import os
import re
import socket
from contextlib import closing

import pytest

from nightcrew.shared.calibrations import CouldNotAsk, Found, NotFound
from nightcrew.shared.calibrations_http import Cache, ManagerClient, Server, ServerCalibrations
from nightcrew.shared.calibrations_http import archive as protocol
from nightcrew.shared.calibrations_http.manager import NotAManager
from nightcrew.shared.calibrations_http.server import Refused
from nightcrew.shared.downloads import is_download
from support.archive import archive_server, unused_url
from support.reference import require_reference
from support.runs import niri_frame

DARK = "processed_dark"
NAME = "N20160102S0423_dark.fits"


@pytest.fixture
def archive():
    with archive_server() as running:
        running.files[NAME] = b"a dark" * 1000
        running.answers[DARK] = [NAME]
        yield running


@pytest.fixture
def source(archive, tmp_path):
    with closing(Server(archive.url)) as server:
        yield ServerCalibrations(server, Cache(tmp_path / "calibrations"))


def test_what_the_archive_chooses_is_fetched_once(archive, source, tmp_path):
    frame = niri_frame("N1_varAdded.fits")
    found = source.find(frame, DARK)
    path = tmp_path / "calibrations" / DARK / NAME
    assert found == Found(path, archive.url, "the archive's choice, data label GN-1")
    assert path.read_bytes() == archive.files[NAME]
    assert is_download(path)
    assert source.find(frame, DARK) == found
    assert archive.downloads == [NAME]
    assert archive.asked[0][0] == f"/jsoncalmgr/{DARK}/sq/N1_varAdded.fits"


def test_a_frame_is_described_by_its_tags_and_all_descriptors(archive, source):
    source.find(niri_frame("N1.fits"), DARK)
    body = archive.asked[0][1]
    assert set(body) == {"tags", "descriptors"}
    assert "NIRI" in body["tags"]
    told = body["descriptors"]
    assert (told["data_section"], told["ut_datetime"]) == ([0, 256, 0, 256], "2016-01-02T09:10:00")
    assert (told["detector_binning"], told["gcal_lamp"]) == ("1x1", None)
    assert not {"gain", "read_noise", "saturation_level", "non_linear_level"} & set(told)


@pytest.mark.reference
def test_the_descriptors_are_those_that_dragons_sends(archive, source):
    scenarios = json.loads(require_reference("spec", "examples", "association.json").read_text())
    sent = next(one["descriptors"] for one in scenarios["targets"] if "NIRI" in one["tags"])
    source.find(niri_frame("N1.fits"), DARK)
    assert set(sent) <= set(archive.asked[0][1]["descriptors"])


def test_an_archive_without_an_answer_has_none(archive, source):
    answer = source.find(niri_frame("N1.fits"), "processed_flat")
    assert answer == NotFound(f"no processed_flat for N1.fits in {archive.url}")


def test_a_file_that_is_not_what_was_announced_is_not_used(archive, source, tmp_path):
    archive.lies.add(NAME)
    answer = source.find(niri_frame("N1.fits"), DARK)
    assert isinstance(answer, CouldNotAsk)
    assert re.fullmatch(rf"{archive.url}/file/{NAME}: not used, its MD5 is [0-9a-f]+, announced was 0+", answer.reason)
    assert list((tmp_path / "calibrations" / DARK).iterdir()) == []


def test_a_transfer_that_breaks_off_leaves_nothing(archive, source, tmp_path):
    archive.broken.add(NAME)
    answer = source.find(niri_frame("N1.fits"), DARK)
    assert isinstance(answer, CouldNotAsk)
    assert answer.reason.startswith(f"{archive.url}: cannot be asked")
    assert list((tmp_path / "calibrations" / DARK).iterdir()) == []
    archive.broken.clear()
    assert isinstance(source.find(niri_frame("N1.fits"), DARK), Found)


def test_a_copy_that_was_damaged_is_fetched_again(archive, source, tmp_path):
    source.find(niri_frame("N1.fits"), DARK)
    path = tmp_path / "calibrations" / DARK / NAME
    path.write_bytes(b"damaged")
    assert source.find(niri_frame("N1.fits"), DARK).path == path
    assert path.read_bytes() == archive.files[NAME]
    assert archive.downloads == [NAME, NAME]


def test_a_master_made_here_is_not_overwritten_by_its_namesake(archive, source, tmp_path):
    own = tmp_path / "calibrations" / DARK / NAME
    own.parent.mkdir(parents=True)
    own.write_bytes(b"my own dark")
    found = source.find(niri_frame("N1.fits"), DARK)
    assert own.read_bytes() == b"my own dark"
    assert found.path.parent.parent == own.parent
    assert found.path.read_bytes() == archive.files[NAME]
    own.write_bytes(archive.files[NAME])
    assert source.find(niri_frame("N1.fits"), DARK).path == own


@pytest.mark.parametrize("name", ["../x.fits", ".hidden.fits", "x.txt", "a b.fits", "a%2fb.fits"])
def test_a_name_that_leads_elsewhere_is_refused(archive, source, tmp_path, name):
    cals = [{"label": "x", "name": name, "md5": "0" * 32, "url": f"{archive.url}/file/x%2f{name}"}]
    archive.document = [{"cal_info": [{"error": False, "cals": cals}]}]
    answer = source.find(niri_frame("N1.fits"), DARK)
    if name == "../x.fits":  # the last part of the path is a name like others
        assert isinstance(answer, CouldNotAsk)
        assert "404" in answer.reason
    assert not isinstance(answer, Found)
    assert not (tmp_path / "x.fits").exists()


@pytest.mark.parametrize(
    "document",
    [{}, [], [{}], [{"cal_info": []}, {}], [{"cal_info": [{"cals": [{"url": "u"}]}]}], "text", [{"cal_info": [None]}]],
)
def test_an_answer_that_makes_no_sense_is_no_answer(archive, source, document):
    archive.document = document
    answer = source.find(niri_frame("N1.fits"), DARK)
    assert isinstance(answer, CouldNotAsk)
    assert archive.url in answer.reason


def test_files_of_the_own_disk_are_not_taken_from_an_archive(archive, source):
    cals = [{"label": "x", "name": "passwd.fits", "md5": "0" * 32, "url": "file:///etc/passwd.fits"}]
    archive.document = [{"cal_info": [{"error": False, "cals": cals}]}]
    assert isinstance(source.find(niri_frame("N1.fits"), DARK), NotFound)


def test_a_failed_query_is_not_the_same_as_none(archive, source):
    archive.document = [{"cal_info": [{"error": True, "cals": None}]}]
    assert isinstance(source.find(niri_frame("N1.fits"), DARK), CouldNotAsk)


def test_a_file_that_is_announced_and_not_there_is_told(archive, source, tmp_path):
    archive.answers[DARK] = ["N9_dark.fits"]
    archive.files["N9_dark.fits"] = b""
    answer_document = archive.answer(f"/jsoncalmgr/{DARK}/sq/x", b"{}")[2]
    del archive.files["N9_dark.fits"]
    archive.document = json.loads(answer_document)
    answer = source.find(niri_frame("N1.fits"), DARK)
    assert answer == CouldNotAsk(f"{archive.url}: no such file (HTTP 404)")
    assert not (tmp_path / "calibrations").exists()


def test_a_server_that_is_down_is_named_and_left_alone_for_a_while(tmp_path):
    now = [0.0]
    url = unused_url()
    with closing(Server(url)) as server, archive_server() as archive:
        source = ServerCalibrations(server, Cache(tmp_path), monotonic=lambda: now[0])
        answer = source.find(niri_frame("N1.fits"), DARK)
        assert isinstance(answer, CouldNotAsk)
        assert answer.reason.startswith(f"{url}: cannot be asked (")
        server.url = archive.url
        assert source.find(niri_frame("N1.fits"), DARK) == answer
        now[0] = 61.0
        assert isinstance(source.find(niri_frame("N1.fits"), DARK), NotFound)


def test_a_server_that_is_busy_is_asked_later(archive, source):
    archive.failing = 503
    answer = source.find(niri_frame("N1.fits"), DARK)
    assert answer == CouldNotAsk(f"{archive.url}: the archive is being moved (HTTP 503); try again later")


def test_a_server_that_does_not_answer_is_not_waited_for(tmp_path):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with closing(Server(url, timeout=0.1)) as server:
            answer = ServerCalibrations(server, Cache(tmp_path)).find(niri_frame("N1.fits"), DARK)
    assert answer == CouldNotAsk(f"{url}: no answer in time; check that the server is well, then try again")


def test_an_upload_goes_with_the_cookie_of_the_configuration(archive, tmp_path):
    path = tmp_path / NAME
    path.write_bytes(b"master")
    with closing(Server(archive.url, cookie="the-secret")) as server:
        protocol.upload(server, path)
    assert archive.uploads == {NAME: (b"master", "gemini_fits_upload_auth=the-secret")}
    assert "the-secret" not in repr(server)


def test_an_upload_that_is_refused_says_why(archive, tmp_path):
    (tmp_path / NAME).write_bytes(b"master")
    archive.failing = 403
    with closing(Server(archive.url)) as server, pytest.raises(Refused, match="being moved.*403.*TOKEN"):
        protocol.upload(server, tmp_path / NAME)


def test_the_token_of_a_server_goes_to_no_other(archive):
    with (
        closing(Server("http://127.0.0.1:9", token="s3cret")) as server,
        server.stream(f"{archive.url}/file/{NAME}") as c,
    ):
        assert b"".join(c) == archive.files[NAME]
    assert "Authorization" not in archive.headers[-1]
    with closing(Server(archive.url, token="s3cret")) as server, server.stream(f"{archive.url}/file/{NAME}") as c:
        list(c)
    assert archive.headers[-1]["Authorization"] == "Bearer s3cret"
    assert "s3cret" not in repr(server)


def test_an_archive_is_no_calibration_manager(archive):
    with closing(Server(archive.url)) as server, pytest.raises(NotAManager, match="is no calibration manager"):
        ManagerClient(server).affected("x.fits")


def test_users_of_a_machine_share_downloads_within_a_limit(archive, tmp_path):
    shared = tmp_path / "shared"
    for number in range(3):
        archive.files[f"N{number}.fits"] = bytes([number]) * 1000
    with closing(Server(archive.url)) as server:
        for number in range(3):
            archive.answers[DARK] = [f"N{number}.fits"]
            cache = Cache(tmp_path / "jane" / "calibrations", shared, 2000)
            assert isinstance(ServerCalibrations(server, cache).find(niri_frame("N1.fits"), DARK), Found)
            os.utime(shared / f"N{number}.fits", (1e9 + number, 1e9))
        assert sorted(path.name for path in shared.iterdir()) == ["N1.fits", "N2.fits"]
        archive.downloads.clear()
        joe = ServerCalibrations(server, Cache(tmp_path / "joe" / "calibrations", shared, 2000))
        found = joe.find(niri_frame("N1.fits"), DARK)
    assert found.path == tmp_path / "joe" / "calibrations" / DARK / "N2.fits"
    assert archive.downloads == []


def test_a_shared_cache_that_cannot_be_written_stops_nobody(archive, tmp_path):
    (tmp_path / "shared").write_text("a file")
    with closing(Server(archive.url)) as server:
        source = ServerCalibrations(server, Cache(tmp_path / "calibrations", tmp_path / "shared"))
        assert isinstance(source.find(niri_frame("N1.fits"), DARK), Found)
