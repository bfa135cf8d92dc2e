"""What follows from libtiff's reports of damaged pixels: the page is refused, or a warning says how much is lost.

libtiff returns a page even if its data are broken, and only reports it. A fax is a special case: one bad line is noise
of a telephone line, and the other lines are sound.
"""

from __future__ import annotations

import ctypes
import re
from typing import TYPE_CHECKING

from ocrspool.decoding.child.tiff import libtiff
from ocrspool.decoding.child.tiff.image_layout import WHITE_IS_ZERO
from ocrspool.decoding.child.verdicts import SEND_AGAIN
from ocrspool.errors import DocumentError
from ocrspool.pages import Notice

if TYPE_CHECKING:
    from ocrspool.decoding.child.tiff.image_layout import Layout
    from ocrspool.decoding.child.tiff.libtiff import Tiff

_GROUP_3 = 3
_FAXES = frozenset({2, _GROUP_3, 4, 32771})
_FEW = 0.02
"""Share of a fax's lines that may be lost, with a warning."""
_LINE = re.compile(r"(?<!without EOL )at line (\d+) of ")
_MARK, _MARK_BITS, _MARK_BYTES = 0x001001, 0xFFFFFF, 3
"""The end of a block of group 4 (EOFB in ITU-T T.6): twice eleven zeros and a one."""
_FILL_ORDER, _LOWEST_FIRST = 266, 2
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_MOST_RAW = 1 << 28
_LOSSY = re.compile(r"Corrupt JPEG data(?!: \d+ extraneous)|Premature end of (JPEG|input)|Inconsistent progression")
"""Of what libjpeg says; extraneous bytes before a marker cost no pixels."""


class Ledger:
    """Reads strips and tiles, and counts what they lack."""

    def __init__(self, tiff: Tiff, layout: Layout) -> None:
        self._tiff = tiff
        self._fax = layout.compression in _FAXES
        self._synchronized = layout.compression == _GROUP_3
        """A line begins with a mark, so that one is not lost with the line before it."""
        self._paper = 0 if layout.photometric == WHITE_IS_ZERO else 0xFF
        self._lines = layout.height
        self._lost = self._absent = 0

    def read(self, number: int, into: ctypes.Array[ctypes.c_char], lines: int) -> None:
        """Decode a strip or tile of so many lines. Raise LibtiffError where it cannot be, or lacks pixels."""
        if not self._fax:
            if not self._tiff.read(number, into):
                raise libtiff.LibtiffError(libtiff.said_last())
            refuse_lossy(libtiff.said())
            return
        ctypes.memset(into, self._paper, len(into))  # where nothing is decoded
        whole = self._tiff.read(number, into)
        self._count(libtiff.said(), number, lines, whole=whole)
        if self._lost > max(1, _FEW * self._lines):
            raise DocumentError(
                "damaged",
                f"The fax data of the TIFF image are damaged: {self._lost} of its {self._lines} lines are lost.",
                SEND_AGAIN,
            )

    def remarks(self) -> tuple[Notice, ...]:
        """Return warnings where lines are lost, or were never there."""
        found = []
        if self._lost:
            message = f"{self._lost} of the {self._lines} lines of this fax are damaged."
            found.append(Notice("damaged-lines", message, None))
        if self._absent:
            message = f"The fax ends {self._absent} lines before the end of the page, which has {self._lines}."
            found.append(Notice("short-page", message, None))
        return tuple(found)

    def _count(self, said: list[str], number: int, lines: int, *, whole: bool) -> None:
        """Count the lines that a strip lacks."""
        named = [(min(int(found[1]), lines - 1), text) for text in said for found in _LINE.finditer(text)]
        if not named:
            self._lost += 0 if whole else lines
            return
        ends = [(line, text) for line, text in named if self._ends(text)] or ([] if whole else named[-1:])
        first, text = min(ends, default=(lines, ""))
        self._lost += len({line for line, _ in named if line < first})
        if whole and "(got 0," in text and self._has_mark_of_end(number):
            self._absent += lines - first
        else:
            self._lost += lines - first

    def _ends(self, text: str) -> bool:
        """Tell whether a message means that nothing is known of the lines below."""
        return "EOF" in text or not (self._synchronized or "mismatch" in text)

    def _has_mark_of_end(self, number: int) -> bool:
        """Tell whether the data of a strip end as those of group 4 do: whoever wrote them meant them to end there."""
        data = self._tiff.raw(number, _MOST_RAW)
        if self._tiff.number(_FILL_ORDER) == _LOWEST_FIRST:
            data = data.translate(_REVERSED)
        last = int.from_bytes(data.rstrip(b"\0")[-_MARK_BYTES - 1 :], "big")
        return any(last >> shift & _MARK_BITS == _MARK for shift in range(8))


def refuse_lossy(said: list[str]) -> None:
    """Raise LibtiffError where one of these messages means that pixels are missing."""
    for text in said:
        if _LOSSY.search(text):
            raise libtiff.LibtiffError(text)
