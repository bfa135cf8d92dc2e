"""The levels of the headings of a document: by their numbers, and by how they are set. Pure."""

from __future__ import annotations

from collections.abc import Sequence

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
    """Let headings with numbers of several parts be as much deeper than those of one part as they have more parts."""
    depths = [_depth(heading) for heading in headings]
    firsts = [heading.level for heading, depth in zip(headings, depths, strict=True) if depth == 1 and heading.level]
    if not firsts or max((depth for depth in depths if depth), default=0) < 2:  # noqa: PLR2004 - no parts
        return
    base = min(firsts)
    for heading, depth in zip(headings, depths, strict=True):
        if depth:
            heading.level = min(base + depth - 1, _DEEPEST)


def _depth(heading: Paragraph) -> int | None:
    text = heading.text
    return markers.section_depth(text) if text[:1].isdigit() else None
