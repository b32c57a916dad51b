"""When a file is looked into: properties that hold whatever is seen, and whatever the clocks say."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.ingest.core.settling import Gone, Policy, Ready, Track, Verdict, Wait, judge, looked, observe
from nightcrew.shared.fits.containers import Identity

POLICY = Policy(settle=2.0, patience=10.0)
WHOLE = Identity(5760, 1_700_000_000_000_000_000, 7)

identities = st.builds(
    Identity, st.sampled_from([0, 2880, 5760]), st.sampled_from([0, 1, 2**62]), st.sampled_from([7, 8])
)
steps = st.floats(-5, 5, allow_nan=False)
histories = st.lists(st.tuples(steps, identities), min_size=1, max_size=30)


@dataclass
class Moment:
    now: float
    seen: Identity


def followed(history: list[tuple[float, Identity]]) -> tuple[Track, list[Moment]]:
    now, track, moments = 100.0, None, []
    for step, seen in history:
        now += step
        track = observe(track, seen, now)
        moments.append(Moment(now, seen))
    assert track is not None
    return track, moments


def look(track: Track, now: float, *, plain: bool = True) -> Verdict:
    return judge(track, track.seen, now, POLICY, plain=plain)


@given(histories, st.booleans())
def test_nothing_is_looked_into_that_was_not_the_same_twice_in_a_row(history, plain):
    track, moments = followed(history)
    if isinstance(look(track, moments[-1].now, plain=plain), Ready):
        assert moments[-1].seen == moments[-2].seen


@given(histories)
def test_what_is_compressed_has_not_changed_for_the_time_to_settle(history):
    track, moments = followed(history)
    now = moments[-1].now
    if isinstance(look(track, now, plain=False), Ready):
        since = next(at for at in reversed(range(len(moments))) if at == 0 or moments[at - 1].seen != moments[at].seen)
        assert now - min(moment.now for moment in moments[since:]) >= POLICY.settle


@given(histories)
def test_the_last_look_comes_after_patience_and_no_earlier(history):
    track, moments = followed(history)
    now = moments[-1].now
    verdict = look(track, now)
    if isinstance(verdict, Ready) and verdict.last:
        assert now - track.since >= POLICY.patience
        assert all(moment.seen == track.seen for moment in moments if moment.now >= track.since and moment.now <= now)


@given(histories, identities)
def test_a_change_begins_anew_and_the_first_sight_is_kept(history, other):
    track, moments = followed(history)
    changed = observe(track, other, moments[-1].now + 1)
    if other != track.seen:
        assert (changed.times, changed.looks, changed.since) == (1, 0, moments[-1].now + 1)
        assert isinstance(look(changed, changed.since), Wait)
    assert changed.first == track.first


@given(histories, st.integers(-(2**62), 2**62))
def test_the_time_that_a_file_bears_means_nothing_but_change(history, shift):
    moved = [(step, seen._replace(mtime_ns=seen.mtime_ns + shift)) for step, seen in history]
    (one, moments), (other, _) = followed(history), followed(moved)
    now = moments[-1].now
    assert look(one, now) == look(other, now)


@given(st.floats(-1e9, -0.001))
def test_a_clock_that_goes_back_delays_and_never_hastens(jump):
    track = observe(observe(None, WHOLE, 100), WHOLE, 101)
    back = observe(track, WHOLE, 100 + jump)
    assert back.times == 1
    assert isinstance(look(back, 100 + jump), Wait)
    again = observe(back, WHOLE, 101 + jump)
    assert look(again, 101 + jump) == Ready(last=False)
    assert isinstance(look(again, 101 + jump, plain=False), Wait)


@given(st.lists(st.booleans(), min_size=1, max_size=20))
def test_attributes_that_a_network_file_system_remembers_too_long_keep_a_file_waiting(stale):
    old = WHOLE._replace(size=2880, mtime_ns=1)
    track, now = None, 0.0
    for is_stale in stale:
        now += 1.5
        track = observe(track, old if is_stale else WHOLE, now)
    same = 1
    while same < len(stale) and stale[-same - 1] == stale[-1]:
        same += 1
    assert track is not None
    assert isinstance(look(track, now), Ready) == (same >= 2)


@given(st.floats(0, 100), st.booleans())
def test_waiting_ends(extra, plain):
    """However often it was looked into, a steady file gets its last look."""
    track = Track(WHOLE, 0, 0, times=2, looks=9)
    assert look(track, POLICY.patience + extra, plain=plain) == Ready(last=True)


@pytest.mark.parametrize(
    ("seconds", "looks", "plain", "verdict"),
    [
        (0.5, 0, True, Ready(last=False)),
        (0.5, 1, True, Wait("it has changed a short while ago")),
        (0.5, 0, False, Wait("it has changed a short while ago")),
        (2.0, 1, True, Ready(last=False)),
        (2.0, 2, True, Wait("it is cut short, and may still grow")),
        (2.0, 0, False, Ready(last=False)),
        (2.0, 1, False, Wait("it is cut short, and may still grow")),
        (10.0, 1, False, Ready(last=True)),
    ],
)
def test_a_steady_file_is_looked_into_at_once_if_plain_after_settling_and_after_patience(
    seconds, looks, plain, verdict
):
    assert look(Track(WHOLE, 0, 0, times=2, looks=looks), seconds, plain=plain) == verdict


def test_looks_are_counted_until_the_file_changes():
    track = looked(looked(observe(None, WHOLE, 0)))
    assert track.looks == 2
    assert observe(track, WHOLE, 1).looks == 2
    assert observe(track, WHOLE._replace(inode=8), 1).looks == 0


def test_a_file_that_is_not_there_is_gone():
    assert judge(observe(None, WHOLE, 0), None, 1, POLICY, plain=True) == Gone()
