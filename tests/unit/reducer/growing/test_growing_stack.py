"""A growing stack: who gets in, who does not, and that nothing is lost or counted twice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nightcrew.reducer.growing.report import Growth
from nightcrew.reducer.growing.stack import GrowingStack
from nightcrew.reducer.growing.verdict import Added, Excluded
from nightcrew.reducer.primitives.growing import RunTools
from nightcrew.shared.errors import FrameError, ServiceError
from support.fields import FLUX
from support.growing import SETTINGS, Site, taken, trailed, with_flux
from support.runs import running


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


def statuses(site, of=None):
    ledger, _ = site.state(of or taken(1))
    return {row.name[11:14]: str(row.status) for row in ledger}


def test_each_frame_makes_the_stack_deeper(site) -> None:
    sigma = []
    for number in range(1, 9):
        verdict = site.show(taken(number))
        assert isinstance(verdict, Added)
        assert verdict.frames == number
        plane = site.stack(taken(1)).planes[0]
        central = np.s_[24:-24, 24:-24]
        empty = (plane.objmask[central] == 0) & (plane.rejmap[central] == 0)
        sigma.append(np.std(plane.data[central][empty]) * np.sqrt(number / plane.header["NCVARFAC"]))
    assert sigma == pytest.approx([10.0] * 8, rel=0.15)


def test_the_product_says_what_is_in_it(site) -> None:
    verdicts = site.show_all(*map(taken, range(1, 6)), trailed(7))
    stack = site.stack(taken(1))
    plane = stack.planes[0]
    assert stack.filename == "N20160102S0001_growing.fits"
    assert [stack.phu[f"IMCMB{n:03d}"] for n in (1, 5)] == ["N20160102S0001.fits", "N20160102S0005.fits"]
    assert (stack.phu["NCOMBINE"], stack.phu["NCEXPTOT"], stack.phu["EXPTIME"]) == (5, 100.0, 20.0)
    assert stack.phu["NCEXCL01"] == "N20160102S0007.fits"
    assert stack.phu["SKYLEVEL"] == pytest.approx(1000, rel=0.01)
    assert plane.header["NCGAINEF"] == pytest.approx(5.0)
    assert plane.expmap.max() == 100
    assert plane.rejmap.dtype == np.int16
    assert len(plane.objcat.rows) >= 6
    assert plane.header["DATASEC"] == f"[1:{plane.shape[1]},1:{plane.shape[0]}]"
    assert plane.shape > (128, 128)
    assert len(stack.provenance) == 5
    assert [row.primitive for row in stack.history][-1] == "addToGrowingStack"
    assert [v.frame.skies for v in verdicts] == [0, 0, 0, 3, 4, 0]


def test_the_stars_keep_their_place_and_their_light(site) -> None:
    site.show_all(*map(taken, range(1, 8)))
    rows = site.stack(taken(1)).planes[0].objcat.rows
    assert np.sort(rows["FLUX_AUTO"])[-6:] == pytest.approx(FLUX, rel=0.03)
    ledger, _ = site.state(taken(1))
    for row in ledger.added[1:]:
        assert row.matched >= 5
        assert row.rms < 0.02
        assert row.transparency == pytest.approx(1.0, abs=0.03)


def test_a_frame_is_added_once(site) -> None:
    site.show_all(taken(1), taken(2))
    before = (site.directory / "N20160102S0001_growing.fits").read_bytes()
    again = site.show(taken(2))
    assert isinstance(again, Excluded)
    assert again.duplicate
    assert (site.directory / "N20160102S0001_growing.fits").read_bytes() == before
    other = site.show(taken(2, md5="something else"))
    assert "another file" in other.reason
    assert other.duplicate
    assert other.frames == 2


def test_a_new_process_goes_on_with_the_same_bits(tmp_path) -> None:
    frames = [1, 2, 3, 4, 5]
    products = []
    for name, restart in (("one", False), ("other", True)):
        (tmp_path / name).mkdir()
        site = Site(tmp_path / name)
        if restart:
            for number in frames:
                Site(site.directory).show(taken(number))
        else:
            with running(site.directory, taken(1)) as run:
                found = run.call("detectSources", [taken(n) for n in frames])
                stack = GrowingStack.of(found[0], site.directory, RunTools(run, ""), SETTINGS)
                for frame in found:
                    stack.add(frame)
        products.append(site.stack(taken(1)))
    one, other = products
    for name in ("data", "variance", "dq", "rejmap", "expmap", "objmask"):
        assert (getattr(one.planes[0], name) == getattr(other.planes[0], name)).all()
    assert one.tables["GROWTH"].rows.tobytes() == other.tables["GROWTH"].rows.tobytes()


class Failing(RunTools):
    """Tools of a run whose disk is full when the product is to be written."""

    def write(self, stack) -> Path:
        raise ServiceError("disk full")


def test_a_process_that_dies_before_the_product_is_written_changes_nothing(tmp_path) -> None:
    (tmp_path / "calm").mkdir()
    (tmp_path / "troubled").mkdir()
    calm, troubled = Site(tmp_path / "calm"), Site(tmp_path / "troubled")
    for number in range(1, 8):
        calm.show(taken(number))
        frame = taken(20 + number)
        with running(troubled.directory, frame) as run:
            (frame,) = run.call("detectSources", [frame])
            if number > 1:
                stack = GrowingStack.of(frame, troubled.directory, Failing(run, ""), SETTINGS)
                with pytest.raises(ServiceError):
                    stack.add(frame)
        troubled.show(taken(number))
    ours, theirs = calm.stack(taken(1)), troubled.stack(taken(1))
    assert (ours.planes[0].data == theirs.planes[0].data).all()
    assert sorted(p.name for p in calm.directory.rglob("*.fits")) == sorted(
        p.name for p in troubled.directory.rglob("*.fits")
    )


def test_a_trailed_frame_is_left_out_by_name_whenever_it_comes(tmp_path) -> None:
    for place in (0, 1, 3):
        (tmp_path / str(place)).mkdir()
        site = Site(tmp_path / str(place))
        frames = list(map(taken, range(1, 5)))
        frames.insert(place, trailed(8, 8.0))
        site.show_all(*frames)
        assert statuses(site) == {"001": "added", "002": "added", "003": "added", "004": "added", "008": "misshapen"}


def test_a_badly_trailed_first_frame_is_no_stack_at_all(site) -> None:
    verdict = site.show(trailed(8, 20.0))
    assert isinstance(verdict, Excluded)
    assert verdict.product == ""
    assert "trailed" in verdict.reason
    assert not list(site.directory.glob("*.fits"))
    assert site.show(trailed(8, 20.0)).duplicate
    assert site.show(taken(1)).frames == 1


@pytest.mark.parametrize("pixels", [(40.0, 30.0), (30.0, -20.0)])
def test_a_frame_with_a_wrong_wcs_is_left_out_by_name_whenever_it_comes(tmp_path, pixels) -> None:
    for place in (0, 1, 3):
        (tmp_path / str(place)).mkdir()
        site = Site(tmp_path / str(place))
        frames = list(map(taken, range(1, 5)))
        wrong = taken(8)
        wrong.planes[0].header["CRVAL1"] += pixels[0] * 0.1171 / 3600
        wrong.planes[0].header["CRVAL2"] += pixels[1] * 0.1171 / 3600
        frames.insert(place, wrong)
        verdicts = site.show_all(*frames)
        assert statuses(site) == {"001": "added", "002": "added", "003": "added", "004": "added", "008": "misplaced"}
        stack = site.stack(taken(1))
        assert stack.phu["NCEXCL01"] == "N20160102S0008.fits"
        assert np.sort(stack.planes[0].objcat.rows["FLUX_AUTO"])[-6:] == pytest.approx(FLUX, rel=0.05)
        dismissed = [gone for v in verdicts if isinstance(v, Added) for gone in v.dismissed]
        assert [gone.name for gone in dismissed] == (["N20160102S0008.fits"] if place == 0 else [])


def test_a_frame_whose_stars_are_elsewhere_cannot_be_aligned(site) -> None:
    moved = [(x * 0.8 + 10, 120 - y) for x, y in ((30, 40), (90, 35), (60, 80), (25, 100), (100, 95))]
    site.show(taken(1))
    verdict = site.show(taken(2, sources=moved))
    assert isinstance(verdict, Excluded)
    assert "fall on those of the stack" in verdict.reason


def test_a_frame_beside_the_field_shares_too_few_sources(site) -> None:
    site.show(taken(1))
    verdict = site.show(taken(2, p=10.0))
    assert isinstance(verdict, Excluded)
    assert "are needed to align it" in verdict.reason


def test_an_empty_frame_is_left_out_and_one_that_came_first_too(tmp_path) -> None:
    for order in ((1, 2, 3), (2, 1, 3)):
        (tmp_path / str(order[0])).mkdir()
        site = Site(tmp_path / str(order[0]))
        for number in order:
            site.show(taken(number, **({"sources": ()} if number == 2 else {})))
        assert statuses(site) == {"001": "added", "002": "empty", "003": "added"}


def test_a_field_without_sources_is_stacked_by_its_wcs(site) -> None:
    verdicts = site.show_all(*(taken(n, sources=()) for n in range(1, 4)))
    assert [v.frames for v in verdicts] == [1, 2, 3]
    assert verdicts[-1].frame.matched == 0


def test_a_frame_that_contradicts_the_stack_all_over_is_left_out(site) -> None:
    site.show_all(taken(1), taken(2), taken(3))
    frame = taken(4)
    frame.planes[0].data = frame.planes[0].data.copy()
    frame.planes[0].data[:, 84:] -= 300.0  # a shadow
    verdict = site.show(frame)
    assert isinstance(verdict, Excluded)
    assert "% of its pixels contradict the stack" in verdict.reason


def test_skies_beside_the_target_serve_as_skies_and_go_before_others(site) -> None:
    verdicts = site.show_all(*(taken(n, q=400.0, sources=()) for n in (11, 12, 13)), taken(1), taken(2), taken(3))
    assert [type(v).__name__ for v in verdicts] == ["Excluded"] * 3 + ["Added"] * 3
    assert "400 arcsec beside the target" in verdicts[0].reason
    assert [v.frame.skies for v in verdicts[3:]] == [3, 3, 3]
    assert site.stack(taken(1)).filename == "N20160102S0011_growing.fits"


def test_the_first_exposure_can_be_left_out(site) -> None:
    site.settings = replace(SETTINGS, drop_first=True)
    verdict = site.show(taken(1))
    assert "bias has not settled" in verdict.reason
    assert site.show(taken(2, DATALAB="GN-2016A-Q-1-1-002")).frames == 1


def test_two_sequences_in_one_directory_do_not_mix(site) -> None:
    site.show_all(taken(1), taken(2, FILTER1="H_G0203"), taken(3), taken(4, FILTER1="H_G0203"))
    assert sorted(p.name for p in site.directory.glob("*.fits")) == [
        "N20160102S0001_growing.fits",
        "N20160102S0002_growing.fits",
    ]
    assert site.stack(taken(1)).phu["NCOMBINE"] == 2


def test_the_window_holds_the_last_frames_only(site) -> None:
    site.settings = replace(SETTINGS, window=replace(SETTINGS.window, size=4))
    verdicts = site.show_all(*map(taken, range(1, 8)))
    assert [v.frame.skies for v in verdicts] == [0, 0, 0, 3, 4, 4, 4]
    kept = sorted(p.name for p in (site.directory / ".growing").rglob("N*.fits"))
    assert kept == [f"N20160102S{n:04d}.fits" for n in (4, 5, 6, 7)]


def test_a_window_that_somebody_has_cleared_fills_again(site) -> None:
    site.settings = replace(SETTINGS, window=replace(SETTINGS.window, size=3))
    site.show_all(*map(taken, range(1, 5)))
    for path in (site.directory / ".growing").rglob("*.fits"):
        path.unlink()
    verdicts = site.show_all(*map(taken, range(5, 10)))
    assert [v.frame.skies for v in verdicts] == [0, 0, 0, 3, 3]
    assert verdicts[-1].frames == 9


def test_clouds_are_noted(site) -> None:
    site.show_all(taken(1), taken(2))
    verdict = site.show(with_flux(3, 0.6 * FLUX))
    assert verdict.frame.transparency == pytest.approx(0.6, abs=0.03)
    assert isinstance(verdict, Added)


def read_and_written() -> int:
    lines = Path("/proc/self/io").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(("rchar", "wchar")))


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="needs /proc/self/io to count bytes")
def test_the_ninth_frame_moves_no_more_bytes_than_the_fourth(site) -> None:
    moved = []
    for number in range(1, 12):
        before = read_and_written()
        site.show(taken(number))
        moved.append(read_and_written() - before)
    assert moved[8] < 1.05 * moved[3]  # the canvas is a little larger, and the table has more rows
    assert moved[10] < 1.35 * moved[3]  # the window is full: the oldest frame is read once more, to leave it


def test_the_report_is_plain_data(site) -> None:
    verdicts = site.show_all(taken(1), taken(2), trailed(8))
    added, left_out = Growth.of(verdicts[1]), Growth.of(verdicts[2])
    assert added.as_dict()["frames"] == 2
    assert added.as_dict()["kind"] == "growth"
    assert "2 frames now (background from itself, " in str(added)
    assert left_out.added is False
    assert "not added to the stack: stars are trailed" in str(left_out)
    assert '"status": "misshapen"' in left_out.to_json()


def test_a_frame_of_two_extensions_is_refused(site) -> None:
    frame = taken(1)
    frame.planes.append(frame.planes[0].copy())
    with pytest.raises(FrameError, match="2 science extensions"):
        site.show(frame)


def test_a_frame_that_begins_the_stack_late_is_not_in_its_own_sky(site) -> None:
    wrong, trails = taken(8), [trailed(n) for n in (11, 12, 13)]
    wrong.planes[0].header["CRVAL2"] += 8.0 / 3600
    first, second = site.show_all(wrong, *trails, taken(1), taken(2))[-2:]
    assert isinstance(first, Excluded)
    assert isinstance(second, Added)
    ledger, _ = site.state(taken(1))
    assert [(row.name[11:14], row.skies) for row in ledger.added] == [("001", 4), ("002", 5)]
    assert second.dismissed[0].name == "N20160102S0008.fits"
    assert "agree about where their sources lie" in second.dismissed[0].reason


def test_frames_without_a_sky_or_facts_are_stacked_all_the_same(site) -> None:
    frames = [taken(n, sky=-50.0, AIRMASS=None, POFFSET=None) for n in range(1, 6)]
    verdicts = site.show_all(*frames)
    assert verdicts[-1].frames == 5
    assert [v.frame.skies for v in verdicts] == [0] * 5
    assert np.isnan(verdicts[-1].frame.east)
    bare = taken(6)
    bare.planes[0].variance = bare.planes[0].dq = None
    assert site.show(bare).frames == 6


def test_a_frame_eight_times_as_bright_is_not_believed(site) -> None:
    site.show_all(taken(1), taken(2))
    assert site.show(with_flux(3, 8.0 * FLUX)).frame.transparency == 1.0
