"""The life cycle of a calibration: every event in every state."""

from __future__ import annotations

import pytest

from nightcrew.calmanager.core.states import Event, Refusal, Standing, State, Transition, next_state

ALLOWED = {
    (State.CANDIDATE, Event.CERTIFY): State.CERTIFIED,
    (State.CERTIFIED, Event.CERTIFY): State.CERTIFIED,
    (State.CANDIDATE, Event.VETO): State.VETOED,
    (State.CERTIFIED, Event.VETO): State.VETOED,
    (State.SUPERSEDED, Event.VETO): State.VETOED,
    (State.CANDIDATE, Event.SUPERSEDE): State.SUPERSEDED,
    (State.CERTIFIED, Event.SUPERSEDE): State.SUPERSEDED,
    (State.VETOED, Event.RESTORE): State.CANDIDATE,
    (State.SUPERSEDED, Event.RESTORE): State.CANDIDATE,
}
PAIRS = [(state, event) for state in State for event in Event]


@pytest.mark.parametrize(("state", "event"), PAIRS)
def test_an_event_leads_to_one_state_or_is_refused_with_a_reason(state: State, event: Event) -> None:
    change = next_state(Standing(state), event)
    after = ALLOWED.get((state, event))
    if after is None:
        assert isinstance(change, Refusal)
        assert state in change.reason
    else:
        assert change == Transition(event, state, after)


@pytest.mark.parametrize(("state", "event"), [pair for pair in PAIRS if pair in ALLOWED])
@pytest.mark.parametrize("gone", [Standing(State.CERTIFIED, present=False), Standing(State.CERTIFIED, canonical=False)])
def test_without_its_file_or_name_a_calibration_can_only_be_vetoed(state: State, event: Event, gone: Standing) -> None:
    change = next_state(Standing(state, gone.canonical, gone.present), event)
    assert isinstance(change, Transition) == (event is Event.VETO)


def test_no_event_certifies_what_was_vetoed() -> None:
    change = next_state(Standing(State.VETOED), Event.CERTIFY)
    assert isinstance(change, Refusal)
    assert change.reason == "it is vetoed; restore it first"


def test_a_second_veto_says_that_there_is_nothing_to_do() -> None:
    change = next_state(Standing(State.VETOED), Event.VETO)
    assert isinstance(change, Refusal)
    assert change.reason == "it is vetoed already"
