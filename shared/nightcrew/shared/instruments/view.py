"""Headers as descriptors look at them: a whole file, or one extension of it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Concatenate, ParamSpec, TypeAlias, TypeVar

from nightcrew.shared.instruments.tags import TagRule, compute_tags

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nightcrew.shared.instruments.headers import Headers

P = ParamSpec("P")
T = TypeVar("T")
ViewT = TypeVar("ViewT", bound="View")

_UNSEEN: Any = object()
_ABSENT: Any = object()


class Keywords:
    """One header, in which each keyword is looked up once."""

    __slots__ = ("_header", "_names", "_seen")

    def __init__(self, header: Mapping[str, Any]) -> None:
        self._header = header
        self._seen: dict[str, Any] = {}
        self._names: tuple[str, ...] | None = None

    def get(self, keyword: str, default: Any = None) -> Any:
        """Return the value of a keyword, or `default` where it is absent."""
        value = self._seen.get(keyword, _UNSEEN)
        if value is _UNSEEN:
            value = self._header.get(keyword, _ABSENT)
            if type(value).__name__ == "Undefined":  # astropy's word for a card without a value
                value = None
            self._seen[keyword] = value
        return default if value is _ABSENT else value

    def __getitem__(self, keyword: str) -> Any:
        value = self.get(keyword, _ABSENT)
        if value is _ABSENT:
            raise KeyError(f"Keyword {keyword} not found.")
        return value

    def __contains__(self, keyword: str) -> bool:
        return self.get(keyword, _ABSENT) is not _ABSENT

    def has_any(self, keywords: Iterable[str]) -> bool:
        """Whether one of the keywords is present."""
        return any(keyword in self for keyword in keywords)

    def names_containing(self, part: str) -> bool:
        """Whether the name of some keyword contains `part`."""
        if self._names is None:
            self._names = tuple(self._header.keys())
        return any(part in name for name in self._names)


Method: TypeAlias = Callable[Concatenate[ViewT, P], T]


def descriptor(method: Method[ViewT, P, T]) -> Method[ViewT, P, T]:
    """Make a method public as a descriptor, computed once for each set of options."""
    name = method.__name__

    @functools.wraps(method)
    def computed_once(self: ViewT, *args: P.args, **options: P.kwargs) -> T:
        key = (name, *options.items()) if options else name
        value = self.computed.get(key, _UNSEEN)
        if value is _UNSEEN:
            value = self.computed[key] = method(self, *args, **options)
        result: T = value
        return result

    computed_once.is_descriptor = True  # type: ignore[attr-defined]
    return computed_once  # type: ignore[return-value]


def kept_if_prepared(keyword: str) -> Callable[[Callable[[ViewT], Any]], Callable[[ViewT], Any]]:
    """Let a keyword, where all extensions have it, replace the value once the data are prepared."""

    def decorate(method: Callable[[ViewT], Any]) -> Callable[[ViewT], Any]:
        @functools.wraps(method)
        def kept(self: ViewT) -> Any:
            if "PREPARED" in self.tags and all(keyword in header for header in self.extensions):
                return self.header_values(keyword)
            return method(self)

        return kept

    return decorate


class View:
    """The headers of a file, or of one of its extensions, and the rules to read them by.

    Parameters
    ----------
    headers
        What the file says about itself.
    index
        The one extension to look at; None for all.
    tags
        Tags of the file, if they are known already.
    """

    label: ClassVar[str] = ""
    """Canonical name of the instrument."""
    tag_rules: ClassVar[tuple[TagRule, ...]] = ()
    names: ClassVar[tuple[str, ...]] = ()
    """Public descriptors."""
    pretty_capable: ClassVar[frozenset[str]] = frozenset()
    """Descriptors that know a form for human eyes."""

    def __init_subclass__(cls) -> None:
        methods = {name: getattr(cls, name) for name in dir(cls) if not name.startswith("_")}
        found = {name: method for name, method in methods.items() if hasattr(method, "is_descriptor")}
        cls.names = tuple(sorted(found))
        cls.pretty_capable = frozenset(name for name, method in found.items() if "pretty" in _options(method))

    def __init__(self, headers: Headers, index: int | None = None, tags: frozenset[str] | None = None) -> None:
        self.headers = headers
        self.single = index is not None
        chosen = slice(None) if index is None else slice(index, index + 1)
        self.phu = Keywords(headers.phu)
        self.extensions: Sequence[Keywords] = [Keywords(header) for header in headers.extensions[chosen]]
        self.shapes = headers.shapes[chosen]
        self.filename = headers.filename
        self.computed: dict[Any, Any] = {}
        self._tags = tags

    @property
    def tags(self) -> frozenset[str]:
        """Tags of the file, also for a single extension."""
        if self._tags is None:
            self._tags = compute_tags(self.tag_rules, self)
        return self._tags

    def shaped(self, values: list[Any]) -> Any:
        """Return a value per extension as the view asks for it: a list, or the one item."""
        return values[0] if self.single else values

    def listed(self, value: Any) -> list[Any]:
        """Return the value of a per-extension descriptor as a list, whatever the view."""
        return [value] if self.single else value

    def repeated(self, value: Any) -> Any:
        """Return the same value for every extension."""
        return self.shaped([value] * max(len(self.extensions), int(self.single)))

    def science(self) -> Sequence[Keywords]:
        """Return the headers of the science extensions.

        Raises
        ------
        AttributeError
            If there is none, as the reference does.
        """
        if not self.extensions:
            raise AttributeError(f"{self.filename or 'the file'} has no science extension")
        return self.extensions

    def header_values(self, keyword: str) -> Any:
        """Return a keyword of every extension; KeyError if one lacks it."""
        return self.shaped([header[keyword] for header in self.science()])

    def get_values(self, keyword: str, default: Any = None) -> Any:
        """Return a keyword of every extension, `default` where it is absent."""
        return self.shaped([header.get(keyword, default) for header in self.science()])


def _options(method: Callable[..., Any]) -> tuple[str, ...]:
    code = method.__wrapped__.__code__  # type: ignore[attr-defined]
    names: tuple[str, ...] = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return names
