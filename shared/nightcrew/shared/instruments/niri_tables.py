"""NIRI: filters, detector, zero points, nonlinearity, grisms (instruments, 6)."""

from __future__ import annotations

PRETTY_FILTER: dict[tuple[str, ...], str] = {
    ("PK50", "Y"): "Y",
    ("J",): "J",
    ("H",): "H",
    ("Kprime",): "K(prime)",
    ("K",): "K",
    ("Lprime",): "L(prime)",
    ("Mprime",): "M(prime)",
    ("Jcon(121)", "PK50"): "Jcon(121)",
    ("Hcon(157)", "PK50"): "H-con(157)",
    ("CH4short", "PK50"): "CH4(short)",
    ("CH4long", "PK50"): "CH4(long)",
    ("FeII", "PK50"): "FeII",
    ("HeI(2p2s)", "Kprime"): "HeI(2p2s)",
    ("H2Oice204",): "H2Oice(2045)",
    ("kcon(209)",): "Kcon(209)",
    ("kcon(227)",): "Kcon(227)",
    ("H2v=1-0S1", "K"): "H2 1-0 S1",
    ("Brgamma",): "Br(gamma)",
    ("CH4ice227",): "CH4ice(2275)",
    ("Jsort",): "J order sort",
    ("Hsort", "PK50"): "H order sort",
    ("Ksort",): "K order sort",
    ("Lsort",): "L order sort",
    ("Msort",): "M order sort",
    ("Jcon1065", "PK50"): "Jcon(1065)",
    ("Jcon(112)", "PK50"): "Jcon(112)",
    ("Kshort",): "K(short)",
    ("H2v=2-1S1",): "H2 2-1 S1",
    ("PK50", "Pabeta"): "Pa(beta)",
    ("PaGamma",): "Pa(gamma)",
    ("HeI",): "HeI",
    ("Bra",): "Br(alpha)",
    ("H2Oice",): "H2O ice",
    ("hydrocarb",): "hydrocarb",
    ("Bracont",): "Br(alpha)Con",
    ("COv=2-0bh",): "CO 2-0 (bh)",
}
"""What observers call the filters in the wheels, these sorted by name."""

FILTER_WAVELENGTH = {
    "Jcon(1065)": 1.0650, "HeI": 1.0830, "Pa(gamma)": 1.0940, "Jcon(112)": 1.1220, "Jcon(121)": 1.2070,
    "Pa(beta)": 1.2820, "H-con(157)": 1.5700, "CH4(short)": 1.5800, "H": 1.6500, "CH4(long)": 1.6900,
    "H2Oice(2045)": 2.0450, "HeI(2p2s)": 2.0590, "Kcon(209)": 2.0975, "K(prime)": 2.1200, "H2 1-0 S1": 2.1239,
    "K(short)": 2.1500, "H2 2-1 S1": 2.2465, "Br(gamma)": 2.1686, "Kcon(227)": 2.2718, "CH4ice(2275)": 2.2750,
    "CO 2-0 (bh)": 2.2890, "H2Oice": 3.0500, "hydrocarb": 3.2950, "L(prime)": 3.7800, "Br(alpha)Con": 3.9900,
    "Br(alpha)": 4.0520, "M(prime)": 4.6800,
}  # fmt: skip
"""Effective wavelengths by pretty name, micrometres."""

GAIN = 12.3
"""Electrons per ADU."""
LINEAR_LIMIT = 0.7
"""Fraction of the saturation level to which the response can be made linear."""

READ_MODE = {(16, 16): "Low Background", (1, 16): "Medium Background", (1, 1): "High Background"}
"""By numbers of non-destructive reads and of digital averages."""
READ_NOISE = {"Low Background": 12.3, "Medium Background": 35.0, "High Background": 70.0}
"""Electrons, of a single coadd."""
READ_NOISE_OTHERWISE = 35.0

WELL_BIAS = {"Shallow": -0.6, "Deep": -0.87}
"""Bias voltage (VDDUC - VDET) that makes a well shallow or deep, volts."""
WELL_BIAS_TOLERANCE = 0.05
WELL_DEPTH = {"Shallow": 200000, "Deep": 280000}
"""Electrons."""

ARRAY_SIZE = 1024

ZEROPOINT = {
    ("Y", "f6"): 25.71,
    ("J", "f6"): 26.69,
    ("J", "f32"): 26.05,
    ("H", "f6"): 26.77,
    ("H", "f32"): 26.34,
    ("K", "f6"): 26.15,
    ("K", "f32"): 25.71,
    ("K(short)", "f6"): 26.12,
    ("K(short)", "f32"): 25.67,
    ("K(prime)", "f6"): 26.40,
    ("K(prime)", "f32"): 26.32,
}
"""Magnitude that gives one electron per second, by filter and camera."""

LINEARITY = {
    ("Low Background", 1024, "Shallow"): (147600.0, 1.2662732, 6.006310407e-07, 1.282732019e-12),
    ("Medium Background", 1024, "Shallow"): (147600.0, 0.09442515154, 2.787629143e-07, 3.178236042e-12),
    ("Medium Background", 256, "Shallow"): (147600.0, 0.01029262589, 5.540988347e-07, 1.404726339e-12),
    ("High Background", 1024, "Shallow"): (147600.0, 0.009697324059, 2.47157455e-07, 3.067478573e-12),
    ("High Background", 1024, "Deep"): (258300.0, 0.007680816203, 2.912125336e-07, 1.203254464e-12),
}
"""(max_counts, dt, gamma, eta) by read mode, NAXIS2 and well depth."""

_GRISMS = ("Jgrism", "Hgrism", "Kgrism", "Lgrism", "Mgrism")
_CENTRAL: dict[tuple[str, str], tuple[float, ...]] = {
    ("f6", "f6-2pix"): (1233.0, 1695.0, 2263.0, 3574.0, 5140.0),
    ("f6", "f6-4pix"): (1233.0, 1695.0, 2263.0, 3574.0, 5140.0),
    ("f6", "f6-6pix"): (1233.0, 1695.0, 2263.0, 3574.0, 5140.0),
    ("f6", "f6-2pixBl"): (1184.0, 1625.0, 2167.0, 3435.0, 4940.0),
    ("f6", "f6-4pixBl"): (1184.0, 1625.0, 2167.0, 3435.0, 4940.0),
    ("f6", "f6-6pixBl"): (1184.0, 1625.0, 2167.0, 3435.0, 4940.0),
    ("f32", "f32-6pix"): (1203.0, 1641.2, 2184.0),
    ("f32", "f32-9pix"): (1203.0, 1641.2, 2184.0),
    ("f32", "f6-2pix"): (1203.0, 1641.2, 2184.0),
}
CENTRAL_WAVELENGTH = {
    (camera, mask, grism): wavelength
    for (camera, mask), wavelengths in _CENTRAL.items()
    for grism, wavelength in zip(_GRISMS, wavelengths, strict=False)
}
"""Nanometres, by camera, mask and grism."""

DISPERSION = {
    ("f6", "Jgrism"): -0.3604,
    ("f6", "Hgrism"): -0.5157,
    ("f6", "Kgrism"): -0.7086,
    ("f6", "Lgrism"): -1.139,
    ("f6", "Mgrism"): -1.651,
    ("f32", "Jgrism"): 0.3041,
    ("f32", "Hgrism"): 0.2964,
    ("f32", "Kgrism"): 0.4396,
}
"""Nanometres per pixel, by camera and grism."""
