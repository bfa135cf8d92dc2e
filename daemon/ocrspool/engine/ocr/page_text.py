"""The text of a page after its lines were read: which readings count, which lines are text, what to warn of.

Pure: readings in, a PageText out. Nothing here calls a net.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ocrspool.engine.models.model_set import LINE_HEIGHT
from ocrspool.engine.ocr.ink import has_ink
from ocrspool.engine.ocr.misread_languages import has_letters_of, misread_language, told
from ocrspool.engine.ocr.ruling_lines import ruling_lines
from ocrspool.engine.ocr.upside_down import is_upside_down
from ocrspool.engine.reading.crop import rectangle
from ocrspool.engine.reading.letter_size import letter_size
from ocrspool.engine.reading.lone_signs import without_lone_signs
from ocrspool.engine.reading.orientation import turned_back
from ocrspool.engine.reading.own_ink import own_ink
from ocrspool.engine.reading.words import as_in, characters, words, words_as_read
from ocrspool.layout.boxes import mirrored
from ocrspool.layout.reading_order import reading_order
from ocrspool.layout.text_direction import in_reading_order, page_runs_from_the_right
from ocrspool.pages import Notice, PageText, TextLine, Word

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from ocrspool.engine.ocr.page_state import Line, PageInWork
    from ocrspool.engine.reading.own_ink import OwnInk
    from ocrspool.engine.reading.recognize import Reading
    from ocrspool.engine.spec import Pixels
    from ocrspool.pages import Point, Polygon

_MARGIN = 0.1
"""Confidence by which the lines found on a small picture have to beat it as one line."""
_LEGIBLE = 0.8
"""Confidence of a small picture that is read as one line, from which on it is one."""
_SHORT = 6
"""Lines of fewer characters are mostly pictures and specks taken for text, unless the net is this sure of them:"""
_LEAST_OF_SHORT = 0.7
_LEAST_BESIDE_UNREAD = 0.85
"""Nor is what came out of a line that is mostly unread worth keeping, unless the net is this sure of it: digits are."""
_UNREAD_PIECES = 3
_UNREAD_SHARE = 0.05
"""A line with so many pieces of unread ink, which are this share of all its ink, is worth a warning; not so a short
one, which may be a logo in broad letters."""
_MOSTLY_UNREAD = 0.5
"""So is one with less pieces and this share: letters of some scripts hang together."""
_UNREAD_COLUMNS = LINE_HEIGHT
"""Provided that they are this wide together, in pixels at a height of 48: less is a speck or a tick."""
_GUESSED = 0.75
_LONG = 10
_SURELY_TEXT = 0.7
"""So is one of so many characters that are less sure than this, where the detection net is sure that it is text:
letters of an unknown script that look like known ones. Of 5,570 lines of ordinary documents, none is such a one."""
_PLACES_TOLD = 5
_ALONG, _ACROSS = [0, 2, 2, 0], [1, 1, 3, 3]
"""Which sides of a box (left, top, right, bottom) meet in its corners, clockwise from the top left."""
_NO_TEXT = "The page is not blank, and no text was found on it: a picture, handwriting, or text that is too faint."


class _Line(NamedTuple):
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

    def is_text(self, least_certainty: float) -> bool:
        """Return whether it belongs in the result: what the net is less sure of is a picture or a speck."""
        characters = "".join(self.reading.text.split())
        if len(characters) < _SHORT and not self.alone:
            least_certainty = max(least_certainty, _LEAST_OF_SHORT)
        if self.reading.unread_share >= _MOSTLY_UNREAD:
            least_certainty = max(least_certainty, _LEAST_BESIDE_UNREAD)
            characters = "".join(filter(str.isalnum, characters))
        return bool(characters) and self.reading.certainty >= least_certainty

    def saying(self, text: str) -> _Line:
        """Return the same line with other words."""
        return self if text == self.reading.text else self._replace(reading=replace(self.reading, text=text))


def page_text(page: PageInWork, least_confidence: float, taking_letters_for_others: Collection[str] = ()) -> PageText:
    """Return what a page says whose lines have all been read.

    `taking_letters_for_others` names the readers of which misread_languages.py tells.
    """
    found = [_best(line) for line in page.lines]
    if (whole := _whole(page, found)) is not None:
        found, page.rotation, page.margin = [whole], 0, 0
    text = [line for line in found if line.is_text(least_confidence)]
    left_out = [line for line in found if not line.is_text(least_confidence)]
    texts = without_lone_signs([line.reading.text for line in text])
    text = [line.saying(words) for line, words in zip(text, texts, strict=True) if words.strip()]
    lines = [text[place] for place in reading_order(_to_be_ordered(text))]
    shown = tuple(_told(line, page) for line in lines)
    warnings = _warnings(page, lines, left_out, taking_letters_for_others)
    rules = ruling_lines(page.pixels) if shown else ()
    return PageText(shown, page.rotation, page.seconds, warnings, rules=rules, finder=page.options.readers.finder)


def _to_be_ordered(lines: Sequence[_Line]) -> list[Polygon]:
    """Return where lines stand; mirrored if most run from right to left, because their columns are read so, too."""
    polygons = [_points(line.polygon) for line in lines]
    if page_runs_from_the_right([line.reading.text for line in lines]):
        return [mirrored(polygon, 0.0) for polygon in polygons]
    return polygons


def _told(line: _Line, page: PageInWork) -> TextLine:
    reading = line.reading
    polygon = _on_page(line.polygon, page)
    ink = [own_ink(strip) for strip in (line.strips[:1] if page.options.words == "none" else line.strips)]
    text, words = in_reading_order(reading.text), _words(line, ink, page)
    told = TextLine(text, reading.confidence, polygon, line.detection_confidence, words, reader=line.reader)
    if not ink or (size := letter_size(ink[0])) is None:
        return told
    height = math.dist(polygon[0], polygon[3])
    return replace(told, letter_height=size.height * height, stroke=size.stroke / size.height)


def _words(line: _Line, ink: Sequence[OwnInk], page: PageInWork) -> tuple[Word, ...]:
    """Return the words of a line, as they stand on the page."""
    if page.options.words == "none":
        return ()
    measure = characters if page.options.words == "characters" else words
    found = words_as_read(line.reading.text, as_in(line.reading.text, measure(ink, line.readings)))
    if not found:
        return ()
    # Fractions of the rectangle that the strips show. All corners at once: a call for each word takes longer than to
    # measure it.
    start, right, _, down = rectangle(line.polygon)
    sides = np.array([word.box for word in found], np.float32)
    corners = start + sides[:, _ALONG, None] * (right - start) + sides[:, _ACROSS, None] * (down - start)
    points = _points_on_page(corners.reshape(-1, 2), page)
    return tuple(
        Word(word.text, word.certainty, (a, b, c, d))
        for word, a, b, c, d in zip(found, points[::4], points[1::4], points[2::4], points[3::4], strict=True)
    )


def _best(line: Line) -> _Line:
    """Return the surest reading of a line."""
    variants = [line.turned] if line.turned is not None and is_upside_down(line) else line.variants
    readings = [(*variant.surest(), variant) for variant in variants]
    reading, reader, variant = max(readings, key=lambda choice: choice[0].confidence)
    said = variant.said(reader)
    return _Line(reading, variant.polygon, line.detection_confidence, variant.strips, said, reader)


def _whole(page: PageInWork, found: Sequence[_Line]) -> _Line | None:
    """Return a small picture as one line, where that reads at least as well as the lines that were found on it."""
    if page.whole is None:
        return None
    whole = _best(page.whole)
    texts = [line.reading for line in found if line.reading.text.strip()]
    confidence = max((reading.confidence for reading in texts), default=0.0)
    if whole.reading.confidence < max(_LEGIBLE if texts else 0.0, confidence - _MARGIN):
        return None
    found_at = max((line.detection_confidence for line in found), default=0.0)
    return whole._replace(detection_confidence=found_at, alone=True)


def _warnings(
    page: PageInWork, lines: Sequence[_Line], left_out: Sequence[_Line], taking_letters_for_others: Collection[str]
) -> tuple[Notice, ...]:
    """Return what a reader of the page's lines has to know of what is not in them."""
    unread = tuple(place for place, line in enumerate(lines) if _is_unread(line))
    lost = [line for line in left_out if _is_unread(line)]
    warnings = []
    if unread or lost:
        warnings.append(Notice("unread-script", _unread_message(page, len(unread), lost), None, lines=unread))
    texts = [line.reading.text if line.reader in taking_letters_for_others else "" for line in lines]
    if language := misread_language(texts):
        places = tuple(place for place, text in enumerate(texts) if has_letters_of(language, text))
        warnings.append(Notice("unread-script", told(language), None, lines=places))
    if not lines and has_ink(page.pixels):
        warnings.append(Notice("no-text-found", _NO_TEXT, None))
    return tuple(warnings)


def _is_unread(line: _Line) -> bool:
    """Return whether letters of a line must be missing, or were only guessed at."""
    reading = line.reading
    ink, share = reading.ink, reading.unread_share
    characters = len("".join(reading.text.split()))
    letters = characters >= _SHORT and ink.pieces >= _UNREAD_PIECES and share >= _UNREAD_SHARE
    missing = ink.unread >= _UNREAD_COLUMNS and (letters or share >= _MOSTLY_UNREAD)
    guessed = characters >= _LONG and reading.certainty < _GUESSED and line.detection_confidence >= _SURELY_TEXT
    return missing or guessed


def _unread_message(page: PageInWork, kept: int, lost: Sequence[_Line]) -> str:
    """Say how many lines have letters that were not read, and where those are that are not in the result at all."""
    count = kept + len(lost)
    message = (
        f"{count} line{'s' * (count > 1)} of the page {'have' if count > 1 else 'has'} letters that were not read, or "
        "only guessed. Perhaps they are of a script that the recognition model does not know."
    )
    if not lost:
        return message
    heights = sorted(_height_on_page(line, page) for line in lost)
    places = ", ".join(f"{share:.0%}" for share in heights[:_PLACES_TOLD]) + ", …" * (len(heights) > _PLACES_TOLD)
    return (
        f"{message} {len(lost)} of these {'are' if len(lost) > 1 else 'is'} not in the result at all: "
        f"they stand at {places} of the page's height."
    )


def _height_on_page(line: _Line, page: PageInWork) -> float:
    """Return how far down the page, as it came, the middle of a line is: 0 to 1."""
    ys = [y for _, y in _on_page(line.polygon, page)]
    return sum(ys) / len(ys) / int(page.pixels.shape[0])


def _on_page(polygon: NDArray[np.float32], page: PageInWork) -> Polygon:
    """Return a polygon of what was searched in pixels of the page as it came."""
    one, two, three, four = _points_on_page(polygon, page)
    return one, two, three, four


def _points_on_page(points: NDArray[np.float32], page: PageInWork) -> list[Point]:
    """Return points [n, 2] of what was searched in pixels of the page as it came."""
    points = turned_back(points, page.rotation, *page.searched_size)
    if page.margin:
        height, width = page.pixels.shape[:2]
        points = np.clip(points - page.margin, 0, (width, height)).astype(np.float32)
    return [(x, y) for x, y in points.tolist()]


def _points(polygon: NDArray[np.float32]) -> Polygon:
    (a, b), (c, d), (e, f), (g, h) = polygon.tolist()
    return (a, b), (c, d), (e, f), (g, h)
