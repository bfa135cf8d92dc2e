"""Lines that hold several cells of a table, cut where the words leave room. Pure.

The detection net joins cells that stand near each other. Their words tell them apart: they stand further from each
other than words of a sentence do, or a border of the table is between them.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from ocrspool.blocks.items import Item

Gap = tuple[float, float]
"""From the end of one column to the beginning of the next one."""

_WIDE = 1.2  # of a font's size: words that are further apart are in different cells
_ROOM = 0.45  # likewise, where a column of the table ends between them; a space is about 0.3


def at_wide_gaps(item: Item) -> list[Item]:
    """Return the parts of a line that are far apart from each other."""
    gaps = [_WIDE * item.size < after.left - before.right for before, after in itertools.pairwise(item.words)]
    return _cut(item, [at for at, is_wide in enumerate(gaps, 1) if is_wide])


def between(item: Item, gaps: Sequence[Gap], room: float = _ROOM) -> list[Item]:
    """Return the parts of a line that stand in different columns: it is cut at its widest space in each gap."""
    cuts = set()
    for start, end in gaps:
        spaces = [
            (after.left - before.right, at)
            for at, (before, after) in enumerate(itertools.pairwise(item.words), 1)
            if before.right <= end and after.left >= start
        ]
        space, at = max(spaces, default=(0.0, 0))
        if space >= room * item.size:
            cuts.add(at)
    return _cut(item, sorted(cuts))


def _cut(item: Item, cuts: Sequence[int]) -> list[Item]:
    """Return the parts of a line that begin with these words."""
    if not cuts:
        return [item]
    bounds = [0, *cuts, len(item.words)]
    return [_part(item, start, end) for start, end in itertools.pairwise(bounds)]


def _part(item: Item, start: int, end: int) -> Item:
    words = item.words[start:end]
    text = item.text[min(word.start for word in words) : max(word.end for word in words)]
    # `dataclasses.replace` takes three times as long, and a receipt has many parts.
    return Item(item.place, words[0].left, item.top, words[-1].right, item.bottom, text, item.size, item.stroke, words)
