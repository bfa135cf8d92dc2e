"""Text of a PDF page that is there and not seen: PDFium draws nothing where it can make nothing of a font."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import closing

import pypdfium2
from PIL import Image
from pypdfium2 import raw

from ocrspool.decode.page import Remark
from ocrspool.decode.pdf_strings import utf16
from ocrspool.decode.pdf_text import Box, Place

_MANY = 0.2
"""Share of the pieces of text from which it is said that they are not seen."""
_MOST_LOOKED_AT = 200
"""Pieces of text on a page, taken evenly from all."""
_ALIKE = 24
"""Grey levels within which all is one color: nothing is drawn there."""
_SEEN = {raw.FPDF_TEXTRENDERMODE_FILL, raw.FPDF_TEXTRENDERMODE_STROKE, raw.FPDF_TEXTRENDERMODE_FILL_STROKE}


def undrawn_remark(page: pypdfium2.PdfPage, bitmap: pypdfium2.PdfBitmap, number: int) -> tuple[Remark, ...]:
    """Return a remark where a good part of the page's text is not seen in the rendered page; `number` counts from 1."""
    pieces = list(_pieces(page))
    pieces = pieces[:: max(1, len(pieces) // _MOST_LOOKED_AT)]
    if not pieces:
        return ()
    size = (bitmap.width, bitmap.height)
    picture = Image.frombuffer("RGB", size, bitmap.buffer, "raw", "BGR", bitmap.stride, 1)
    place = Place(page, *size)
    unseen = [piece for piece, box in pieces if _is_unseen(piece, _within(place.polygon(box), size), picture)]
    if len(unseen) <= _MANY * len(pieces):
        return ()
    with closing(page.get_textpage()) as text:
        missing = sum(any(letter.isalnum() for letter in _said(piece, text)) for piece in unseen)
    if missing <= _MANY * len(pieces):
        return ()
    message = "The page has text that is not seen: its fonts cannot be drawn, or it is covered."
    return (Remark("text-not-drawn", message, number),)


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


def _within(corners: tuple[tuple[float, float], ...], size: tuple[int, int]) -> tuple[int, int, int, int]:
    xs, ys = zip(*corners, strict=True)
    return max(0, int(min(xs))), max(0, int(min(ys))), min(size[0], int(max(xs))), min(size[1], int(max(ys)))


def _is_unseen(piece: raw.FPDF_PAGEOBJECT, box: tuple[int, int, int, int], picture: Image.Image) -> bool:
    """Tell whether there is one color only, and not that of the text: text like its background is meant to be so."""
    if box[2] - box[0] < 2 or box[3] - box[1] < 2:  # noqa: PLR2004 - nothing to look at
        return False
    ranges = picture.crop(box).getextrema()
    if any(most - least > _ALIKE for least, most in ranges):
        return False
    color = [ctypes.c_uint() for _ in range(4)]
    raw.FPDFPageObj_GetFillColor(piece, *color)
    return any(abs(level.value - least) > _ALIKE for level, (least, _) in zip(color, ranges, strict=False))


def _said(piece: raw.FPDF_PAGEOBJECT, text: pypdfium2.PdfTextPage) -> str:
    return utf16(lambda buffer, size: raw.FPDFTextObj_GetText(piece, text, buffer, size))
