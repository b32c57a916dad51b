"""Tables common to all Gemini instruments (instruments, 5.1)."""

from __future__ import annotations

BAND_WAVELENGTH = {
    "None": 0.0, "u": 0.35, "g": 0.475, "r": 0.63, "i": 0.78, "Z": 0.9, "Y": 1.02, "X": 1.1,
    "J": 1.2, "H": 1.65, "K": 2.2, "L": 3.4, "M": 4.8, "N": 11.7, "Q": 18.3,
}  # fmt: skip
"""Central wavelength of the classical bands, micrometres."""

FILTER_WAVELENGTH = {
    "u": 0.35, "g": 0.475, "r": 0.63, "i": 0.78, "z": 0.925, "Y": 1.02, "J": 1.25, "H": 1.635,
    "K": 2.2, "FeII": 1.644,
}  # fmt: skip
"""Effective wavelength of filters found in several instruments, micrometres."""

EXTINCTION = {
    ("Gemini-North", "u"): 0.42,
    ("Gemini-North", "g"): 0.14,
    ("Gemini-North", "r"): 0.11,
    ("Gemini-North", "i"): 0.10,
    ("Gemini-North", "z"): 0.05,
    ("Gemini-South", "u"): 0.38,
    ("Gemini-South", "g"): 0.18,
    ("Gemini-South", "r"): 0.10,
    ("Gemini-South", "i"): 0.08,
    ("Gemini-South", "z"): 0.05,
}
"""Extinction of the atmosphere by telescope and filter, magnitudes per airmass."""
