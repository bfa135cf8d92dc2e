"""Where a line is on its page, as code that sets text there needs it: a corner, and the direction of the text."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ocrspool.pages import Point


@dataclass(frozen=True, slots=True)
class Placement:
    """A parallelogram, in the coordinates of the polygon that it was made of."""

    corner: Point
    """The text's own top left."""
    along: Point
    """From there to its own top right."""
    down: Point
    """From there to its own bottom left."""

    @property
    def width(self) -> float:
        """Return how long the text is."""
        return math.hypot(*self.along)

    @property
    def height(self) -> float:
        """Return how high the text is."""
        return math.hypot(*self.down)

    @property
    def angle(self) -> float:
        """Return by how many degrees the text is turned, clockwise: -180 to 180."""
        return math.degrees(math.atan2(self.along[1], self.along[0]))


def placement(polygon: tuple[Point, ...]) -> Placement:
    """Return the parallelogram nearest to four points, clockwise from the text's own top left: center and mean edges.

    Raise ValueError where there is no room for text in it.
    """
    one, two, three, four = polygon
    along = _half(_sum(_difference(two, one), _difference(three, four)))
    down = _half(_sum(_difference(four, one), _difference(three, two)))
    center = _half(_half(_sum(_sum(one, two), _sum(three, four))))
    placed = Placement(_difference(center, _half(_sum(along, down))), along, down)
    if not abs(along[0] * down[1] - along[1] * down[0]) > 0:  # no area, or no numbers
        raise ValueError(f"no room for text in {polygon}")
    return placed


def _sum(one: Point, other: Point) -> Point:
    return one[0] + other[0], one[1] + other[1]


def _difference(one: Point, other: Point) -> Point:
    return one[0] - other[0], one[1] - other[1]


def _half(point: Point) -> Point:
    return point[0] / 2, point[1] / 2
