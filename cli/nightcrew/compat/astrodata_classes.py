"""Our instruments as classes of the package `astrodata` of PyPI: the extra `nightcrew[astrodata]`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nightcrew.shared.instruments import Headers, describe
from nightcrew.shared.instruments.describe import INSTRUMENTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from nightcrew.shared.instruments import Description

__all__ = ["register"]

PREFIX = "Nightcrew"
"""Of the names of our classes."""


def register() -> tuple[str, ...]:
    """Let `astrodata.open(...)` know the tags and descriptors of our instruments.

    Returns
    -------
    tuple of str
        Names of the classes; registering again changes nothing.

    Raises
    ------
    ModuleNotFoundError
        If the package is not installed: `pip install nightcrew[astrodata]`.
    """
    import astrodata

    registered = {kind.__name__ for kind in astrodata.factory.registry}
    views = {view.label: view for view in INSTRUMENTS.values()}
    classes = [_class_of(label, view.names) for label, view in views.items()]
    for one in classes:
        if one.__name__ not in registered:
            astrodata.factory.add_class(one)
    return tuple(one.__name__ for one in classes)


def _class_of(label: str, names: tuple[str, ...]) -> type[Any]:
    """Make the class of an instrument: its tags, and each of its descriptors as a method."""
    import astrodata

    def matches(source: Any) -> bool:
        name = str(source[0].header.get("INSTRUME", "")).strip().upper()
        return name in INSTRUMENTS and INSTRUMENTS[name].label == label

    def tags_of(self: Any) -> Any:
        return astrodata.TagSet(set(_description(self).tags))

    members: dict[str, Any] = {name: _descriptor(name) for name in names}
    members |= {
        "__doc__": f"A file of {label}, read by nightcrew's rules.",
        "_matches_data": staticmethod(matches),
        "_tags_of_nightcrew": astrodata.astro_data_tag(tags_of),
    }
    return type(f"{PREFIX}{label.title().replace('-', '')}", (astrodata.AstroData,), members)


def _descriptor(name: str) -> Callable[..., Any]:
    import astrodata

    def value(self: Any, **options: Any) -> Any:
        return _description(self).value(name, **options)

    value.__name__ = name
    value.__doc__ = f"Return the descriptor `{name}`."
    method: Callable[..., Any] = astrodata.astro_data_descriptor(value)
    return method


def _description(dataset: Any) -> Description:
    """Return what the headers of a dataset, or of one extension of it, mean."""
    single = dataset.is_single
    headers, shapes = ([dataset.hdr], [dataset.shape]) if single else (list(dataset.hdr), list(dataset.shape))
    about = describe(Headers(dataset.phu, headers, dataset.filename or "", shapes))
    return about.on(0) if single else about
