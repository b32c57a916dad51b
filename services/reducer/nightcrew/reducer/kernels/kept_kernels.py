"""Where compiled kernels are kept from one run to the next.

Numba keeps them beside their source or, where it cannot write there, in the user's cache directory.  Where it can
write to neither it refuses to compile, and a cache that is damaged or full stops it.  None of this should stop a
reduction: a kernel can always be compiled.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from numba.core.caching import CompileResultCacheImpl, FunctionCache, InTreeCacheLocator, NullCache

if TYPE_CHECKING:
    from collections.abc import Callable


class _BesideTheSource(InTreeCacheLocator):
    """The `__pycache__` of an installation, which may belong to somebody else."""

    def ensure_cache_path(self) -> None:
        """Take it as it is: there or not, writable or not."""


class _Installed(CompileResultCacheImpl):
    _locator_classes = [_BesideTheSource]  # noqa: RUF012 (typed by Numba)


class _InstalledCache(FunctionCache):
    _impl_class = _Installed


class KeptKernels(NullCache):
    """What has been compiled of a function, by this user or when nightcrew was installed.

    Parameters
    ----------
    function
        The function as it was written.
    """

    def __init__(self, function: Callable[..., object]) -> None:
        kinds: tuple[Any, ...] = (FunctionCache, _InstalledCache)
        self._places: list[Any] = []
        for cache in kinds:
            with suppress(RuntimeError, OSError):  # no place for it
                self._places.append(cache(function))

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the function as it was compiled for these types, or None if it has to be compiled."""
        for place in self._places:
            with suppress(Exception):  # whatever is wrong with a file of the cache, its kernel can be compiled anew
                found = place.load_overload(sig, target_context)
                if found is not None:
                    return found
        return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep a compiled function, if there is a place for it."""
        for place in self._places:
            with suppress(Exception):  # a full disk, or a damaged index, costs the next run some seconds
                place.save_overload(sig, data)
                return
