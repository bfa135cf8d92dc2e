"""The words of a line with the spaces between them, for formats that have words."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from ocrspool.layout.text_direction import runs_from_the_right
from ocrspool.pages import Point
from ocrspool.render.line_geometry import Placement, placement
from ocrspool.results.schema import Line, Word


def words_of(line: Line) -> Iterator[tuple[str, Word]]:
    """Yield each word of a line with the text before it, which is a space or nothing.

    A line whose words nobody has measured is one word, spaces included.
    """
    if not line.words:
        yield "", Word(line.text, line.confidence, line.polygon)
        return
    place = 0
    for word in line.words:
        start = line.text.find(word.text, place)
        if start < 0:
            start = place
        yield " " if line.text[place:start] else "", word
        place = start + len(word.text)


def as_high_as_the_line(line: Line) -> Iterator[tuple[Word, str]]:
    """Yield each word with the space after it, as text is set over a picture of the page.

    A selection shows even boxes if all words of a line are as high as the line. Each word reaches to the next one, so
    that a space has room and readers of a PDF see no space between two words that have none.
    """
    pieces = list(words_of(line))
    try:
        placed = placement(line.polygon)
    except ValueError:
        return
    # Places are counted in the direction of reading: from the right, they and the edges of a word change their signs.
    sign = -1 if runs_from_the_right(line.text) else 1
    edges = [[sign * _along(placed, word.polygon[corner]) for corner in (0, 1)][::sign] for _, word in pieces]
    spaces = [gap for gap, _ in pieces[1:]] + [""]
    following = [first for first, _ in edges[1:]] + [-math.inf]  # the last word keeps its own end, wherever it is
    for (_, word), (first, last), after, space in zip(pieces, edges, following, spaces, strict=True):
        reached = after if after > first else last
        start, end = (sign * first, sign * reached)[::sign]
        yield Word(word.text, word.confidence, _cut(placed, start, end)), space


def part_of(line: Line, words: Sequence[Word]) -> Line:
    """Return the part of a line that these of its words are, as high as the line."""
    pieces = [piece for piece in words_of(line) if piece[1] in words]
    text = "".join(gap + word.text for gap, word in pieces).strip()
    try:
        placed = placement(line.polygon)
    except ValueError:
        return replace(line, text=text, words=tuple(words))
    starts, ends = ([_along(placed, word.polygon[corner]) for word in words] for corner in (0, 1))
    polygon = _cut(placed, min(starts), max(ends))
    confidence = sum(word.confidence for word in words) / len(words)
    around = Word(text, confidence, polygon).bounding_box
    return replace(line, text=text, confidence=confidence, polygon=polygon, bounding_box=around, words=tuple(words))


def _along(placed: Placement, point: Point) -> float:
    """Return how far along a line a point is: 0 at its start, 1 at its end."""
    (ax, ay), (left, top) = placed.along, placed.corner
    return ((point[0] - left) * ax + (point[1] - top) * ay) / (ax * ax + ay * ay)


def _cut(placed: Placement, start: float, end: float) -> tuple[Point, ...]:
    """Return the corners of the part of a line between these shares of its length."""
    (ax, ay), (dx, dy), (left, top) = placed.along, placed.down, placed.corner
    corners = ((start, 0), (end, 0), (end, 1), (start, 1))
    return tuple((left + ax * share + dx * part, top + ay * share + dy * part) for share, part in corners)
