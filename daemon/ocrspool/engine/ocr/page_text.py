"""The text of a page after its lines were read: which readings count, which lines are text, what to warn of.

Pure: readings in, a PageText out. Nothing here calls a net.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ocrspool.engine.models.model_set import LINE_HEIGHT
from ocrspool.engine.ocr.ink import has_ink
from ocrspool.engine.ocr.misread_languages import has_letters_of, misread_language, told
from ocrspool.engine.ocr.ruling_lines import ruling_lines
from ocrspool.engine.ocr.told_lines import ReadLine, points_on_page, told_lines
from ocrspool.engine.ocr.upside_down import is_upside_down
from ocrspool.engine.reading.lone_signs import without_lone_signs
from ocrspool.layout.boxes import mirrored
from ocrspool.layout.reading_order import reading_order
from ocrspool.layout.text_direction import page_runs_from_the_right
from ocrspool.pages import Notice, PageText

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from ocrspool.engine.ocr.page_state import Line, PageInWork
    from ocrspool.pages import Polygon

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
_NO_TEXT = "The page is not blank, and no text was found on it: a picture, handwriting, or text that is too faint."


def _is_text(line: ReadLine, least_certainty: float) -> bool:
    """Return whether a line belongs in the result: what the net is less sure of is a picture or a speck."""
    reading = line.reading
    characters = "".join(reading.text.split())
    if len(characters) < _SHORT and not line.alone:
        least_certainty = max(least_certainty, _LEAST_OF_SHORT)
    if reading.unread_share >= _MOSTLY_UNREAD:
        least_certainty = max(least_certainty, _LEAST_BESIDE_UNREAD)
        characters = "".join(filter(str.isalnum, characters))
    return bool(characters) and reading.certainty >= least_certainty


def _saying(line: ReadLine, text: str) -> ReadLine:
    """Return the same line with other words."""
    return line if text == line.reading.text else line._replace(reading=replace(line.reading, text=text))


def page_text(page: PageInWork, least_confidence: float, taking_letters_for_others: Collection[str] = ()) -> PageText:
    """Return what a page says whose lines have all been read.

    `taking_letters_for_others` names the readers of which misread_languages.py tells.
    """
    found = [_best(line) for line in page.lines]
    if (whole := _whole(page, found)) is not None:
        found, page.rotation, page.margin = [whole], 0, 0
    text = [line for line in found if _is_text(line, least_confidence)]
    left_out = [line for line in found if not _is_text(line, least_confidence)]
    texts = without_lone_signs([line.reading.text for line in text])
    text = [_saying(line, words) for line, words in zip(text, texts, strict=True) if words.strip()]
    lines = [text[place] for place in reading_order(_to_be_ordered(text))]
    shown = tuple(told_lines(lines, page))
    warnings = _warnings(page, lines, left_out, taking_letters_for_others)
    rules = ruling_lines(page.pixels) if shown else ()
    return PageText(shown, page.rotation, page.seconds, warnings, rules=rules, finder=page.options.readers.finder)


def _to_be_ordered(lines: Sequence[ReadLine]) -> list[Polygon]:
    """Return where lines stand; mirrored if most run from right to left, because their columns are read so, too."""
    polygons = [_points(line.polygon) for line in lines]
    if page_runs_from_the_right([line.reading.text for line in lines]):
        return [mirrored(polygon, 0.0) for polygon in polygons]
    return polygons


def _best(line: Line) -> ReadLine:
    """Return the surest reading of a line."""
    variants = [line.turned] if line.turned is not None and is_upside_down(line) else line.variants
    readings = [(*variant.surest(), variant) for variant in variants]
    reading, reader, variant = max(readings, key=lambda choice: choice[0].confidence)
    said = variant.said(reader)
    return ReadLine(reading, variant.polygon, line.detection_confidence, variant.strips, said, reader)


def _whole(page: PageInWork, found: Sequence[ReadLine]) -> ReadLine | None:
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
    page: PageInWork,
    lines: Sequence[ReadLine],
    left_out: Sequence[ReadLine],
    taking_letters_for_others: Collection[str],
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


def _is_unread(line: ReadLine) -> bool:
    """Return whether letters of a line must be missing, or were only guessed at."""
    reading = line.reading
    ink, share = reading.ink, reading.unread_share
    characters = len("".join(reading.text.split()))
    letters = characters >= _SHORT and ink.pieces >= _UNREAD_PIECES and share >= _UNREAD_SHARE
    missing = ink.unread >= _UNREAD_COLUMNS and (letters or share >= _MOSTLY_UNREAD)
    guessed = characters >= _LONG and reading.certainty < _GUESSED and line.detection_confidence >= _SURELY_TEXT
    return missing or guessed


def _unread_message(page: PageInWork, kept: int, lost: Sequence[ReadLine]) -> str:
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


def _height_on_page(line: ReadLine, page: PageInWork) -> float:
    """Return how far down the page, as it came, the middle of a line is: 0 to 1."""
    ys = [y for _, y in points_on_page(line.polygon, page)]
    return sum(ys) / len(ys) / int(page.pixels.shape[0])


def _points(polygon: NDArray[np.float32]) -> Polygon:
    (a, b), (c, d), (e, f), (g, h) = polygon.tolist()
    return (a, b), (c, d), (e, f), (g, h)
