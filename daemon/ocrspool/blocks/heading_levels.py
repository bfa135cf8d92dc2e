"""The levels of the headings of a document: by their numbers, and by how they are set. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mode

from ocrspool.blocks import markers
from ocrspool.blocks.kinds import Paragraph
from ocrspool.blocks.paragraphs import Style

_SAME_SIZE = 1.1  # ratio of sizes up to which headings are set alike
_WIDEST = 1.2  # ratio of the largest to the smallest of sizes that are measured of headings that are set alike
_LONG = 10  # characters of a heading that is as large as it is measured
_DEEPEST = 6

Class = tuple[float, float]
"""The largest and the smallest size of headings that are set alike."""


def set_levels(headings: Sequence[Paragraph], style: Style) -> None:
    """Set the level of each heading of a document: the largest are the first level."""
    classes = _classes_of([heading for heading in headings if not _is_plain(heading, style)])
    for heading in headings:
        rank = len(classes) if _is_plain(heading, style) else _rank(classes, heading.size)
        heading.level = min(rank + 1, _DEEPEST)
    _set_by_numbers(headings)


def _is_plain(heading: Paragraph, style: Style) -> bool:
    """Return whether a heading is as large as the text."""
    return heading.size < _SAME_SIZE * style.size


def _classes_of(headings: Sequence[Paragraph]) -> list[Class]:
    """Return the classes of headings, largest first. The size of short ones is told badly: these join a class near."""
    known = _classes([heading.size for heading in headings if len(heading.text) >= _LONG])
    short = [heading.size for heading in headings if len(heading.text) < _LONG]
    apart = [size for size in short if all(_distance(each, size) > _WIDEST for each in known)]
    return sorted([*known, *_classes(apart)], reverse=True)


def _classes(sizes: Sequence[float]) -> list[Class]:
    """Return the classes of sizes, largest first: a class ends at a gap, and where its sizes would differ too much."""
    found: list[Class] = []
    for size in sorted(sizes, reverse=True):
        largest, smallest = found[-1] if found else (0.0, 0.0)
        if found and size * _SAME_SIZE >= smallest and size * _WIDEST >= largest:
            found[-1] = (largest, size)
        else:
            found.append((size, size))
    return found


def _rank(classes: Sequence[Class], size: float) -> int:
    return min(range(len(classes)), key=lambda rank: _distance(classes[rank], size))


def _distance(of: Class, size: float) -> float:
    """Return how far a size is from a class, as a ratio: 1 within it."""
    largest, smallest = of
    return max(smallest / size, size / largest, 1.0)


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
