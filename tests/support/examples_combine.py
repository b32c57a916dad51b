"""Worked examples of calibration: combination, linearity, noise, arithmetic, flats (`combine.json`)."""

from __future__ import annotations

from typing import Any

import numpy as np

from nightcrew.reducer.kernels import pixelwise
from nightcrew.reducer.kernels.combine import Rejection
from nightcrew.reducer.kernels.statistics import masked_mean, masked_median, normalization
from nightcrew.reducer.kernels.tiles import combine_planes
from nightcrew.reducer.primitives import bpm, flats
from nightcrew.shared.frames import Plane
from nightcrew.shared.instruments import f2_tables, niri_tables
from support.examples_io import Report, array, difference, first_problem

DATA_TOLERANCE, VAR_TOLERANCE, NORMALIZATION_TOLERANCE, LEVEL_TOLERANCE = 2e-6, 1e-5, 1e-4, 1e-9


def run(examples: list[dict[str, Any]]) -> Report:
    """Run all examples of a file."""
    report = Report()
    for example in examples:
        kind = example["kind"]
        name = f"{example['id']} ({kind})"
        if kind not in KINDS:
            report.record(name, "no such kind of example is known")
            continue
        ours = KINDS[kind](example["params"], example["inputs"])
        report.record(name, _compare(ours, example["outputs"]))
    return report


def _compare(ours: dict[str, Any], expected: dict[str, Any]) -> str | None:
    tolerances = {"data": DATA_TOLERANCE, "var": VAR_TOLERANCE, "dq": 0.0, "values": NORMALIZATION_TOLERANCE}
    problems = [difference(key, ours[key], expected[key], tolerances[key]) for key in expected if key in tolerances]
    header = ours.get("header", {})
    for keyword, value in expected.get("header", {}).items():
        if isinstance(value, str):
            problems.append(
                None if header[keyword] == value else f"{keyword}: {header[keyword]!r} instead of {value!r}"
            )
        else:
            problems.append(difference(keyword, header[keyword], value, LEVEL_TOLERANCE))
    return first_problem(*problems)


def _planes(inputs: dict[str, Any]) -> tuple[Any, Any, Any]:
    return (
        array(inputs["data"], np.float32), array(inputs.get("var"), np.float32), array(inputs.get("dq"), np.uint16),
    )  # fmt: skip


def _named(data: Any, variance: Any, dq: Any, **header: Any) -> dict[str, Any]:
    return {"data": data, "var": variance, "dq": dq, "header": header}


def _combine(p: dict[str, Any], inputs: dict[str, Any]) -> dict[str, Any]:
    data, variance, dq = _planes(inputs)
    frames = [
        Plane(None, d[None], None if variance is None else variance[i][None], None if dq is None else dq[i][None])
        for i, d in enumerate(data)
    ]
    options = {k: v for k, v in p.items() if k not in {"combine", "reject"}}
    made = combine_planes(
        frames, p["combine"], Rejection(p["reject"], **options), scale=inputs.get("scale"), zero=inputs.get("zero")
    )
    return _named(made.data[0], made.variance[0], None if made.dq is None else made.dq[0])


def _nonlinearity_niri(p: dict[str, Any], inputs: dict[str, Any]) -> dict[str, Any]:
    data, variance, dq = _planes(inputs)
    _, dt, gamma, eta = niri_tables.LINEARITY[p["read_mode"], p["naxis2"], p["well"]]
    linear, noise = pixelwise.linearize_niri(
        data, variance, gamma, eta, p["gain"], p["coadds"], p["exptime_total"] / p["coadds"], dt
    )
    coefficients = (1.0, float(np.float32(gamma)), float(np.float32(eta)))
    return _named(linear, noise, dq, **_levels(inputs, coefficients, p["gain"] / p["coadds"]))


def _nonlinearity_f2(p: dict[str, Any], inputs: dict[str, Any]) -> dict[str, Any]:
    data, variance, dq = _planes(inputs)
    coefficients = f2_tables.LINEARITY
    linear, noise = pixelwise.linearize_f2(
        data, variance, coefficients, p["gain"], p["coadds"], update_variance="poisson" in p["varnoise"].lower()
    )
    return _named(linear, noise, dq, **_levels(inputs, coefficients, p["gain"] / p["coadds"]))


def _levels(inputs: dict[str, Any], polynomial: tuple[float, ...], per_count: float) -> dict[str, float]:
    """Levels after the correction, rounded as in the header (primitives-calibration, 6)."""
    c0, c1, c2 = polynomial
    electrons = {key: inputs[key] * per_count for key in ("SATLEVEL", "NONLINEA")}
    return {key: round(c * (c0 + c * (c1 + c * c2)) / per_count, 3) for key, c in electrons.items()}


def _adu_to_electrons(p: dict[str, Any], inputs: dict[str, Any]) -> dict[str, Any]:
    data, variance, dq = _planes(inputs)
    gain = p["gain"]
    electrons, noise = pixelwise.scale(data, variance, float(np.float32(gain)))
    levels = {key: inputs[key] * gain for key in ("SATLEVEL", "NONLINEA")}
    return _named(electrons, noise, dq, GAIN=1.0, BUNIT="electron", **levels)


def _add_var(p: dict[str, Any], inputs: dict[str, Any]) -> dict[str, Any]:
    data, variance, dq = _planes(inputs)
    gain = p["gain"] if p["bunit"] == "adu" else 1.0
    noise = pixelwise.add_variance(
        data, variance,
        read_variance=(p["read_noise_e"] / gain) ** 2 if p["read_noise"] else 0.0,
        poisson_gain=gain if p["poisson_noise"] else None,
    )  # fmt: skip
    words = [word for word, wanted in (("read", p["read_noise"]), ("Poisson", p["poisson_noise"])) if wanted]
    return _named(data, noise, dq, VARNOISE=", ".join(words))


def _subtract(p: dict[str, Any], inputs: dict[str, Any]) -> dict[str, Any]:
    return _named(*pixelwise.subtract(_planes(inputs["a"]), _planes(inputs["b"])))


def _divide(p: dict[str, Any], inputs: dict[str, Any]) -> dict[str, Any]:
    return _named(*pixelwise.divide(_planes(inputs["a"]), _planes(inputs["b"])))


def _normalize_flat(p: dict[str, Any], inputs: dict[str, Any]) -> dict[str, Any]:
    data, variance, dq = _planes(inputs)
    level = (masked_median if p["scale"] == "median" else masked_mean)([data], [dq])
    assert level is not None
    return _named(*pixelwise.divide_by(data, variance, float(np.float32(level))), dq)


def _threshold_flatfield(p: dict[str, Any], inputs: dict[str, Any]) -> dict[str, Any]:
    data, variance, dq = _planes(inputs)
    flat, flags = flats.thresholded(data, dq, p["lower"], p["upper"])
    return _named(flat, variance, flags)


def _make_bpm(p: dict[str, Any], inputs: dict[str, Any]) -> dict[str, Any]:
    flat, dark = array(inputs["flat"], np.float32), array(inputs["dark"], np.float32)
    assert flat is not None
    assert dark is not None
    low, high = (p[key] / p["dark_gain"] for key in ("dark_lo_thresh", "dark_hi_thresh"))
    return {"data": bpm._outside(flat, p["flat_lo_thresh"], p["flat_hi_thresh"]) | bpm._outside(dark, low, high)}


def _add_dq(p: dict[str, Any], inputs: dict[str, Any]) -> dict[str, Any]:
    block = np.array(inputs["data"], np.float32)
    data = np.tile(block, p.get("tile") or (1, 1))
    _, dq = pixelwise.flag_levels(data, p["saturation_level"], p["non_linear_level"])
    return {"dq": dq[: block.shape[0], : block.shape[1]]}


def _normalization(p: dict[str, Any], inputs: dict[str, Any]) -> dict[str, Any]:
    data, _, dq = _planes(inputs)
    flags = [None] * len(data) if dq is None else list(dq)
    return {"values": normalization(list(data), flags, scaling=p["return_scaling"])}


KINDS = {
    "combine": _combine,
    "nonlinearity_niri": _nonlinearity_niri,
    "nonlinearity_f2": _nonlinearity_f2,
    "adu_to_electrons": _adu_to_electrons,
    "add_var": _add_var,
    "subtract": _subtract,
    "divide": _divide,
    "normalize_flat": _normalize_flat,
    "threshold_flatfield": _threshold_flatfield,
    "make_bpm": _make_bpm,
    "add_dq": _add_dq,
    "normalization": _normalization,
}
