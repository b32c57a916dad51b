"""Which calibration belongs to a frame: rules as data, and a pure function that applies them.

>>> answer = associate(Target.from_description(description), "processed_dark", candidates)  # doctest: +SKIP
>>> answer.best.candidate.filename, answer.best.reasons  # doctest: +SKIP
('N20160102S0423_dark.fits', ('same data section, read mode, well depth, coadds', '20.001 s', '6.8 h apart'))
"""

from nightcrew.shared.association.answers import Answer, Level, Match, NearMiss
from nightcrew.shared.association.associate import applicable, associate, order_for
from nightcrew.shared.association.checking import Conditions, conditions_for
from nightcrew.shared.association.columns import PROCESSING, columns_of, filter_set, processing, reduction
from nightcrew.shared.association.explaining import explain, reasons_of, survivors, why_not
from nightcrew.shared.association.facts import CERTIFIED, Candidate, Described, Target, Validity, Value
from nightcrew.shared.association.nights import longitude_of, night_of
from nightcrew.shared.association.reading import parse_rules, rule_set, rules_for
from nightcrew.shared.association.ruleset import AtLeast, OneOf, Relaxed, Rule, RuleSet, Variant

__all__ = [
    "CERTIFIED",
    "PROCESSING",
    "Answer",
    "AtLeast",
    "Candidate",
    "Conditions",
    "Described",
    "Level",
    "Match",
    "NearMiss",
    "OneOf",
    "Relaxed",
    "Rule",
    "RuleSet",
    "Target",
    "Validity",
    "Value",
    "Variant",
    "applicable",
    "associate",
    "columns_of",
    "conditions_for",
    "explain",
    "filter_set",
    "longitude_of",
    "night_of",
    "order_for",
    "parse_rules",
    "processing",
    "reasons_of",
    "reduction",
    "rule_set",
    "rules_for",
    "survivors",
    "why_not",
]
