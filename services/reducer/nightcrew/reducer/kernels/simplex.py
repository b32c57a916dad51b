"""Nelder and Mead's search for a minimum, step for step as `scipy.optimize.minimize` does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Function = Callable[[NDArray[np.float64]], float]

FIRST_STEP, FIRST_STEP_AT_ZERO = 0.05, 0.00025
"""Sides of the first simplex: relative to the start, and absolute where that is 0."""


def nelder_mead(
    function: Function,
    start: NDArray[np.float64],
    lower: NDArray[np.float64],
    upper: NDArray[np.float64],
    *,
    xatol: float = 1e-4,
    fatol: float = 1e-4,
) -> NDArray[np.float64]:
    """Return where a function of n parameters is least.

    Parameters
    ----------
    function
        Of an array of n parameters.
    start, lower, upper
        First guess and limits, shape (n,).
    xatol, fatol
        The search ends when the simplex, and the values at its corners, differ by less.

    Notes
    -----
    A search of SciPy's would do the same steps; importing it takes longer than the search (J. A. Nelder and
    R. Mead, Computer Journal 7, 308, 1965; fewer than 200 n steps).
    """
    n = start.size
    corners = np.empty((n + 1, n))
    corners[0] = np.clip(start, lower, upper)
    for k in range(n):
        corners[k + 1] = corners[0]
        corners[k + 1, k] = (1 + FIRST_STEP) * corners[0, k] if corners[0, k] != 0 else FIRST_STEP_AT_ZERO
    corners = np.clip(np.where(corners > upper, 2 * upper - corners, corners), lower, upper)
    values = np.array([function(corner) for corner in corners])
    corners, values = _ordered(corners, values)
    for _ in range(200 * n - 1):
        if np.abs(corners[1:] - corners[0]).max() <= xatol and np.abs(values[0] - values[1:]).max() <= fatol:
            break
        _step(function, corners, values, lower, upper)
        corners, values = _ordered(corners, values)
    best: NDArray[np.float64] = corners[0]
    return best


def _ordered(
    corners: NDArray[np.float64], values: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    order = np.argsort(values)
    return corners[order], values[order]


def _step(
    function: Function,
    corners: NDArray[np.float64],
    values: NDArray[np.float64],
    lower: NDArray[np.float64],
    upper: NDArray[np.float64],
) -> None:
    """Replace the worst corner, or shrink towards the best."""
    centre = corners[:-1].sum(axis=0) / (len(corners) - 1)

    def beyond(amount: float) -> tuple[NDArray[np.float64], float]:
        at: NDArray[np.float64] = np.clip((1 + amount) * centre - amount * corners[-1], lower, upper)
        return at, function(at)

    reflected = beyond(1.0)
    if reflected[1] < values[0]:
        expanded = beyond(2.0)
        chosen = expanded if expanded[1] < reflected[1] else reflected
    elif reflected[1] < values[-2]:
        chosen = reflected
    else:
        outside = reflected[1] < values[-1]
        contracted = beyond(0.5 if outside else -0.5)
        limit = reflected[1] if outside else values[-1]
        good = contracted[1] <= limit if outside else contracted[1] < limit
        if not good:
            for k in range(1, len(corners)):
                corners[k] = np.clip(corners[0] + 0.5 * (corners[k] - corners[0]), lower, upper)
                values[k] = function(corners[k])
            return
        chosen = contracted
    corners[-1], values[-1] = chosen
