"""Lines that may be upside down on an upright page: which ones to read turned, and which reading counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocrspool.engine.models.model_set import LINE_HEIGHT

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from ocrspool.engine.ocr.page_state import Line, PageInWork, Variant

_DOUBTFUL = 0.8
"""Lines read with less confidence may be upside down: turned, text gains 0.3 and more (measured)."""
_ROW = 1.5
"""Width / height from which a line holds more than one character: of a single one nobody knows which way up it is."""
_NEAR = 2.0
"""Heights of a line between it and the next one of its block."""
_MARGIN = 0.1
"""Confidence by which an unusual way to look at a line has to beat the usual one."""


def turned_variants(page: PageInWork) -> list[Variant]:
    """Give lines that may be upside down another way to be read, and return these; empty when all have been tried.

    These are doubtful lines, and then, as often as there are more, the neighbors of those that are upside down indeed:
    many a number reads well either way. An ordinary page has next to no doubtful line, so that this costs it nothing.
    Lines that run down the page have been read both ways already.
    """
    rows = [line for line in page.lines if len(line.variants) == 1 and _is_row(line.variants[0])]
    if not any(line.turned for line in rows):
        wanted = [line for line in rows if _is_doubtful(line)]
    else:
        flipped = [line.variants[0].polygon for line in rows if is_upside_down(line)]
        wanted = [line for line in rows if line.turned is None and _is_near(line.variants[0].polygon, flipped)]
    variants = []
    for line in wanted:
        line.turned = line.variants[0].upside_down()
        variants.append(line.turned)
    return variants


def _is_doubtful(line: Line) -> bool:
    return line.variants[0].confidence() < _DOUBTFUL


def is_upside_down(line: Line) -> bool:
    """Return whether a line of one variant reads better turned; clearly better, if it does not read well as it lies."""
    if line.turned is None:
        return False
    margin = _MARGIN if _is_doubtful(line) else 0.0
    return line.turned.confidence() > line.variants[0].confidence() + margin


def _is_near(polygon: NDArray[np.float32], others: Sequence[NDArray[np.float32]]) -> bool:
    """Return whether a line is above or below one of the others, so near that it may be of the same block."""
    (left, top), (right, bottom) = polygon.min(axis=0).tolist(), polygon.max(axis=0).tolist()
    reach = _NEAR * (bottom - top)
    for other in others:
        (other_left, other_top), (other_right, other_bottom) = other.min(axis=0).tolist(), other.max(axis=0).tolist()
        beside = other_left < right and left < other_right
        if beside and other_top - bottom < reach and top - other_bottom < reach:
            return True
    return False


def _is_row(variant: Variant) -> bool:
    return sum(int(strip.shape[1]) for strip in variant.strips) >= _ROW * LINE_HEIGHT
