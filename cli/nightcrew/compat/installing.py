"""Putting our modules where scripts look for DRAGONS'."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

from nightcrew.compat import astrodata

__all__ = ["install"]

STAND_INS = {
    "recipe_system.reduction.coreReduce": "nightcrew.compat.reducing",
    "recipe_system.cal_service": "nightcrew.compat.cal_service",
    "recipe_system.utils.reduce_utils": "nightcrew.compat.reduce_utils",
    "gempy.adlibrary.dataselect": "nightcrew.compat.dataselect",
    "gempy.utils.logutils": "nightcrew.compat.logutils",
}
"""Modules of DRAGONS, and which of ours stand in for them."""


def install() -> bool:
    """Let `import astrodata`, `from recipe_system... import Reduce` and the like find nightcrew.

    Returns
    -------
    bool
        False if DRAGONS itself is installed, which is then left alone.

    Notes
    -----
    Where the package `astrodata` of PyPI is installed, scripts get that one, with our instruments registered.
    """
    if not any(name in sys.modules for name in STAND_INS) and _installed("recipe_system"):
        return False
    for name, ours in STAND_INS.items():
        _place(name, importlib.import_module(ours))
    if "gemini_instruments" not in sys.modules:
        _place("gemini_instruments", ModuleType("gemini_instruments", "Instruments are known to nightcrew already."))
    if sys.modules.get("astrodata") is not astrodata:
        if _installed("astrodata"):
            importlib.import_module("nightcrew.compat.astrodata_classes").register()
        else:
            _place("astrodata", astrodata)
    return True


def _installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def _place(name: str, module: ModuleType) -> None:
    """Make a module importable under a name, and be an attribute of the packages above it."""
    sys.modules[name] = module
    package, _, last = name.rpartition(".")
    if not package:
        return
    if package not in sys.modules:
        above = ModuleType(package, "Stands in for a package of DRAGONS.")
        above.__path__ = []
        _place(package, above)
    setattr(sys.modules[package], last, module)
