"""Small pictures that hold one row of text: a digit or a word, cut out of a page with no paper around it.

The detection net was trained on pages and misses half of such text. The recognition net takes exactly this: a line. So
the picture is read as a line too, and the result is compared with what was found on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ocrspool.engine.spec import Pixels

_MOST_HEIGHT = 320  # pixels; letters of 200 points at 72 dpi, and paper around them
_MOST_ASPECT = 25  # width / height; longer pictures are long lines, which the detection net finds
_LEAST_HEIGHT = 4  # pixels, as the detection asks for
_MAIN_PART = 0.6  # of the ink's height is one piece, from top to bottom: the rest are dots and accents, not other rows
_AROUND = 0.15  # of the ink's height is left around it
_LEAST_CONTRAST = 40  # grey levels between ink and paper
_INK_FROM = 0.4  # of the contrast
_BORDER = 24  # pixels of paper put around small pictures before text is looked for (see `padded`)
_SMALL = range(_LEAST_HEIGHT, 128)  # pixels; pictures whose shorter side is one of these are padded


def one_row(page: Pixels) -> NDArray[np.float32] | None:
    """Return the rectangle [4, 2] of the ink on a small picture that may be one row of text; None for any other."""
    height, width = page.shape[:2]
    if not (_LEAST_HEIGHT <= height <= _MOST_HEIGHT and width <= height * _MOST_ASPECT):
        return None
    grey: Pixels = cv2.cvtColor(page, cv2.COLOR_BGR2GRAY) if page.ndim == 3 else page  # type: ignore[assignment]  # noqa: PLR2004  # color
    differs = cv2.absdiff(grey, np.full_like(grey, _paper(grey)))
    most = int(differs.max())
    if most < _LEAST_CONTRAST:
        return None
    ink = differs >= _INK_FROM * most
    rows, columns = (np.flatnonzero(ink.any(axis=axis)) for axis in (1, 0))
    top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    parts = np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1)
    if max(map(len, parts)) < _MAIN_PART * (bottom - top):
        return None
    around = max(round(_AROUND * (bottom - top)), 1)
    left, top, right, bottom = left - around, top - around, right + around, bottom + around
    left, top, right, bottom = max(left, 0), max(top, 0), min(right, width), min(bottom, height)
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)


def padded(page: Pixels) -> tuple[Pixels, int]:
    """Return a small picture with paper around it, and how much of it on each side; any other page as it is."""
    if min(page.shape[:2]) not in _SMALL:
        return page, 0
    paper = _paper(page) if page.ndim == 2 else [_paper(page[:, :, channel]) for channel in range(3)]  # noqa: PLR2004
    return cv2.copyMakeBorder(page, _BORDER, _BORDER, _BORDER, _BORDER, cv2.BORDER_CONSTANT, value=paper), _BORDER  # type: ignore[return-value]


def _paper(grey: Pixels) -> int:
    """Return the level of the paper: what most of the picture's edge has."""
    edge = np.concatenate((grey[0], grey[-1], grey[:, 0], grey[:, -1]))
    return int(np.median(edge))
