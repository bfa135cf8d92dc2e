"""Text of a PDF page that is there and not seen: PDFium draws nothing where it can make nothing of a font."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import cast

import pypdfium2
from PIL import Image
from pypdfium2 import raw

from ocrspool.decode.page import Remark
from ocrspool.decode.pdf_strings import utf16
from ocrspool.decode.pdf_text import Box, Place, own_text
from ocrspool.model import Polygon, TextLine

_MANY = 0.2
"""Share of the pieces of text from which it is said that they are not seen."""
_MOST_LOOKED_AT = 200
"""Pieces of text on a page, taken evenly from all."""
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

    def remarks(self, number: int) -> tuple[Remark, ...]:
        """Return what is to be said of the page of this number, from 1."""
        if self.lines:
            message = "Text of the page cannot be drawn, because of its fonts: it was taken as the PDF has it."
        elif self.is_covered:
            message = "The page has text that is not seen: it is covered, or cannot be drawn."
        else:
            return ()
        return (Remark("text-not-drawn", message, number),)


def undrawn_text(page: pypdfium2.PdfPage, bitmap: pypdfium2.PdfBitmap) -> Undrawn:
    """Tell what of the page's text is not seen in the rendered page."""
    pieces = list(_pieces(page))
    if not pieces:
        return Undrawn()
    size = (bitmap.width, bitmap.height)
    picture = Image.frombuffer("RGB", size, bitmap.buffer, "raw", "BGR", bitmap.stride, 1)
    with closing(page.get_textpage()) as text:
        flat = [box for piece, box in pieces if _is_flat(box) and _has_words(piece, text)]
        if flat and (lines := _undrawn_lines(page, flat, picture)):
            return Undrawn(lines)
        pieces = pieces[:: max(1, len(pieces) // _MOST_LOOKED_AT)]
        place = Place(page, *size)
        unseen = [piece for piece, box in pieces if not _is_flat(box) and _is_unseen(piece, box, place, picture)]
        if len(unseen) <= _MANY * len(pieces):
            return Undrawn()
        return Undrawn(is_covered=sum(_has_words(piece, text) for piece in unseen) > _MANY * len(pieces))


def _undrawn_lines(page: pypdfium2.PdfPage, flat: list[Box], picture: Image.Image) -> tuple[TextLine, ...]:
    """Return the lines of the page's own text that have one of these pieces in them, and no ink."""
    return tuple(
        each.line
        for each in own_text(page, *picture.size)
        if any(_meet(box, place) for box in each.boxes for place in flat)
        and (ranges := _ranges(picture, each.line.polygon))
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


def _ranges(picture: Image.Image, polygon: Polygon) -> list[tuple[int, int]]:
    """Return the least and the highest level of each color around a polygon; none beside the page or in no pixel."""
    xs, ys = zip(*polygon, strict=True)
    left, top = max(0, int(min(xs))), max(0, int(min(ys)))
    right, bottom = min(picture.width, int(max(xs))), min(picture.height, int(max(ys)))
    if right <= left or bottom <= top:
        return []
    return cast("list[tuple[int, int]]", list(picture.crop((left, top, right, bottom)).getextrema()))


def _is_unseen(piece: raw.FPDF_PAGEOBJECT, box: Box, place: Place, picture: Image.Image) -> bool:
    """Tell whether there is one color only, and not that of the text: text like its background is meant to be so."""
    ranges = _ranges(picture, place.polygon(box))
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
