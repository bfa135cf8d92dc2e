"""The invisible text of a PDF: each line is placed where it was read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pikepdf import Array, Dictionary, Name, Object, Page, Pdf

from ocrspool.layout.text_direction import as_it_lies, runs_from_the_right
from ocrspool.pages import Point
from ocrspool.render.areas import areas_of
from ocrspool.render.line_geometry import placement
from ocrspool.render.pdf import font as text_font
from ocrspool.render.pdf.tags import PageTags
from ocrspool.render.word_gaps import as_high_as_the_line
from ocrspool.results import schema
from ocrspool.results.schema import Line, Word

_LETTERS = 0.8
"""Share of a polygon's height that its text takes: a detected line has a margin. Lines as high as their polygons would
overlap, and PDFium takes two that are alike and overlap for one."""
_MOST_ANCESTORS = 100
"""Of a page; a chain of them that has no end is no tree."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a page as it was read lies in the coordinates of a PDF page, whatever its boxes and its rotation."""

    corner: Point
    """Of the top left."""
    across: Point
    """From there to the top right."""
    down: Point
    """From there to the bottom left."""

    def at(self, page: schema.Page, point: Point) -> Point:
        """Return where a point of the page lies, given in pixels from its top left."""
        x, y = point[0] / page.width, point[1] / page.height
        return (
            self.corner[0] + x * self.across[0] + y * self.down[0],
            self.corner[1] + x * self.across[1] + y * self.down[1],
        )


class TextLayer:
    """The text of one PDF and the font that all of it is in."""

    def __init__(self, pdf: Pdf) -> None:
        self._pdf = pdf
        self._codes = text_font.Codes()
        self._font = pdf.make_indirect(Dictionary(Type=Name.Font))

    def add(self, target: Page, page: schema.Page, frame: Frame) -> None:
        """Put the lines of a page on it."""
        name = self._name_font(target)
        self._put(target, [self._line(line, page, frame, name) for line in page.lines])

    def add_tagged(self, target: Page, page: schema.Page, frame: Frame, tags: PageTags) -> None:
        """Put the lines of a page on it, block by block, and say what each block is."""
        name = self._name_font(target)
        pieces: list[bytes] = []
        for area in areas_of(page):
            for paragraph, begin, end in tags.area(area):
                pieces += [begin, *(self._line(part.line, page, frame, name) for part in paragraph.lines), end]
        self._put(target, pieces)

    def _put(self, target: Page, pieces: Iterable[bytes]) -> None:
        # 3 Tr: neither filled nor stroked, so invisible, and selectable all the same.
        target.contents_add(b"q BT 3 Tr\n" + b"\n".join(pieces) + b"\nET Q\n", prepend=True)

    def close(self) -> None:
        """Complete the font, now that all its characters are known."""
        pdf, widths = self._pdf, self._codes.widths()
        descriptor = pdf.make_indirect(
            Dictionary(
                Type=Name.FontDescriptor,
                FontName=Name.Glyphless,
                Flags=5,  # fixed pitch, symbolic: nobody shall guess at an encoding
                FontBBox=Array([0, text_font.DESCENT, text_font.UNITS, text_font.ASCENT]),
                ItalicAngle=0,
                Ascent=text_font.ASCENT,
                Descent=text_font.DESCENT,
                CapHeight=text_font.ASCENT,
                StemV=80,
                FontFile2=pdf.make_stream(font := text_font.FONT, Length1=len(font)),
            )
        )
        cid_font = Dictionary(
            Type=Name.Font,
            Subtype=Name.CIDFontType2,
            BaseFont=Name.Glyphless,
            CIDSystemInfo=Dictionary(Registry="Adobe", Ordering="Identity", Supplement=0),
            CIDToGIDMap=pdf.make_stream(self._codes.glyphs()),
            DW=text_font.UNITS,
            W=Array([1, Array(widths)]) if widths else Array(),
            FontDescriptor=descriptor,
        )
        self._font.update(
            {
                "/Subtype": Name.Type0,
                "/BaseFont": Name.Glyphless,
                "/Encoding": Name("/Identity-H"),
                "/DescendantFonts": Array([pdf.make_indirect(cid_font)]),
                "/ToUnicode": pdf.make_stream(self._codes.to_unicode()),
            }
        )

    def _name_font(self, target: Page) -> bytes:
        """Give the page the font under a name that it does not use; resources shared with other pages stay theirs."""
        holder: Object = target.obj
        for _ in range(_MOST_ANCESTORS):
            if "/Resources" in holder or "/Parent" not in holder:
                break
            holder = holder["/Parent"]
        resources = _copy(holder, "/Resources")
        fonts = _copy(resources, "/Font")
        name = next(name for number in range(len(fonts) + 1) if (name := f"/ReadText{number}") not in fonts)
        fonts[name] = self._font
        resources["/Font"] = fonts
        target.obj["/Resources"] = resources
        return name.encode("ascii")

    def _line(self, line: Line, page: schema.Page, frame: Frame, font: bytes) -> bytes:
        return b"\n".join(self._word(word, space, page, frame, font) for word, space in as_high_as_the_line(line))

    def _word(self, word: Word, space: str, page: schema.Page, frame: Frame, font: bytes) -> bytes:
        """Return the operators that set a word and the space after it: as wide as its polygon, in the middle of it."""
        try:
            placed = placement(tuple(frame.at(page, point) for point in word.polygon))
        except ValueError:
            return b""
        (ax, ay), (dx, dy), corner = placed.along, placed.down, placed.corner
        text = word.text
        if runs_from_the_right(text):  # each letter is set on the left of the last; digits of a number turn that round
            corner, (ax, ay) = (corner[0] + ax, corner[1] + ay), (-ax, -ay)
            text = as_it_lies(text)[::-1]
        ems = sum(map(text_font.width, text + space)) / text_font.UNITS
        size = placed.height * _LETTERS
        stretch = 1 / (ems * size)
        drop = (1 - _LETTERS) / 2 + _LETTERS * text_font.ASCENT / text_font.UNITS
        start = (corner[0] + drop * dx, corner[1] + drop * dy)
        matrix = (ax * stretch, ay * stretch, -dx / placed.height, -dy / placed.height, *start)
        numbers = " ".join(f"{value:.5f}" for value in matrix)
        codes = self._codes.encode(text + space).hex()
        return b"%b %.4f Tf %b Tm <%b> Tj" % (font, size, numbers.encode("ascii"), codes.encode("ascii"))


def _copy(holder: Object, name: str) -> Dictionary:
    """Return a dictionary with what the one of this name holds; empty where there is none."""
    found = holder.get(name) if name in holder else None
    return Dictionary(dict(found.items())) if isinstance(found, Dictionary) else Dictionary()
