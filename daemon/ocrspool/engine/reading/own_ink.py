"""The ink of strips that is of their own lines: no rules, no specks, nothing of the lines above and below.

Words and the size of letters are measured on it. It is kept in two forms: as pixels, and as one number for each column,
in which each row is a bit. Most questions are about columns, and a number answers them at once.

Strips of many lines are measured together, side by side in one array. A function of numpy takes longer to be called
than to look at one strip.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from ocrspool.engine.models.model_set import LINE_HEIGHT
from ocrspool.engine.reading.strip_ink import ink_of

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    gaps: list[tuple[int, int]]
    """Start and end of each run of columns without ink."""

    def rows(self, start: int, end: int) -> tuple[int, int] | None:
        """Return the first and the end row of the ink of some columns; None where they have none."""
        rows = int(np.bitwise_or.reduce(self.columns[start:end]))
        if not rows:
            return None
        return LINE_HEIGHT - rows.bit_length(), LINE_HEIGHT - (rows & -rows).bit_length() + 1


def own_ink(strip: Pixels) -> OwnInk:
    """Return the ink of a strip [48, w, 3]."""
    return own_inks([strip])[0]


def own_inks(strips: Sequence[Pixels]) -> list[OwnInk]:
    """Return the ink of each strip [48, w, 3]. What it takes of memory grows with all of them together."""
    # After each strip there is a column without ink, so no piece and no run reaches from one strip into the next.
    ends = list(itertools.accumulate(strip.shape[1] + 1 for strip in strips))
    if not ends:
        return []
    starts = [0, *ends[:-1]]
    pixels = np.zeros((LINE_HEIGHT, ends[-1]), np.uint8)
    parts = [pixels[:, start : end - 1] for start, end in zip(starts, ends, strict=True)]
    for strip, part in zip(strips, parts, strict=True):
        part[:] = ink_of(cv2.extractChannel(strip, 1), slice(None), _LEAST_CONTRAST, _INK_FROM)
    columns = _columns(pixels)
    if _take_out(parts, columns, starts):
        columns = _columns(pixels)
    columns &= _beside(columns)
    of_each = [columns[start : end - 1] for start, end in zip(starts, ends, strict=True)]
    return list(map(OwnInk, parts, of_each, _gaps(columns, starts, ends)))


def _take_out(parts: Sequence[NDArray[np.uint8]], columns: NDArray[np.uint64], starts: list[int]) -> bool:
    """Take out what is of no line, strip by strip; return whether any strip was looked at.

    Two strips of three have nothing that must be taken out, and to look at each piece takes longer than all else.
    """
    ruled = _ruled(columns, starts)
    edges = False
    for number, rows in enumerate(np.bitwise_or.reduceat(columns, starts).tolist()):
        if number in ruled:
            _take_out_foreign(parts[number])
            continue
        if rows & _TOP:
            _take_out_foreign(parts[number][: _EDGE_ROWS + 1], bottom=False)
        if rows & _BOTTOM:
            _take_out_foreign(parts[number][-_EDGE_ROWS - 1 :], top=False)
        edges |= bool(rows & (_TOP | _BOTTOM))
    return edges or bool(ruled)


def _columns(pixels: NDArray[np.uint8]) -> NDArray[np.uint64]:
    bits = np.packbits(np.asarray(cv2.transpose(pixels), np.uint8), axis=1)
    padded = np.zeros((len(bits), _BYTES), np.uint8)
    padded[:, _BYTES - bits.shape[1] :] = bits
    return padded.view(">u8").ravel().astype(np.uint64)


def _ruled(columns: NDArray[np.uint64], starts: list[int]) -> set[int]:
    """Return which strips have a row with a run of ink as long as a rule, or a column that is inked from edge to edge.

    `starts` are the first columns of the strips.
    """
    runs, length = columns, 1
    while length < _RULE:
        step = min(length, _RULE - length)
        runs, length = runs[step:] & runs[:-step], length + step
    places = np.concatenate([np.flatnonzero(runs), np.flatnonzero((columns & _EDGES) == _EDGES)])
    return set((np.searchsorted(starts, places, side="right") - 1).tolist())


def _gaps(columns: NDArray[np.uint64], starts: list[int], ends: list[int]) -> list[list[tuple[int, int]]]:
    """Return the runs of columns without ink in each strip, counted from its own first column."""
    inked = np.concatenate([[False], columns != 0])
    changes = np.flatnonzero(inked[1:] != inked[:-1])
    bounds = np.searchsorted(changes, [*starts, ends[-1]]).tolist()
    found = []
    for start, end, first, last in zip(starts, ends, bounds, bounds[1:], strict=False):
        edges = [0, *(changes[first:last] - start).tolist(), end - 1 - start]
        found.append([(left, right) for left, right in zip(edges[::2], edges[1::2], strict=True) if left < right])
    return found


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
