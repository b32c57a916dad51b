"""FITS files on disk: headers without pixels, frames whose pixels are read when wanted, products that appear whole."""

from nightcrew.shared.fits.containers import md5_of
from nightcrew.shared.fits.faults import DamagedFile, Reason
from nightcrew.shared.fits.integrity import Integrity, verify
from nightcrew.shared.fits.pixels import Encoding, FilePixels
from nightcrew.shared.fits.reading import bare_name, open_frame, open_frame_hashed, read_headers
from nightcrew.shared.fits.scratch import Scratch, ScratchPixels
from nightcrew.shared.fits.writing import write_frame

__all__ = [
    "DamagedFile",
    "Encoding",
    "FilePixels",
    "Integrity",
    "Reason",
    "Scratch",
    "ScratchPixels",
    "bare_name",
    "md5_of",
    "open_frame",
    "open_frame_hashed",
    "read_headers",
    "verify",
    "write_frame",
]
