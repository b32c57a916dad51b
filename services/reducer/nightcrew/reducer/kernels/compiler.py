"""Numba, not before it is needed: its import and start cost half a second, more than a command that touches no pixel.

A function decorated with `njit` is handed to Numba when it, or another one of its module, is first called;
from then on the compiled functions stand in the module in its place.
"""

from __future__ import annotations

import sys
from functools import update_wrapper
from threading import RLock
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
R = TypeVar("R")

_LOADING = RLock()


class Kernel(Generic[P, R]):
    """A function that Numba compiles, or finds compiled in its cache, when it is first called."""

    def __init__(self, function: Callable[P, R], options: dict[str, Any]) -> None:
        self._function, self._options = function, options
        self._compiled: Callable[P, R] | None = None
        update_wrapper(self, function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the compiled function."""
        return self.compiled()(*args, **kwargs)

    def compiled(self) -> Callable[P, R]:
        """Return Numba's function; kernels that it may call become Numba's as well."""
        if self._compiled is None:
            with _LOADING:
                if self._compiled is None:
                    self._compiled = cast("Callable[P, R]", _compiled(self._function, self._options))
                names = self._function.__globals__
                for name, value in list(names.items()):
                    if isinstance(value, Kernel):
                        names[name] = value.compiled()
        return self._compiled


def _compiled(function: Callable[P, R], options: dict[str, Any]) -> Any:
    """Return Numba's function; `cache=True` is a wish, see `KeptKernels`."""
    decorate = numba_njit()
    dispatcher = decorate(**{name: value for name, value in options.items() if name != "cache"})(function)
    if options.get("cache"):
        from nightcrew.reducer.kernels.kept_kernels import KeptKernels  # noqa: PLC0415 (imports Numba)

        dispatcher._cache = KeptKernels(function)
    return dispatcher


def njit(**options: Any) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate a function to be compiled by `numba.njit` with these options when it is first called."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        return cast("Callable[P, R]", Kernel(function, options))

    return decorate


def numba_njit() -> Any:
    """Import Numba and return its `njit`.

    Notes
    -----
    Numba would import `scipy.linalg` to see whether there is a BLAS, which takes longer than all else at
    its start.  No kernel uses one; so Numba is told that there is none.
    """
    with _LOADING:
        from numba import njit as decorator  # noqa: PLC0415 (see above)

        hidden = "scipy.linalg"
        if hidden not in sys.modules and "numba.np.arraymath" not in sys.modules:
            sys.modules[hidden] = cast("Any", None)
            try:
                import numba.np.arraymath  # noqa: F401, PLC0415
            finally:
                del sys.modules[hidden]
        return decorator
