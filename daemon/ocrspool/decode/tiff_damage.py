"""What libtiff says of damaged pixels, and what follows: the page is refused, or a warning says how much is lost.

libtiff gives a page also where its data are broken, and only says so. A fax is a case of its own: one bad line of it is
noise of a telephone line, and the other lines are sound.
"""

from __future__ import annotations

import ctypes
import re
from typing import TYPE_CHECKING

from ocrspool.decode import libtiff
from ocrspool.decode.page import Remark
from ocrspool.errors import DocumentError

if TYPE_CHECKING:
    from ocrspool.decode.libtiff import Tiff
    from ocrspool.decode.tiff_layout import Layout

_GROUP_3 = 3
_FAXES = frozenset({2, _GROUP_3, 4, 32771})
_FEW = 0.02
"""Share of a fax's lines that may be lost, with a warning."""
_LINE = re.compile(r"(?<!without EOL )at line (\d+) of ")
_LENGTH = re.compile(r"got \d+, expected")
"""A line is longer or shorter than the others; the next one is sound."""
_LOSSY = re.compile(r"Corrupt JPEG data(?!: \d+ extraneous)|Premature end of (JPEG|input)|Inconsistent progression")
"""Of what libjpeg says; extraneous bytes before a marker cost no pixels."""


class Ledger:
    """Reads strips and tiles, and counts what they lack."""

    def __init__(self, layout: Layout) -> None:
        self._fax = layout.compression in _FAXES
        self._synchronized = layout.compression == _GROUP_3
        """A line begins with a mark, so that one is not lost with the line before it."""
        self._lines = layout.height
        self._lost = 0

    def read(self, tiff: Tiff, number: int, into: ctypes.Array[ctypes.c_char], lines: int) -> None:
        """Decode a strip or tile of so many lines. Raise LibtiffError where it cannot be, or lacks pixels."""
        if not self._fax:
            if not tiff.read(number, into):
                raise libtiff.LibtiffError(libtiff.said_last())
            refuse_lossy(libtiff.said())
            return
        ctypes.memset(into, 0, len(into))  # where nothing is decoded, the paper is white
        whole = tiff.read(number, into)
        self._lost += self._lacking(libtiff.said(), lines, whole=whole)
        if self._lost > max(1, _FEW * self._lines):
            raise DocumentError(
                "damaged",
                f"The fax data of the TIFF image are damaged: {self._lost} of its {self._lines} lines are lost.",
                "Send it again: the transfer may have failed.",
            )

    def remarks(self) -> tuple[Remark, ...]:
        """Return a warning where lines are lost."""
        if not self._lost:
            return ()
        return (Remark("damaged-lines", f"{self._lost} of the {self._lines} lines of this fax are damaged."),)

    def _lacking(self, said: list[str], lines: int, *, whole: bool) -> int:
        """Return how many of a strip's lines are lost."""
        named = [(min(int(found[1]), lines - 1), text) for text in said for found in _LINE.finditer(text)]
        if not named:
            return 0 if whole else lines
        # Data that end early end all lines below; so does an unknown code where lines have no marks.
        ends = [line for line, text in named if "EOF" in text or not (self._synchronized or _LENGTH.search(text))]
        if not whole:
            ends.append(max(line for line, _ in named))
        first = min(ends, default=lines)
        return lines - first + len({line for line, _ in named if line < first})


def refuse_lossy(said: list[str]) -> None:
    """Raise LibtiffError where one of these messages means that pixels are missing."""
    for text in said:
        if _LOSSY.search(text):
            raise libtiff.LibtiffError(text)
