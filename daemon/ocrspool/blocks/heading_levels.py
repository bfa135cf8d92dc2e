"""The levels of the headings of a document: by their numbers, and by how they are set. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mode

from ocrspool.blocks import markers
from ocrspool.blocks.kinds import Paragraph
from ocrspool.blocks.paragraphs import Style

_SAME_SIZE = 1.1  # ratio of sizes up to which headings are set alike
_DEEPEST = 6


def set_levels(headings: Sequence[Paragraph], style: Style) -> None:
    """Set the level of each heading of a document: the largest are the first level."""
    sizes = _classes([heading.size for heading in headings if not _is_plain(heading, style)])
    for heading in headings:
        rank = len(sizes) if _is_plain(heading, style) else sizes.index(_nearest(sizes, heading.size))
        heading.level = min(rank + 1, _DEEPEST)
    _set_by_numbers(headings)


def _is_plain(heading: Paragraph, style: Style) -> bool:
    """Return whether a heading is as large as the text."""
    return heading.size < _SAME_SIZE * style.size


def _classes(sizes: Sequence[float]) -> list[float]:
    """Return the different sizes, largest first."""
    found: list[float] = []
    for size in sorted(sizes, reverse=True):
        if not found or size * _SAME_SIZE < found[-1]:
            found.append(size)
    return found


def _nearest(sizes: Sequence[float], size: float) -> float:
    return min(sizes, key=lambda other: abs(other - size))


def _set_by_numbers(headings: Sequence[Paragraph]) -> None:
    """Let headings with numbers of as many parts be of one level, and those with more parts deeper."""
    numbered = [(heading, depth) for heading in headings if (depth := _depth(heading))]
    if not numbered:
        return
    first = min(depth for _, depth in numbered)
    base = mode(heading.level or 1 for heading, depth in numbered if depth == first)
    for heading, depth in numbered:
        heading.level = min(base + depth - first, _DEEPEST)


def _depth(heading: Paragraph) -> int | None:
    text = heading.text
    return markers.section_depth(text) if text[:1].isdigit() else None
