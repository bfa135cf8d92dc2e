"""Text of a PDF page that is not visible, because PDFium does not draw text whose font it cannot use."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import cast

import pypdfium2
from PIL import Image
from pypdfium2 import raw

from ocrspool.decoding.child.pdf.strings import utf16
from ocrspool.decoding.child.pdf.text import Box, Place, own_text
from ocrspool.pages import Notice, Polygon, TextLine

_MANY = 0.2
"""Share of the pieces of text from which it is said that they are not seen."""
_MOST_LOOKED_AT = 200
"""Pieces of text on a page, taken evenly from all."""
_MOST_PIXELS = 4_000_000
"""Of one piece: what is larger than a page of print is seen, or is none."""
_ALIKE = 24
"""Grey levels within which all is one color: nothing is drawn there."""
_SEEN = {raw.FPDF_TEXTRENDERMODE_FILL, raw.FPDF_TEXTRENDERMODE_STROKE, raw.FPDF_TEXTRENDERMODE_FILL_STROKE}


@dataclass(frozen=True, slots=True)
class Undrawn:
    """What of a page's text is not seen."""

    lines: tuple[TextLine, ...] = ()
    """Of these, because its fonts have no letters for them."""
    is_covered: bool = False
    """Whether a good part of it is not, for whatever reason."""

    def remarks(self, number: int) -> tuple[Notice, ...]:
        """Return what is to be said of the page of this number, from 1."""
        if self.lines:
            message = "Text of the page cannot be drawn, because of its fonts: it was taken as the PDF has it."
        elif self.is_covered:
            message = "The page has text that is not seen: it is covered, or cannot be drawn."
        else:
            return ()
        return (Notice("text-not-drawn", message, number),)


def undrawn_text(page: pypdfium2.PdfPage, bitmap: pypdfium2.PdfBitmap) -> Undrawn:
    """Tell what of the page's text is not seen in the rendered page."""
    pieces = list(_pieces(page))
    if not pieces:
        return Undrawn()
    picture = _Picture(bitmap)
    with closing(page.get_textpage()) as text:
        flat = [box for piece, box in pieces if _is_flat(box) and _has_words(piece, text)]
        if flat and (lines := _undrawn_lines(page, flat, picture)):
            return Undrawn(lines)
        pieces = pieces[:: max(1, len(pieces) // _MOST_LOOKED_AT)]
        place = Place(page, *picture.size)
        unseen = [piece for piece, box in pieces if not _is_flat(box) and _is_unseen(piece, box, place, picture)]
        if len(unseen) <= _MANY * len(pieces):
            return Undrawn()
        return Undrawn(is_covered=sum(_has_words(piece, text) for piece in unseen) > _MANY * len(pieces))


class _Picture:
    """A rendered page to look at, where it lies: the whole of a large one may not fit into memory a second time."""

    def __init__(self, bitmap: pypdfium2.PdfBitmap) -> None:
        self.size = (bitmap.width, bitmap.height)
        rows = (bitmap.stride, bitmap.height)
        self._bytes = Image.frombuffer("L", rows, bitmap.buffer, "raw", "L", bitmap.stride, 1)

    def ranges(self, polygon: Polygon) -> list[tuple[int, int]]:
        """Return the least and the highest red, green and blue around a polygon.

        Return none where that is beside the page, in no pixel or in very many.
        """
        xs, ys = zip(*polygon, strict=True)
        left, top = max(0, int(min(xs))), max(0, int(min(ys)))
        right, bottom = min(self.size[0], int(max(xs))), min(self.size[1], int(max(ys)))
        if right <= left or bottom <= top or (right - left) * (bottom - top) > _MOST_PIXELS:
            return []
        pixels = self._bytes.crop((left * 3, top, right * 3, bottom)).tobytes()
        part = Image.frombytes("RGB", (right - left, bottom - top), pixels, "raw", "BGR")
        return cast("list[tuple[int, int]]", list(part.getextrema()))


def _undrawn_lines(page: pypdfium2.PdfPage, flat: list[Box], picture: _Picture) -> tuple[TextLine, ...]:
    """Return the lines of the page's own text that have one of these pieces in them, and no ink."""
    return tuple(
        each.line
        for each in own_text(page, *picture.size)
        if any(_meet(box, place) for box in each.boxes for place in flat)
        and (ranges := picture.ranges(each.line.polygon))
        and _is_plain(ranges)
    )


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] <= other[3] and other[1] <= one[3]


def _pieces(page: pypdfium2.PdfPage) -> Iterator[tuple[raw.FPDF_PAGEOBJECT, Box]]:
    """Yield the pieces of text that the page itself draws, and where; text in forms is passed over."""
    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    for index in range(raw.FPDFPage_CountObjects(page)):
        piece = raw.FPDFPage_GetObject(page, index)
        if (
            raw.FPDFPageObj_GetType(piece) == raw.FPDF_PAGEOBJ_TEXT
            and raw.FPDFTextObj_GetTextRenderMode(piece) in _SEEN
            and raw.FPDFPageObj_GetBounds(piece, left, bottom, right, top)
        ):
            yield piece, (left.value, bottom.value, right.value, top.value)


def _is_unseen(piece: raw.FPDF_PAGEOBJECT, box: Box, place: Place, picture: _Picture) -> bool:
    """Tell whether there is one color only, and not that of the text: text like its background is meant to be so."""
    ranges = picture.ranges(place.polygon(box))
    if not ranges or not _is_plain(ranges):
        return False
    color = [ctypes.c_uint() for _ in range(4)]
    raw.FPDFPageObj_GetFillColor(piece, *color)
    return any(abs(level.value - least) > _ALIKE for level, (least, _) in zip(color, ranges, strict=False))


def _is_flat(box: Box) -> bool:
    """Tell whether a piece of text has no height or no width: it has no letters that can be drawn, or is spaces."""
    return box[2] <= box[0] or box[3] <= box[1]


def _is_plain(ranges: list[tuple[int, int]]) -> bool:
    return all(most - least <= _ALIKE for least, most in ranges)


def _has_words(piece: raw.FPDF_PAGEOBJECT, text: pypdfium2.PdfTextPage) -> bool:
    said = utf16(lambda buffer, size: raw.FPDFTextObj_GetText(piece, text, buffer, size))
    return any(letter.isalnum() for letter in said)
