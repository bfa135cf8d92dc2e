"""The lines of a page as upright rectangles, and their relative positions, for the reading order. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocrspool.pages import Point, Polygon

_OVERHANG = 0.2  # of a box's height, by which it reaches over its text at top and bottom
_SAME_ROW = 0.5  # shared height, as a share of the lower box, from which two boxes stand in one row


class Box(NamedTuple):
    """Bounding box of one line after leveling the page; `place` is that of the input."""

    left: float
    top: float
    right: float
    bottom: float
    place: int

    @property
    def height(self) -> float:
        """Pixels."""
        return self.bottom - self.top

    @property
    def width(self) -> float:
        """Pixels."""
        return self.right - self.left

    @property
    def middle(self) -> float:
        """Half way between top and bottom."""
        return (self.top + self.bottom) / 2


Gap = tuple[float, float]
"""A range of x that no box of a group touches."""


def leveled(polygons: Sequence[Polygon]) -> list[Box]:
    """Return bounding boxes after turning the page by the slope of its lines: rows of a skewed page get level."""
    angle = slope(polygons)
    return [Box(*_around(turned(polygon, angle)), index) for index, polygon in enumerate(polygons)]


def turned(points: Sequence[Point], angle: float) -> list[Point]:
    """Return points of a page that is turned so that a line of this slope gets level."""
    cosine, sine = math.cos(angle), math.sin(angle)
    return [(x * cosine + y * sine, y * cosine - x * sine) for x, y in points]


def mirrored(polygon: Polygon, width: float) -> Polygon:
    """Return a polygon as it stands on the mirrored page of this width, again from its top left corner on.

    What holds of a page that is read from the left holds of the mirrored one if its text runs from right to left.
    """
    one, two, three, four = ((width - x, y) for x, y in polygon)
    return two, one, four, three


def _around(points: Sequence[Point]) -> tuple[float, float, float, float]:
    xs, ys = zip(*points, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def slope(polygons: Sequence[Polygon]) -> float:
    """Return the median slope of the lines, in radians, where each counts by its length squared.

    A short line says little of the page's slope: its corners are rounded to pixels, and a number of two digits lies
    level on a page that does not. On a skewed table most lines are that short.
    """
    slopes = sorted(
        (math.atan2(right[1] - left[1], right[0] - left[0]), math.dist(left, right) ** 2)
        for left, right, corner, _ in polygons
        if right[0] - left[0] > 2 * math.dist(right, corner)
    )
    half = sum(weight for _, weight in slopes) / 2
    for slope, weight in slopes:
        half -= weight
        if half <= 0:
            return slope
    return 0.0


def bands(boxes: list[Box]) -> list[list[Box]]:
    """Group boxes into bands that no horizontal cut can divide, top to bottom."""
    found: list[list[Box]] = []
    reach = -math.inf
    for box in sorted(boxes, key=lambda box: (box.top, box.left, box.place)):
        shrink = box.height * _OVERHANG  # touching lines are still two bands
        if box.top + shrink >= reach:
            found.append([])
        found[-1].append(box)
        reach = max(reach, box.bottom - shrink)
    return found


def rows(boxes: list[Box]) -> list[list[Box]]:
    """Group boxes into rows, top to bottom, each from left to right; two share one if enough of their heights does."""
    found: list[list[Box]] = []
    for box in sorted(boxes, key=lambda box: (box.top + box.bottom, box.left, box.place)):
        # Level with all of them, not with one: a tall box must not tie two rows together.
        if found and all(_same_row(one, box) for one in found[-1]):
            found[-1].append(box)
        else:
            found.append([box])
    return [sorted(row) for row in found]


def _same_row(one: Box, other: Box) -> bool:
    shared = min(one.bottom, other.bottom) - max(one.top, other.top)
    return shared >= _SAME_ROW * min(one.height, other.height)


def gaps(band: list[Box]) -> list[Gap]:
    """Return the ranges of x that no box of the band touches, the outer two included."""
    found = []
    reach = -math.inf
    for box in sorted(band):
        if box.left > reach:
            found.append((reach, box.left))
        reach = max(reach, box.right)
    return [*found, (reach, math.inf)]


def intersection(some: list[Gap], others: list[Gap]) -> list[Gap]:
    """Return what both have of the range of x."""
    pairs = ((max(a, c), min(b, d)) for a, b in some for c, d in others)
    return [(start, end) for start, end in pairs if start < end]
