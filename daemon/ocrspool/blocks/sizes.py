"""The sizes of the lines of a document, made steady: one measurement alone is wrong now and then. Pure.

The height of the letters is exact where it is right, and half or twice as much where a line has many capitals. The
width of a line tells the size of its font too, if it is divided by the usual widths of its characters. So does the
height of its polygon, less exactly. Where the first two disagree, the middle one of the three counts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from statistics import median

from ocrspool.blocks.characters import BROAD, NARROW
from ocrspool.blocks.items import Item, Leveled

_MISTAKEN = (1.0, 0.7, 1.4)
_AGREE = 0.16  # of sizes that differ by less, the height of the letters is the exact one
_DOUBTFUL = 0.25  # of sizes that differ by more, one is wrong
_LONG = 20  # characters
_LEAST_TEXT = 8  # characters of a line that tells how wide the letters of a document are
_SPACE = 0.27  # of a font's size
_FIRST_WIDE = "\u2e80"


def steady(pages: Sequence[Leveled]) -> list[Leveled]:
    """Return the pages of a document with the sizes of their lines made steady."""
    items = [item for page in pages for item in page.items if not item.runs_down and len(item.text) >= _LEAST_TEXT]
    by_width = _scale(items, _by_width)
    by_box = _scale(items, _by_box)
    return [
        page._replace(items=tuple(_steady(item, by_width, by_box) for item in page.items)) if items else page
        for page in pages
    ]


def _scale(items: Sequence[Item], measure: Callable[[Item], float]) -> float:
    """Return by what a measurement must be multiplied to be the size of the font, in most lines of the document."""
    return median(item.size / measure(item) for item in items) if items else 1.0


def _steady(item: Item, by_width: float, by_box: float) -> Item:
    if item.runs_down:
        return item
    width, box = by_width * _by_width(item), by_box * _by_box(item)
    letters = item.size
    sure = len(item.text) < _LONG and _differ(letters, box) <= _AGREE  # a short line may be in wide or narrow letters
    if item.stroke is not None and not sure and _differ(letters, width) > _DOUBTFUL:
        # Perhaps the capitals were measured and taken for small letters, or the other way round.
        letters = min((letters * other for other in _MISTAKEN), key=lambda size: _differ(size, width))
    size = letters if sure or _differ(letters, width) <= _AGREE else median((letters, width, box))
    if size == item.size:
        return item
    return replace(item, size=size, stroke=item.stroke and item.stroke * item.size / size)


def _differ(one: float, other: float) -> float:
    """Return by what share two sizes differ, about."""
    return abs(math.log(one / other))


def _by_box(item: Item) -> float:
    return max(item.height, 1.0)


def _by_width(item: Item) -> float:
    return max(item.width, 1.0) / max(sum(map(_width, item.text)), _SPACE)


@lru_cache(4096)
def _width(character: str) -> float:
    """Return how wide a character usually is, in sizes of the font."""
    if character >= _FIRST_WIDE:
        return 1.0
    if character == " ":
        return _SPACE
    if character in NARROW:
        return 0.3
    if character in BROAD:
        return 0.85
    return 0.68 if character.isupper() else 0.5
