"""What a result says of the lines of a page: their text, their words, and where both stand on the page as it came.

Some dozens of lines are measured together: numpy takes longer to be called for one line than to compute for all.
"""

from __future__ import annotations

import math
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ocrspool.engine.reading.crop import rectangle
from ocrspool.engine.reading.letter_size import letter_size
from ocrspool.engine.reading.orientation import turned_back
from ocrspool.engine.reading.own_ink import own_inks
from ocrspool.engine.reading.words import as_in, characters, words, words_as_read
from ocrspool.layout.text_direction import in_reading_order
from ocrspool.pages import TextLine, Word

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from ocrspool.engine.ocr.page_state import PageInWork
    from ocrspool.engine.reading.own_ink import OwnInk
    from ocrspool.engine.reading.recognize import Reading
    from ocrspool.engine.reading.words import Measured
    from ocrspool.engine.spec import Pixels
    from ocrspool.pages import Point, Polygon, WordMode

_TOGETHER = 64
"""Lines that are measured together: they take 10 MB where all are as wide as a net takes."""
_ALONG, _ACROSS = [0, 2, 2, 0], [1, 1, 3, 3]
"""Which sides of a box (left, top, right, bottom) meet in its corners, clockwise from the top left."""


class ReadLine(NamedTuple):
    """A line and the reading of it that counts."""

    reading: Reading
    polygon: NDArray[np.float32]
    """On the page as searched."""
    detection_confidence: float
    strips: Sequence[Pixels] = ()
    """Its pixels, and"""
    readings: Sequence[Reading] = ()
    """what each of these says."""
    reader: str = ""
    """Who read it."""
    alone: bool = False
    """Whether it is all that the page holds: then it is short because the picture is."""


def told_lines(lines: Sequence[ReadLine], page: PageInWork) -> Iterator[TextLine]:
    """Yield the lines of a page as a result has them, in the order in which they are given."""
    for start in range(0, len(lines), _TOGETHER):
        yield from _told(lines[start : start + _TOGETHER], page)


def _told(lines: Sequence[ReadLine], page: PageInWork) -> Iterator[TextLine]:
    mode = page.options.words
    shown = [line.strips[:1] if mode == "none" else line.strips for line in lines]
    inks = iter(own_inks([strip for strips in shown for strip in strips]))
    of_lines = [list(islice(inks, len(strips))) for strips in shown]
    found = [_measured(line, ink, mode) for line, ink in zip(lines, of_lines, strict=True)]
    polygons = _four_by_four(points_on_page(np.concatenate([line.polygon for line in lines]), page))
    around = _four_by_four(points_on_page(_corners(lines, found), page))
    for line, ink, measured, polygon in zip(lines, of_lines, found, polygons, strict=True):
        told = tuple(Word(word.text, word.certainty, next(around)) for word in measured)
        yield TextLine(
            in_reading_order(line.reading.text),
            line.reading.confidence,
            polygon,
            line.detection_confidence,
            told,
            *_letters(ink, polygon),
            reader=line.reader,
        )


def _measured(line: ReadLine, ink: Sequence[OwnInk], mode: WordMode) -> list[Measured]:
    """Return the words of a line, in the order in which they are read."""
    if mode == "none":
        return []
    measure = characters if mode == "characters" else words
    return words_as_read(line.reading.text, as_in(line.reading.text, measure(ink, line.readings)))


def _letters(ink: Sequence[OwnInk], polygon: Polygon) -> tuple[float | None, float | None]:
    """Return the height of a line's letters in pixels of the page, and the thickness of their strokes as a share."""
    if not ink or (size := letter_size(ink[0])) is None:
        return None, None
    return size.height * math.dist(polygon[0], polygon[3]), size.stroke / size.height


def _corners(lines: Sequence[ReadLine], found: Sequence[Sequence[Measured]]) -> NDArray[np.float32]:
    """Return the corners of all words [4 * n, 2] on the page as searched.

    Their boxes are fractions of the rectangle that the strips of a line show.
    """
    counts = [len(measured) for measured in found]
    rectangles = [rectangle(line.polygon) for line, count in zip(lines, counts, strict=True) if count]
    if not rectangles:
        return np.empty((0, 2), np.float32)
    of_words = np.repeat(np.array(rectangles), [count for count in counts if count], axis=0)
    start, right, down = (of_words[:, None, corner] for corner in (0, 1, 3))
    sides = np.array([word.box for measured in found for word in measured], np.float32)
    corners = start + sides[:, _ALONG, None] * (right - start) + sides[:, _ACROSS, None] * (down - start)
    flat: NDArray[np.float32] = corners.reshape(-1, 2)
    return flat


def points_on_page(points: NDArray[np.float32], page: PageInWork) -> list[Point]:
    """Return points [n, 2] of what was searched in pixels of the page as it came."""
    points = turned_back(points, page.rotation, *page.searched_size)
    if page.margin:
        height, width = page.pixels.shape[:2]
        points = np.clip(points - page.margin, 0, (width, height)).astype(np.float32)
    return [(x, y) for x, y in points.tolist()]


def _four_by_four(points: Iterable[Point]) -> Iterator[Polygon]:
    corners = iter(points)
    return zip(corners, corners, corners, corners, strict=True)
