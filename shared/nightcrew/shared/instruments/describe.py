"""The tags and descriptors of one file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from nightcrew.shared.errors import FrameError
from nightcrew.shared.instruments.f2 import F2
from nightcrew.shared.instruments.gemini import Gemini
from nightcrew.shared.instruments.gmos import Gmos
from nightcrew.shared.instruments.gnirs import Gnirs
from nightcrew.shared.instruments.gsaoi import Gsaoi
from nightcrew.shared.instruments.niri import Niri
from nightcrew.shared.instruments.view import View, descriptor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nightcrew.shared.instruments.headers import Headers


class DescriptorError(FrameError):
    """A descriptor that the headers give no answer to.

    Parameters
    ----------
    name
        Descriptor that was asked.
    kind
        Name of the exception that the reference raises in its place, such as ``KeyError``.
    filename
        Whose headers they are.
    detail
        What was wrong.
    """

    code: ClassVar[str] = "descriptor"

    def __init__(self, name: str, kind: str, filename: str = "", detail: str = "") -> None:
        super().__init__(
            f"{filename or 'headers'}: no answer for {name} ({kind}: {detail}); correct the keywords it needs"
        )
        self.name = name
        self.kind = kind


class Unknown(View):
    """A file of another observatory: what any FITS file says."""

    @descriptor
    def instrument(self, *, generic: bool = False) -> Any:  # noqa: ARG002
        """Name of the instrument."""
        return self.phu.get("INSTRUME")

    @descriptor
    def object(self) -> Any:
        """Name of the target."""
        return self.phu.get("OBJECT")

    @descriptor
    def telescope(self) -> Any:
        """Name of the telescope."""
        return self.phu.get("TELESCOP")


INSTRUMENTS: Mapping[str, type[View]] = {
    "NIRI": Niri,
    "F2": F2,
    "FLAM": F2,
    "GNIRS": Gnirs,
    "GSAOI": Gsaoi,
    "GMOS-N": Gmos,
    "GMOS-S": Gmos,
}
"""Rules by INSTRUME, upper case."""
_ALL_RULES: tuple[type[View], ...] = (Gemini, *INSTRUMENTS.values())
PRETTY_CAPABLE: Mapping[str, frozenset[str]] = {rules.label: rules.pretty_capable for rules in _ALL_RULES}
"""By instrument: the descriptors that take ``pretty=True``."""
_GEMINI_SITES = ("GEMINI-NORTH", "GEMINI-SOUTH")

OPTIONS = {
    "stripID": "strip_id",
    "keepID": "keep_id",
    "asMicrometers": "as_micrometers",
    "asNanometers": "as_nanometers",
    "asAngstroms": "as_angstroms",
}
"""Options of descriptors as users know them, and as the methods call them."""


class Description:
    """What the headers of a file mean.

    Made by `describe`; tags and values are computed when first asked for, and kept.
    Values must not be changed in place.

    Parameters
    ----------
    headers
        What the file says about itself.
    view
        The rules to read them by.
    why
        Why there are no rules for its instrument; empty if there are.
    """

    __slots__ = ("_view", "headers", "why")

    def __init__(self, headers: Headers, view: View, why: str = "") -> None:
        self.headers = headers
        self.why = why
        self._view = view

    @property
    def known(self) -> bool:
        """Whether the instrument has rules of its own."""
        return not self.why

    @property
    def instrument(self) -> str:
        """NIRI, F2, GNIRS, GSAOI, GMOS; GEMINI for another one of Gemini; empty for any other."""
        return self._view.label

    @property
    def tags(self) -> frozenset[str]:
        """Tags of the file."""
        return self._view.tags

    @property
    def names(self) -> tuple[str, ...]:
        """All public descriptors."""
        return self._view.names

    @property
    def pretty_capable(self) -> frozenset[str]:
        """Descriptors that take ``pretty=True``."""
        return self._view.pretty_capable

    def value(self, name: str, /, **options: Any) -> Any:
        """Return the value of a descriptor.

        Parameters
        ----------
        name
            One of `names`.
        options
            What the descriptor takes: `pretty`, `stripID`, `keepID`, `asMicrometers`, ...

        Raises
        ------
        DescriptorError
            If there is no such descriptor or option, or the headers give no answer.
        """
        try:
            if name not in self._view.names:
                raise AttributeError(f"no descriptor {name!r}")
            method = getattr(self._view, name)
            return method(**{OPTIONS.get(option, option): value for option, value in options.items()})
        except Exception as error:
            raise DescriptorError(name, type(error).__name__, self.headers.filename, str(error)) from error

    __call__ = value

    def get(self, name: str, default: Any = None, **options: Any) -> Any:
        """Return the value of a descriptor, or `default` where the headers give no answer."""
        try:
            return self.value(name, **options)
        except DescriptorError:
            return default

    def on(self, index: int) -> Description:
        """Return the description of one extension: per-extension descriptors give bare values."""
        if not 0 <= index < len(self.headers.extensions):
            raise IndexError(f"{self.headers.filename} has no extension {index}")
        return Description(self.headers, type(self._view)(self.headers, index, self.tags), self.why)

    def all(self) -> dict[str, Any]:
        """Return every descriptor; one that fails is a `DescriptorError` in the place of its value."""
        values: dict[str, Any] = {}
        for name in self.names:
            try:
                values[name] = self.value(name)
            except DescriptorError as error:
                values[name] = error
        return values

    def __repr__(self) -> str:
        return f"<Description of {self.headers.filename}: {' '.join(sorted(self.tags)) or self.why}>"


def describe(headers: Headers) -> Description:
    """Find the rules for a file's instrument, and read its headers by them.

    Returns
    -------
    Description
        For an instrument without rules too: `Description.known` is then False, and
        `Description.why` says so.
    """
    instrument = str(headers.phu.get("INSTRUME", "")).strip().upper()
    if instrument in INSTRUMENTS:
        return Description(headers, INSTRUMENTS[instrument](headers))
    name = headers.phu.get("INSTRUME", "(no INSTRUME keyword)")
    if any(str(headers.phu.get(keyword, "")).upper() in _GEMINI_SITES for keyword in ("OBSERVAT", "TELESCOP")):
        return Description(headers, Gemini(headers), f"no rules for Gemini's {name}: only common ones apply")
    return Description(headers, Unknown(headers), f"{name} is no instrument of Gemini's")
