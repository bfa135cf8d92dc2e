"""Which pixels of a line's strip are ink, and runs of its rows or columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


_SHARES = np.array([0.02, 0.5, 0.98])
"""Of the pixels that are darker than what stands for ink on light paper, for paper, and for ink on dark paper."""


def ink_of(green: cv2.typing.MatLike, rows: slice, least_contrast: int, ink_from: float) -> NDArray[np.uint8]:
    """Return 1 where these rows of a strip's green channel have ink: what is darker or lighter than the paper.

    A pixel is ink from the share `ink_from` of the contrast on. With less contrast, in grey levels, there is no ink.
    """
    counts = np.ravel(cv2.calcHist([green], [0], None, [256], [0, 256]))
    levels: NDArray[np.floating[Any]] = counts.cumsum() / green.size
    dark, paper, light = levels.searchsorted(_SHARES).tolist()
    contrast = max(paper - dark, light - paper)
    shown = green[rows]
    if contrast < least_contrast:
        return np.zeros(shown.shape, np.uint8)
    edge = round(ink_from * contrast)
    ink = shown < paper - edge if paper - dark >= light - paper else shown > paper + edge
    return np.asarray(ink).view(np.uint8)


def runs_of(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return start and end of each run of true values."""
    changes = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False])).astype(np.int8))).tolist()
    return list(zip(changes[::2], changes[1::2], strict=True))
