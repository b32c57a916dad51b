"""Tags and descriptors of Gemini files, computed from headers alone.

`science_headers` picks the science extensions of a file, `describe` gives the `Description` of what
they mean, `encode` turns values into JSON, `nonlinearity` knows the detectors' coefficients.
"""

from nightcrew.shared.instruments.describe import PRETTY_CAPABLE, Description, DescriptorError, describe
from nightcrew.shared.instruments.encode import encode
from nightcrew.shared.instruments.headers import Headers, science_headers
from nightcrew.shared.instruments.linearity import F2Linearity, Linearity, NiriLinearity, nonlinearity
from nightcrew.shared.instruments.sanity import complaint, no_pointing
from nightcrew.shared.instruments.sections import Section, parse_section

__all__ = [
    "PRETTY_CAPABLE",
    "Description",
    "DescriptorError",
    "F2Linearity",
    "Headers",
    "Linearity",
    "NiriLinearity",
    "Section",
    "complaint",
    "describe",
    "encode",
    "no_pointing",
    "nonlinearity",
    "parse_section",
    "science_headers",
]
