"""`astrodata.open`: a file with its tags, descriptors and pixels (commands, 15.4)."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nightcrew.shared.errors import FrameError
from nightcrew.shared.fits import open_frame, write_frame
from nightcrew.shared.instruments import Description, Headers, describe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from astropy.io.fits import Header
    from numpy.typing import NDArray

    from nightcrew.shared.frames import Frame, Plane

__all__ = ["AstroData", "AstroDataError", "Extension", "from_file", "open"]


class AstroDataError(FrameError, ValueError):
    """A file that cannot be opened as a frame."""


class _Described:
    """Descriptors as methods: `ad.exposure_time()`, `ad.filter_name(pretty=True)`."""

    def __init__(self, description: Description) -> None:
        self.description = description

    @property
    def tags(self) -> set[str]:
        """Tags of the file."""
        return set(self.description.tags)

    @property
    def descriptors(self) -> tuple[str, ...]:
        """Names of the descriptors."""
        return self.description.names

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name != "description" and name in self.description.names:
            return functools.partial(self.description.value, name)
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self.description.names})


class Extension(_Described):
    """One science extension of a file: `ad[0]`.

    Parameters
    ----------
    plane
        Its pixels and header.
    description
        Its descriptors.
    """

    def __init__(self, plane: Plane, description: Description) -> None:
        super().__init__(description)
        self._plane = plane

    @property
    def hdr(self) -> Header:
        """Header of the extension."""
        return self._plane.header

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the pixels, numpy order."""
        return self._plane.shape

    @property
    def data(self) -> NDArray[Any]:
        """Pixels; not to be written into."""
        return self._plane.data

    @property
    def variance(self) -> NDArray[Any] | None:
        """Variance, or None."""
        return self._plane.variance

    @property
    def mask(self) -> NDArray[Any] | None:
        """Data quality, 16 bits a pixel (0: good), or None."""
        return self._plane.dq


class AstroData(_Described):
    """A file: tags, descriptors, headers, and its science extensions as items.

    Parameters
    ----------
    frame
        What was read.
    """

    def __init__(self, frame: Frame) -> None:
        shapes = [plane.shape for plane in frame.planes]
        super().__init__(describe(Headers(frame.phu, [plane.header for plane in frame.planes], frame.filename, shapes)))
        self._frame = frame

    @property
    def filename(self) -> str:
        """Name of the frame, without directory."""
        return self._frame.filename

    @property
    def path(self) -> str | None:
        """Where it was read from."""
        return None if self._frame.path is None else str(self._frame.path)

    @property
    def orig_filename(self) -> str | None:
        """Name of the raw file that it came from."""
        name = self._frame.phu.get("ORIGNAME")
        return None if name is None else str(name)

    @property
    def phu(self) -> Header:
        """Primary header."""
        return self._frame.phu

    @property
    def hdr(self) -> list[Header]:
        """Headers of the extensions."""
        return [plane.header for plane in self._frame.planes]

    def __len__(self) -> int:
        return len(self._frame.planes)

    def __getitem__(self, index: int) -> Extension:
        plane = self._frame.planes[index]
        return Extension(plane, self.description.on(range(len(self))[index]))

    def __iter__(self) -> Iterator[Extension]:
        return (self[index] for index in range(len(self)))

    def __repr__(self) -> str:
        return f"<AstroData {self.filename}: {' '.join(sorted(self.tags))}>"

    def info(self) -> None:
        """Print tags and extensions."""
        print("\n".join(self._lines()))  # noqa: T201  (what it is for)

    def _lines(self) -> Iterator[str]:
        yield f"Filename: {self.path or self.filename}"
        yield f"Tags: {' '.join(sorted(self.tags))}"
        yield ""
        yield f"{'Index':<7}{'Content':<15}{'Dimensions':<20}Format"
        for index, plane in enumerate(self._frame.planes):
            parts = (("science", plane.data), ("variance", plane.variance), ("mask", plane.dq))
            for name, array in parts:
                if array is not None:
                    place = f"[{index}]" if name == "science" else ""
                    yield f"{place:<7}{name:<15}{array.shape!s:<20}{array.dtype}"
        for name in self._frame.tables:
            yield f"{'':<7}{'.' + name:<15}table"

    def write(self, filename: str | Path | None = None, overwrite: bool = False) -> None:
        """Write the file, whole or not at all.

        Raises
        ------
        OSError
            If it exists and `overwrite` is False.
        """
        target = Path(filename or self.path or self.filename)
        if target.exists() and not overwrite:
            raise OSError(f"{target}: exists; give another name, or overwrite=True")
        write_frame(self._frame, target)


def open(source: str | Path) -> AstroData:  # noqa: A001  (DRAGONS' name)
    """Open a file.

    Raises
    ------
    FileNotFoundError
        If there is none.
    AstroDataError
        If it is no frame that can be read.
    """
    if not Path(source).exists():
        raise FileNotFoundError(f"{source}: no such file; check the name")
    try:
        return AstroData(open_frame(source))
    except FrameError as error:
        raise AstroDataError(str(error)) from error


from_file = open
