"""Every condition of every rule: where only it fails, it is named, with both values and the calibration."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nightcrew.shared.association import Level, associate, explain, rule_set, survivors, why_not
from nightcrew.shared.association.reading import INSTRUMENTS
from support.rule_cases import MOMENT, Case, breaking, cases, fitting, target_for

CASES = list(cases(tuple(INSTRUMENTS)))
RELAXED = [
    (instrument, f"{prefix}{name}")
    for instrument in INSTRUMENTS
    for name, rule in rule_set(instrument).rules.items()
    for variant, prefix in ((rule.raw, ""), (rule.processed, "processed_"))
    if variant is not None and rule.relaxed_for(variant) is not None
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_where_one_condition_fails_it_is_named_with_both_values(case: Case) -> None:
    fits = associate(case.target, case.caltype, [case.good], mode="sq")
    assert fits.best is not None
    assert fits.best.level is Level.SAME_NIGHT
    answer = associate(case.target, case.caltype, [case.bad], mode="sq")
    assert answer.best is None
    (miss,) = answer.near_misses
    assert miss.failed == case.condition
    assert all(words in miss.reason for words in case.told), miss.reason
    assert explain(answer)[-1] == f"not calibration.fits: {miss.reason}"
    assert why_not(answer).endswith(f"nearest is calibration.fits: {miss.reason}")
    assert [left for _, left in survivors(answer)] == [0]


def test_every_condition_that_rules_know_is_among_the_cases() -> None:
    kinds = {type(case.condition).__name__ for case in CASES}
    assert kinds == {
        *("Constant", "Equal", "Contains", "Within", "Interval", "NotAfter", "Valid", "FitForScience"),
        *("Certified", "Present"),
    }
    assert {(case.instrument, case.caltype.removeprefix("processed_")) for case in CASES} == {
        (instrument, name) for instrument in INSTRUMENTS for name in rule_set(instrument).rules
    }


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_relaxed_form_forgives_only_what_it_says(case: Case) -> None:
    rule = rule_set(case.instrument).rules[case.caltype.removeprefix("processed_")]
    relaxed = rule.relaxed_for(rule.variant(case.caltype))
    answer = associate(case.target, case.caltype, [case.bad], mode="sq", max_level=Level.RELAXED)
    column = getattr(case.condition, "column", {"Interval": "max_interval", "NotAfter": "not_after_target"}.get(
        type(case.condition).__name__, ""))  # fmt: skip
    wider = relaxed is not None and (
        column in relaxed.drop or column in relaxed.within or (column == "max_interval" and relaxed.max_interval)
    )
    if not wider:
        assert answer.best is None
    elif answer.best is not None:
        assert answer.best.level is Level.RELAXED
        assert len(answer.best.relaxed) == 1
        assert all(words in answer.best.relaxed[0] for words in case.told)
    else:  # the step is larger than what even the relaxed form allows
        assert column in relaxed.within


@pytest.mark.parametrize(("instrument", "caltype"), RELAXED)
def test_every_shipped_relaxation_is_reached(instrument: str, caltype: str) -> None:
    rule = rule_set(instrument).rules[caltype.removeprefix("processed_")]
    variant = rule.variant(caltype)
    target = target_for(instrument, rule)
    reached = [
        case
        for case in CASES
        if (case.instrument, case.caltype) == (instrument, caltype)
        and associate(target, caltype, [case.bad], max_level=Level.RELAXED).best is not None
    ]
    good = fitting(target, rule, variant)
    swapped = replace(good, columns={**good.columns, "filter_name": "Open&my filter_name"})
    answer = associate(target, caltype, [swapped], max_level=Level.RELAXED)
    assert bool(rule.relaxed_for(variant).instead) is (answer.best is not None and answer.best.provisional)
    assert reached or answer.best is not None


def test_the_first_of_several_failures_is_named() -> None:
    case = next(one for one in CASES if str(one) == "NIRI-processed_dark-Equal-read_mode")
    also = next(one for one in CASES if str(one) == "NIRI-processed_dark-Interval")
    both, _ = breaking(also.condition, case.bad)
    (miss,) = associate(case.target, case.caltype, [both]).near_misses
    assert miss.reason == "read mode odd, wanted my read_mode"
    assert both.ut_datetime < MOMENT
