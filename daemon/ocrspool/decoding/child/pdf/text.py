"""The text that a PDF page brings along: its characters, as lines with places in the rendered page.

PDFium gives the characters in the order of the page's content, and says where it assumes the end of a line. This order
is kept, because it is nearly always the order in which the text was written.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace

import pypdfium2
from pypdfium2 import raw

from ocrspool.decoding.child.pdf.letter_size import letter_size
from ocrspool.decoding.child.pdf.strings import UTF_8, UTF_16
from ocrspool.pages import Polygon, TextLine, Word, WordMode, stands_alone

_FINE = 64
"""Parts of a pixel in which PDFium tells places here: it rounds to whole ones."""
_FINEST = 10_000
"""Parts of a page's side in which places are told that are shares of it."""
_HYPHENS = {0x02, 0xAD, 0xFFFE}
"""What PDFium says where a line ends in a hyphen."""
_ENDS = {0x00, 0x0A, 0x0D}
_SPACE = 0x20
_UNKNOWN = 0.1
"""Share of characters without a meaning from which a text is of no use: the page is read as if it had none."""
_QUARTERS = 4
_LONGEST_NAME = 200

Box = tuple[float, float, float, float]
"""Left, bottom, right, top in the page's own coordinates."""


@dataclass(frozen=True, slots=True)
class EmbeddedLine:
    """A line of a page's own text, and how it is drawn."""

    line: TextLine
    boxes: tuple[Box, ...]
    """Of its characters."""
    font: str
    """Of its first character, by the name that the document gives to it."""
    is_invisible: bool
    """Whether it is drawn as nothing: the text over a scan."""


def own_lines(page: pypdfium2.PdfPage, width: int, height: int) -> tuple[TextLine, ...]:
    """Return the lines of a page that is `width` x `height` pixels large; none where there is no text to speak of."""
    return tuple(each.line for each in own_text(page, width, height))


def own_text(page: pypdfium2.PdfPage, width: int, height: int, words: WordMode = "none") -> tuple[EmbeddedLine, ...]:
    """Return the same with how they are drawn."""
    with closing(page.get_textpage()) as text:
        characters = range(text.count_chars())
        if sum(raw.FPDFText_HasUnicodeMapError(text, index) == 1 for index in characters) > _UNKNOWN * len(characters):
            return ()
        place = Place(page, width, height)
        return tuple(line for indexes in _lines(text) if (line := _line(text, indexes, place, words)))


def own_characters(page: pypdfium2.PdfPage) -> Iterator[tuple[str, float, float]]:
    """Yield each character that takes room, in the order of the page's content, and its middle.

    That is told in shares of the page's width and height, from the left and from the top.
    """
    with closing(page.get_textpage()) as text:
        place = Place(page, _FINEST, _FINEST)
        for index in range(text.count_chars()):
            if box := _box(text, index):
                units = _unit(raw.FPDFText_GetUnicode(text, index))
                x, y = place((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
                yield UTF_16.decode(units, "replace")[0], x / _FINEST, y / _FINEST


class Place:
    """From the page's coordinates to pixels, by PDFium: it knows about boxes and rotation."""

    def __init__(self, page: pypdfium2.PdfPage, width: int, height: int) -> None:
        self._page = page
        self._size = (width * _FINE, height * _FINE)
        self.width, self.height = width, height
        self.scale = width / (page.get_width() or 1.0)
        """Pixels for a unit of the page's coordinates."""

    def __call__(self, x: float, y: float) -> tuple[float, float]:
        """Return the pixel of a point."""
        right, down = ctypes.c_int(), ctypes.c_int()
        raw.FPDF_PageToDevice(self._page, 0, 0, *self._size, 0, x, y, right, down)
        return right.value / _FINE, down.value / _FINE

    def polygon(self, around: Box, turn: int = 0) -> Polygon:
        """Return the corners of a box, beginning with the top left of text that is turned by so many quarters."""
        left, bottom, right, top = around
        corners = [self(left, top), self(right, top), self(right, bottom), self(left, bottom)]
        one, two, three, four = corners[turn:] + corners[:turn]
        return one, two, three, four


def _lines(text: pypdfium2.PdfTextPage) -> Iterator[list[int]]:
    """Yield the characters of each line, as indexes; a line ends where PDFium says so, or where the text turns."""
    line: list[int] = []
    for index in range(text.count_chars()):
        code = raw.FPDFText_GetUnicode(text, index)
        if code in _ENDS or (line and code != _SPACE and _turn(text, index) != _turn(text, line[0])):
            yield line
            line = []
        if code not in _ENDS and (line or code != _SPACE):
            line.append(index)
    yield line


def _turn(text: pypdfium2.PdfTextPage, index: int) -> int:
    """Return by how many quarters a character is turned, clockwise, in the page's own coordinates."""
    radians = raw.FPDFText_GetCharAngle(text, index)
    return round(radians / (math.pi / 2)) % _QUARTERS if radians >= 0 else 0


def _line(text: pypdfium2.PdfTextPage, indexes: list[int], place: Place, mode: WordMode) -> EmbeddedLine | None:
    units = b"".join(_unit(raw.FPDFText_GetUnicode(text, index)) for index in indexes)
    words = " ".join(UTF_16.decode(units, "replace")[0].split())
    boxes = tuple(box for index in indexes if (box := _box(text, index)))
    if not words or not boxes:
        return None
    lefts, bottoms, rights, tops = zip(*boxes, strict=True)
    around = (min(lefts), min(bottoms), max(rights), max(tops))
    turn = _turn(text, indexes[0])
    line = TextLine(words, 1.0, place.polygon(around, turn), 1.0, tuple(_words(text, indexes, place, turn, mode)))
    size = letter_size(text, indexes, runs_down=turn % 2 == 1)
    if size and 0 < (height := size.height * place.scale) <= place.height:
        line = replace(line, letter_height=height, stroke=size.stroke)
    drawn = raw.FPDFText_GetTextObject(text, indexes[0])
    is_invisible = bool(drawn) and raw.FPDFTextObj_GetTextRenderMode(drawn) == raw.FPDF_TEXTRENDERMODE_INVISIBLE
    return EmbeddedLine(line, boxes, _font(drawn), is_invisible)


def _words(text: pypdfium2.PdfTextPage, indexes: list[int], place: Place, turn: int, mode: WordMode) -> Iterator[Word]:
    """Yield the words of a line, each around the ink of its characters; of scripts without spaces each character."""
    if mode == "none":
        return
    for word in _word_indexes(text, indexes, by_character=mode == "characters"):
        units = b"".join(_unit(raw.FPDFText_GetUnicode(text, index)) for index in word)
        boxes = [box for index in word if (box := _ink_box(text, index) or _box(text, index))]
        words = UTF_16.decode(units, "replace")[0].split()
        if words and boxes:
            lefts, bottoms, rights, tops = zip(*boxes, strict=True)
            around = (min(lefts), min(bottoms), max(rights), max(tops))
            yield Word("".join(words), 1.0, place.polygon(around, turn))


def _word_indexes(text: pypdfium2.PdfTextPage, indexes: list[int], *, by_character: bool) -> Iterator[list[int]]:
    word: list[int] = []
    for index in indexes:
        code = raw.FPDFText_GetUnicode(text, index)
        is_space = chr(code).isspace()
        alone = not is_space and (by_character or stands_alone(chr(code)))
        if word and (is_space or alone):
            yield word
            word = []
        if alone:
            yield [index]
        elif not is_space:
            word.append(index)
    if word:
        yield word


def _ink_box(text: pypdfium2.PdfTextPage, index: int) -> Box | None:
    """Return left, bottom, right and top of what a character is drawn as; None where that is nothing."""
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    if raw.FPDFText_IsGenerated(text, index) == 1 or not raw.FPDFText_GetCharBox(text, index, left, right, bottom, top):
        return None
    sides = (left.value, bottom.value, right.value, top.value)
    return sides if sides[2] > sides[0] and sides[3] > sides[1] else None


def _font(drawn: raw.FPDF_PAGEOBJECT | None) -> str:
    font = raw.FPDFTextObj_GetFont(drawn) if drawn else None
    if not font:
        return ""
    name = ctypes.create_string_buffer(_LONGEST_NAME)
    raw.FPDFFont_GetBaseFontName(font, name, _LONGEST_NAME)
    return UTF_8.decode(name.value, "replace")[0]


def _unit(code: int) -> bytes:
    """Return a character of PDFium's in UTF-16; it may be half of a pair."""
    if code in _HYPHENS:
        return b"-\0"
    return UTF_16.encode(chr(code), "surrogatepass")[0]


def _box(text: pypdfium2.PdfTextPage, index: int) -> Box | None:
    """Return left, bottom, right and top of a character, as high as its font is; None where it takes no room."""
    box = raw.FS_RECTF()
    if raw.FPDFText_IsGenerated(text, index) == 1 or not raw.FPDFText_GetLooseCharBox(text, index, box):
        return None
    sides = (box.left, min(box.bottom, box.top), box.right, max(box.bottom, box.top))
    return sides if sides[2] > sides[0] and sides[3] > sides[1] else None
