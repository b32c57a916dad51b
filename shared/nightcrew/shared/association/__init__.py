"""Which calibration belongs to a frame: rules as data, and a pure function that applies them.

>>> answer = associate(Target.from_description(description), "processed_dark", candidates)  # doctest: +SKIP
>>> answer.best.candidate.filename, answer.best.reasons  # doctest: +SKIP
('N20160102S0423_dark.fits', ('same data section, read mode, well depth, coadds', '20.001 s', '6.8 h apart'))
"""

from nightcrew.shared.association.associate import Answer, Level, Match, NearMiss, applicable, associate
from nightcrew.shared.association.explaining import explain, why_not
from nightcrew.shared.association.facts import PROCESSING, Candidate, Described, Target, Value, processing, reduction
from nightcrew.shared.association.ruleset import Rule, RuleSet, Variant, parse_rules, rule_set, rules_for

__all__ = [
    "PROCESSING",
    "Answer",
    "Candidate",
    "Described",
    "Level",
    "Match",
    "NearMiss",
    "Rule",
    "RuleSet",
    "Target",
    "Value",
    "Variant",
    "applicable",
    "associate",
    "explain",
    "parse_rules",
    "processing",
    "reduction",
    "rule_set",
    "rules_for",
    "why_not",
]
