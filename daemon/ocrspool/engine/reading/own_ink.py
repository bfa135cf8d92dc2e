"""The ink of one strip that is of its own line: no rules, no specks, nothing of the lines above and below.

Words and the size of letters are measured on it. It is kept in two forms: as pixels, and as one number for each column,
in which each row is a bit. Most questions are about columns, and a number answers them at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from ocrspool.engine.models.model_set import LINE_HEIGHT
from ocrspool.engine.reading.strip_ink import ink_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ocrspool.engine.spec import Pixels

_INK_FROM = 0.4  # of the contrast between paper and ink: boxes fit best so (scripts/bench words)
_LEAST_CONTRAST = 12  # grey levels; less is noise
_EDGE_ROWS = LINE_HEIGHT // 4  # ink that touches the strip's edge and stays within this belongs to another line
_RULE = 2 * LINE_HEIGHT  # pixels; a stroke that is longer and thinner than letters are is a rule
_THIN = LINE_HEIGHT // 8
_BYTES = 8  # of a number that holds the rows of a column
_TOP, _BOTTOM = 1 << (LINE_HEIGHT - 1), 1
_EDGES = np.uint64(_TOP | _BOTTOM)
_ONE = np.uint64(1)


class OwnInk(NamedTuple):
    """The ink of a strip of w columns."""

    pixels: NDArray[np.uint8]
    """[48, w]: 1 where there is ink."""
    columns: NDArray[np.uint64]
    """[w]: the same, a bit for each row, without single pixels, which are noise. The lowest bit is the bottom row."""

    @property
    def inked(self) -> NDArray[np.bool_]:
        """Return for each column whether it has ink."""
        inked: NDArray[np.bool_] = self.columns != 0
        return inked

    def rows(self, start: int, end: int) -> tuple[int, int] | None:
        """Return the first and the end row of the ink of some columns; None where they have none."""
        rows = int(np.bitwise_or.reduce(self.columns[start:end]))
        if not rows:
            return None
        return LINE_HEIGHT - rows.bit_length(), LINE_HEIGHT - (rows & -rows).bit_length() + 1


def own_ink(strip: Pixels) -> OwnInk:
    """Return the ink of a strip [48, w, 3]."""
    pixels = ink_of(cv2.extractChannel(strip, 1), slice(None), _LEAST_CONTRAST, _INK_FROM)
    columns = _columns(pixels)
    # Two strips of three have nothing that must be taken out, and to look at each piece takes longer than all else.
    rows = int(np.bitwise_or.reduce(columns))
    if _has_rule(columns):
        _take_out_foreign(pixels)
        columns = _columns(pixels)
    elif rows & int(_EDGES):
        if rows & _TOP:
            _take_out_foreign(pixels[: _EDGE_ROWS + 1], bottom=False)
        if rows & _BOTTOM:
            _take_out_foreign(pixels[-_EDGE_ROWS - 1 :], top=False)
        columns = _columns(pixels)
    return OwnInk(pixels, columns & _beside(columns))


def _columns(pixels: NDArray[np.uint8]) -> NDArray[np.uint64]:
    bits = np.packbits(np.asarray(cv2.transpose(pixels), np.uint8), axis=1)
    padded = np.zeros((len(bits), _BYTES), np.uint8)
    padded[:, _BYTES - bits.shape[1] :] = bits
    return padded.view(">u8").ravel().astype(np.uint64)


def _has_rule(columns: NDArray[np.uint64]) -> bool:
    """Return whether a row has a run of ink that is as long as a rule, or a column is inked from edge to edge."""
    if ((columns & _EDGES) == _EDGES).any():
        return True
    runs, length = columns, 1
    while length < _RULE:
        step = min(length, _RULE - length)
        runs, length = runs[step:] & runs[:-step], length + step
    return bool(runs.any())


def _beside(columns: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the pixels that have ink in one of the eight around them."""
    beside: NDArray[np.uint64] = columns << _ONE | columns >> _ONE
    wide = columns | beside
    beside[1:] |= wide[:-1]
    beside[:-1] |= wide[1:]
    return beside


def _take_out_foreign(ink: NDArray[np.uint8], *, top: bool = True, bottom: bool = True) -> None:
    """Take out pieces of ink that are no letters of this line: rules, and what only hangs in from an edge.

    Of the top or the bottom rows of a strip, `top` and `bottom` say whether these are at that edge.
    """
    _, labels, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8, ltype=cv2.CV_16U)
    _, first, width, height, _ = stats.T
    rows = len(ink)
    end = first + height
    hangs = (first == 0) & (end <= _EDGE_ROWS) if top else np.zeros(len(stats), bool)
    stands = (end == rows) & (first >= rows - _EDGE_ROWS) if bottom else np.zeros(len(stats), bool)
    rule = ((width >= _RULE) & (height <= _THIN)) | ((height == LINE_HEIGHT) & (width <= _THIN))
    foreign = hangs | stands | rule
    foreign[0] = False
    if foreign.any():
        ink[foreign[labels]] = 0
