import pytest

from nightcrew.simulator import Pace, niri_night


class Watch:
    """A clock that looks into the directory whenever somebody waits."""

    def __init__(self, directory):
        self.directory, self.waited, self.sizes = directory, 0.0, []

    def sleep(self, seconds):
        self.waited += seconds
        self.sizes.append({p.name: p.stat().st_size for p in self.directory.glob("*.fits")})


@pytest.fixture
def night():
    return niri_night(size=256, frames=1)


def test_frames_appear_whole(night, tmp_path):
    night.write(tmp_path / "deep" / "night")
    found = {p.name for p in (tmp_path / "deep" / "night").iterdir()}
    assert found == {e.filename for e in night.exposures} | {"truth.json", "truth.npz"}


def test_with_a_cadence_files_grow_one_after_the_other(night, tmp_path):
    watch = Watch(tmp_path)
    night.write(tmp_path, pace=Pace(5.0, sleep=watch.sleep))
    assert watch.waited == pytest.approx(5.0 * 7)
    assert len(watch.sizes[0]) == 0
    first = [sizes[night.exposures[0].filename] for sizes in watch.sizes if night.exposures[0].filename in sizes]
    assert len(set(first)) == 8
    assert first == sorted(first)
    assert [len(sizes) for sizes in watch.sizes] == sorted(len(sizes) for sizes in watch.sizes)


def test_a_slow_night_has_the_bytes_of_a_fast_one(night, tmp_path):
    night.write(tmp_path / "fast")
    night.write(tmp_path / "slow", pace=Pace(0.0))
    for path in (tmp_path / "fast").iterdir():
        assert path.read_bytes() == (tmp_path / "slow" / path.name).read_bytes()


def test_the_night_itself_can_set_the_pace(night):
    gaps = list(Pace(accelerate=10.0).gaps(night.exposures))
    assert gaps[0] == 0.0
    assert gaps[1] == pytest.approx(24.0)  # target to sky: 4 minutes
    assert list(Pace(3.0, accelerate=2.0).gaps(night.exposures)) == [1.5] * 7
