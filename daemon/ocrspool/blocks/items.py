"""The lines of a page as upright boxes with the size of their letters: what all further steps look at. Pure.

A page whose text runs from right to left is mirrored. Its indents, bullets, columns and the first column of its tables
are then where all further steps look for them, and none of these knows of directions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ocrspool.blocks.values import PageLines
from ocrspool.layout.boxes import leveled, mirrored, slope, turned
from ocrspool.layout.text_direction import page_runs_from_the_right, runs_from_the_right
from ocrspool.pages import Point, Polygon, TextLine

_VERTICAL = 1.5  # height / width from which a line of several characters runs down
_LEVEL = 0.1  # dy / dx up to which a rule is level, and dx / dy up to which it is upright
_BOX = 1.2  # height of a line, as a multiple of the size of its font
_SMALL, _CAPITAL, _WIDE = 0.5, 0.7, 0.85  # heights of letters, as shares of that size; wide ones are Chinese
_MOST = 1.25  # size of the font of a line, as a multiple of the height of its box
_LEAST = 0.5  # likewise: what is measured smaller than this is no height of letters
_LEAST_LETTER = 0.35  # of a font's size; what is lower is a part of letters, and says nothing of strokes
_FEW = 4  # letters and digits; the shapes of fewer say little
_FIRST_WIDE = "\u2e80"
_MANY_SMALL = 0.4  # share of letters from which on it is the small ones that most ink is in
_SAME_ROW = 0.5  # shared height, as a share of the lower box, from which two lines stand in one row


class ItemWord(NamedTuple):
    """One word of a line: where it stands on the leveled page, and in the text of the line."""

    left: float
    right: float
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Item:
    """One line on the leveled page. Left is where a line begins, also where it runs from right to left."""

    place: int
    """In the reading order."""
    left: float
    top: float
    right: float
    bottom: float
    text: str
    size: float
    """Of its font, in pixels: comparable between the lines of one document."""
    stroke: float | None = None
    """How thick its strokes are, as a share of that size. None where it was not measured."""
    words: tuple[ItemWord, ...] = ()
    """Empty where nobody has measured them."""

    @property
    def middle(self) -> float:
        """Half way between top and bottom."""
        return (self.top + self.bottom) / 2

    @property
    def center(self) -> float:
        """Half way between left and right."""
        return (self.left + self.right) / 2

    @property
    def width(self) -> float:
        """Pixels."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Pixels."""
        return self.bottom - self.top

    @property
    def runs_down(self) -> bool:
        """Whether it is a vertical line."""
        return self.bottom - self.top >= _VERTICAL * (self.right - self.left) and len(self.text) > 1


class Rule(NamedTuple):
    """A level or an upright ruling line on the leveled page: its place across, and from where to where it runs."""

    place: float
    start: float
    end: float


class Rules(NamedTuple):
    """The ruling lines of a page."""

    level: tuple[Rule, ...] = ()
    """`place` is y; from left to right."""
    upright: tuple[Rule, ...] = ()
    """`place` is x; from top to bottom."""


class Leveled(NamedTuple):
    """A page whose rows are level."""

    items: tuple[Item, ...]
    rules: Rules
    width: float
    height: float


def level(page: PageLines) -> Leveled:
    """Turn a page upright and level; mirror it if its text runs from right to left."""
    width, height = (page.height, page.width) if page.rotation in {90, 270} else (page.width, page.height)
    mirror = width if page_runs_from_the_right([line.text for line in page.lines]) else None
    polygons = [_upright(line.polygon, page, mirror) for line in page.lines]
    boxes, angle = leveled(polygons), slope(polygons)
    items = []
    for box, polygon, line in zip(boxes, polygons, page.lines, strict=True):
        size = max(_size(line, polygon), 1.0)
        words = _words(line, page, angle, mirror)
        items.append(Item(*box[-1:], *box[:-1], line.text, size, _stroke(line, size), words))
    return Leveled(tuple(items), _rules(page, angle, mirror), width, height)


def _words(line: TextLine, page: PageLines, angle: float, mirror: float | None) -> tuple[ItemWord, ...]:
    """Return the words of a line as they stand; none where they are not in its text, one after the other."""
    found = []
    end = 0
    cosine, sine = math.cos(angle), math.sin(angle)
    for word in line.words:
        start = line.text.find(word.text, end)
        if start < 0:
            return ()
        end = start + len(word.text)
        xs = [x * cosine + y * sine for x, y in _upright(word.polygon, page, mirror)]  # as `turned`, in half the time
        found.append(ItemWord(min(xs), max(xs), start, end))
    if mirror is not None or runs_from_the_right(line.text):  # then a number or a Latin text runs against the line
        found.sort()
    return tuple(found)


def same_row(one: Item, other: Item) -> bool:
    """Return whether two lines stand side by side."""
    shared = min(one.bottom, other.bottom) - max(one.top, other.top)
    return shared >= _SAME_ROW * min(one.bottom - one.top, other.bottom - other.top)


def _size(line: TextLine, polygon: Polygon) -> float:
    """Return the size of the font of a line in pixels, as near as it can be told."""
    box = math.dist(polygon[0], polygon[3]) or 1.0
    if line.letter_height is None or sum(map(str.isalnum, line.text)) < _FEW:
        return box / _BOX
    share = _height_of_letters(line.text)
    if line.letter_height / share > _MOST * box:  # a font is no larger than its line: most ink was in the capitals
        share = _CAPITAL
    size = line.letter_height / share
    return size if size >= _LEAST * box else box / _BOX


def _stroke(line: TextLine, size: float) -> float | None:
    """Return how thick the strokes of a line are, as a share of the size of its font."""
    if line.stroke is None or line.letter_height is None or line.letter_height < _LEAST_LETTER * size:
        return None
    return line.stroke * line.letter_height / size


def _height_of_letters(text: str) -> float:
    """Return how high the letters of a text are that most ink is in, as a share of the size of the font."""
    letters = [character for character in text if character.isalnum()]
    wide = sum(character >= _FIRST_WIDE for character in letters)
    if 2 * wide > len(letters):
        return _WIDE
    small = sum(character.islower() for character in letters)
    return _SMALL if small >= _MANY_SMALL * len(letters) else _CAPITAL


def _upright(polygon: Polygon, page: PageLines, mirror: float | None) -> Polygon:
    """Return a polygon on the upright page; with `mirror`, the width of that, on the mirrored one."""
    if page.rotation:
        one, two, three, four = (_turned_point(point, page) for point in polygon)
        polygon = one, two, three, four
    return polygon if mirror is None else mirrored(polygon, mirror)


def _turned_point(point: Point, page: PageLines) -> Point:
    x, y = point
    if page.rotation == 90:  # noqa: PLR2004 - degrees
        return page.height - y, x
    if page.rotation == 180:  # noqa: PLR2004
        return page.width - x, page.height - y
    if page.rotation == 270:  # noqa: PLR2004
        return y, page.width - x
    return point


def _rules(page: PageLines, angle: float, mirror: float | None) -> Rules:
    level_ones, upright = [], []
    for start, end in page.rules:
        ends = [_turned_point(start, page), _turned_point(end, page)]
        if mirror is not None:
            ends = [(mirror - x, y) for x, y in ends]
        (x1, y1), (x2, y2) = turned(ends, angle)
        if abs(y2 - y1) <= _LEVEL * abs(x2 - x1):
            level_ones.append(Rule((y1 + y2) / 2, min(x1, x2), max(x1, x2)))
        elif abs(x2 - x1) <= _LEVEL * abs(y2 - y1):
            upright.append(Rule((x1 + x2) / 2, min(y1, y2), max(y1, y2)))
    return Rules(tuple(sorted(level_ones)), tuple(sorted(upright)))


def rows(items: Sequence[Item]) -> list[list[Item]]:
    """Group lines that follow each other in the reading order and stand side by side, from left to right."""
    found: list[list[Item]] = []
    for item in items:
        last = found[-1] if found else []
        if last and item.left >= last[-1].right - last[-1].size and all(same_row(one, item) for one in last):
            last.append(item)
        else:
            found.append([item])
    return found
