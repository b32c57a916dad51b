"""Which skies belong to a frame."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from nightcrew.reducer.sky.association import Limits, Pointing, all_others, associate

START = datetime(2016, 1, 2, 9)  # noqa: DTZ001  (descriptors carry no zone: UTC)


def pointing(name: str, seconds: float, east: float = 0.0, exposure: float | None = 20.0, setup: str = "J") -> Pointing:
    return Pointing(name, (150.0 + east / 3600, 0.0), START + timedelta(seconds=seconds), exposure, (setup,))


SKIES = [pointing(f"s{i}", 100.0 * i, east=300.0) for i in range(1, 8)]


@pytest.mark.parametrize(
    ("limits", "chosen"),
    [
        (Limits(350.0, 3.0), (0, 1, 2)),
        (Limits(350.0, 3.0, min_skies=5), (0, 1, 2, 3, 4)),
        (Limits(350.0, 3.0, min_skies=5, max_skies=2), (0, 1)),
        (Limits(50.0, 3.0, min_skies=0), ()),
        (Limits(50.0, 3.0, min_skies=None), ()),
        (Limits(1000.0, 3.0, max_skies=3), (0, 1, 2)),
        (Limits(1000.0, 301.0), ()),
    ],
)
def test_min_skies_outweighs_the_time_and_max_skies_outweighs_both(limits: Limits, chosen: tuple[int, ...]) -> None:
    assert associate(pointing("o", 0.0), SKIES, limits).skies == chosen


def test_skies_equally_near_in_time_go_by_their_order_and_are_listed_in_order_of_time() -> None:
    found = associate(pointing("o", 300.0), SKIES, Limits(1000.0, 3.0, max_skies=2))
    assert found.skies == (1, 2)


def test_a_frame_is_no_sky_of_its_own() -> None:
    frame = pointing("o", 0.0)
    assert associate(frame, [frame, *SKIES[:1]], Limits(600.0, 0.0)).skies == (1,)


@pytest.mark.parametrize("other", [{"setup": "K"}, {"exposure": 30.0}, {"exposure": None}])
def test_a_sky_has_the_configuration_and_the_exposure_of_its_frame(other) -> None:
    sky = pointing("s", 10.0, east=300.0, **other)
    assert associate(pointing("o", 0.0), [sky], Limits(600.0, 3.0)).skies == ()


def test_exposures_may_differ_by_a_hundredth_of_a_second() -> None:
    sky = pointing("s", 10.0, east=300.0, exposure=20.009)
    assert associate(pointing("o", 0.0), [sky], Limits(600.0, 3.0)).skies == (0,)


def test_the_user_hears_when_skies_are_far_in_time_or_few() -> None:
    assert "time limit is ignored" in associate(pointing("o", 0.0), SKIES, Limits(150.0, 3.0, min_skies=3)).remark
    assert "only 1 skies to be had" in associate(pointing("o", 0.0), SKIES[:1], Limits(150.0, 3.0, min_skies=3)).remark


def test_all_others_regards_neither_time_nor_configuration() -> None:
    others = [pointing("a", 9000.0, 300.0, 5.0, "K"), pointing("b", 10.0, 1.0), pointing("o", 0.0)]
    assert all_others(pointing("o", 0.0), others, 3.0).skies == (0,)
