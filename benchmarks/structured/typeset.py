"""(no benchmark.) Sheets as images: a small typesetter with Pillow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from structured.elements import Caption, Element, Grid, Heading, Items, Sheet, Side, Span, Text, marked

_FONTS = Path("/usr/share/fonts/truetype")
_FILES = {
    ("serif", False): "liberation/LiberationSerif-Regular.ttf",
    ("serif", True): "liberation/LiberationSerif-Bold.ttf",
    ("sans", False): "liberation/LiberationSans-Regular.ttf",
    ("sans", True): "liberation/LiberationSans-Bold.ttf",
    ("dejavu", False): "dejavu/DejaVuSans.ttf",
    ("dejavu", True): "dejavu/DejaVuSans-Bold.ttf",
}
_PAGE = (595, 842)  # points
_MARGIN = 64
_LEADING = 1.25
_GUTTER = 24
_SMALL = 0.8
_INDENT = 18
_PADDING = 4

Font = ImageFont.FreeTypeFont


@lru_cache
def _font(family: str, pixels: int, bold: bool) -> Font:  # noqa: FBT001 - a key
    return ImageFont.truetype(str(_FONTS / _FILES[family, bold]), pixels)


def drawn(sheet: Sheet) -> Image.Image:
    """Return the page as a grey image, which says its resolution."""
    setter = _Setter(sheet)
    setter.page()
    image = setter.image
    return image.rotate(sheet.skew, Image.Resampling.BICUBIC, fillcolor=255) if sheet.skew else image


@dataclass
class _Frame:
    """A column: where the next line goes."""

    left: float
    right: float
    y: float
    bottom: float


class _Setter:
    def __init__(self, sheet: Sheet) -> None:
        self._sheet = sheet
        self._unit = sheet.dpi / 72
        self._size = sheet.points * self._unit
        self.image = Image.new("L", (self._pixels(_PAGE[0]), self._pixels(_PAGE[1])), 255)
        self._draw = ImageDraw.Draw(self.image)

    def _pixels(self, points: float) -> int:
        return round(points * self._unit)

    def page(self) -> None:
        """Draw everything."""
        sheet, unit = self._sheet, self._unit
        left, right = _MARGIN * unit, (_PAGE[0] - _MARGIN) * unit
        bottom = (_PAGE[1] - _MARGIN) * unit
        small = self._face(_SMALL)
        if sheet.header:
            self._draw.text((left, 30 * unit), sheet.header, fill=0, font=small)
        if sheet.footer:
            width = small.getlength(sheet.footer)
            self._draw.text(((left + right - width) / 2, bottom + 28 * unit), sheet.footer, fill=0, font=small)
        notes = _Frame(left, right, 0, bottom)
        lines = sum(len(self._wrapped(note, small, right - left)) for note in sheet.footnotes)
        if lines:
            notes.y = bottom - lines * self._size * _SMALL * _LEADING
            self._draw.line(
                (left, notes.y - 6 * unit, left + 90 * unit, notes.y - 6 * unit), fill=0, width=self._rule()
            )
            bottom = notes.y - 16 * unit
            for note in sheet.footnotes:
                self._text(notes, Text(note, small=True), last=True)
        over = _Frame(left, right, _MARGIN * unit, bottom)
        for element in sheet.elements[: sheet.full]:
            self._element(over, element)
        width = (right - left - (sheet.columns - 1) * _GUTTER * unit) / sheet.columns
        frames = [
            _Frame(start, start + width, over.y, bottom)
            for start in (left + number * (width + _GUTTER * unit) for number in range(sheet.columns))
        ]
        for each in sheet.elements[sheet.full :]:
            element = each
            while not self._element(frames[0], element):
                if isinstance(element, Text):
                    element = self._begun(frames[0], element)
                frames.pop(0)
                if not frames:
                    raise ValueError(f"{sheet.name} is too small for {element}")

    def _begun(self, frame: _Frame, text: Text) -> Text:
        """Draw as much of a paragraph as there is room for; return the rest."""
        font = self._face()
        first = _INDENT * self._unit if self._sheet.indented and not text.goes_on else 0
        lines = self._wrapped(text.text, font, frame.right - frame.left, first)
        room = int((frame.bottom - frame.y) / (font.size * _LEADING))
        self._lines(frame, [*lines[:room], ""], font, first=first)
        return Text(" ".join(lines[room:]), goes_on=True)

    def _face(self, size: float = 1.0, *, bold: bool = False) -> Font:
        return _font(self._sheet.font, round(self._size * size), bold)

    def _rule(self) -> int:
        return max(1, round(0.6 * self._unit))

    def _element(self, frame: _Frame, element: Element) -> bool:
        """Draw an element; return whether there was room for it."""
        if self._height(element, frame) > frame.bottom - frame.y:
            return False
        if isinstance(element, Heading):
            self._heading(frame, element)
        elif isinstance(element, Text):
            self._text(frame, element)
        elif isinstance(element, Caption):
            self._caption(frame, element)
        elif isinstance(element, Items):
            self._items(frame, element, 0)
            frame.y += self._size * 0.5
        elif isinstance(element, Grid):
            self._grid(frame, element)
        else:
            self._side(frame, element)
        return True

    def _height(self, element: Element, frame: _Frame) -> float:
        if isinstance(element, Text):
            return len(self._wrapped(element.text, self._face(), frame.right - frame.left)) * self._size * _LEADING
        if isinstance(element, Heading):
            return 4 * self._size * element.size
        return 3 * self._size

    def _wrapped(self, text: str, font: Font, width: float, first: float = 0) -> list[str]:
        lines: list[str] = []
        words = text.split()
        line, room = "", width - first
        while words:
            word = words.pop(0)
            longer = f"{line} {word}".strip()
            if not line or font.getlength(longer) <= room:
                line = longer
                continue
            lines.append(line)
            line, room = word, width
        return [*lines, line]

    def _lines(
        self, frame: _Frame, lines: Sequence[str], font: Font, *, first: float = 0, centered: bool = False
    ) -> None:
        for number, line in enumerate(lines):
            left = frame.left + (0 if number else first)
            if centered:
                left = (frame.left + frame.right - font.getlength(line)) / 2
            if self._sheet.justified and not centered and number + 1 < len(lines) and " " in line:
                self._justified(left, frame, line, font)
            else:
                self._draw.text((left, frame.y), line, fill=0, font=font)
            frame.y += font.size * _LEADING

    def _justified(self, left: float, frame: _Frame, line: str, font: Font) -> None:
        words = line.split()
        space = (frame.right - left - sum(map(font.getlength, words))) / (len(words) - 1)
        for word in words:
            self._draw.text((left, frame.y), word, fill=0, font=font)
            left += font.getlength(word) + space

    def _heading(self, frame: _Frame, heading: Heading) -> None:
        font = self._face(heading.size, bold=heading.bold)
        frame.y += self._size * 0.8
        lines = self._wrapped(heading.text, font, frame.right - frame.left)
        self._lines(frame, lines, font, centered=heading.centered)
        frame.y += self._size * 0.4

    def _text(self, frame: _Frame, text: Text, *, last: bool = False) -> None:
        font = self._face(_SMALL if text.small else 1.0)
        first = _INDENT * self._unit if self._sheet.indented and not (text.small or text.goes_on) else 0
        self._lines(frame, self._wrapped(text.text, font, frame.right - frame.left, first), font, first=first)
        frame.y += 0 if self._sheet.indented or last else self._size * 0.7

    def _caption(self, frame: _Frame, caption: Caption) -> None:
        font = self._face(0.88)
        if caption.picture:
            height = 70 * self._unit
            self._draw.rectangle((frame.left, frame.y, frame.right, frame.y + height), outline=0, width=self._rule())
            self._draw.ellipse((frame.left + 30, frame.y + 10, frame.right - 30, frame.y + height - 10), fill=180)
            frame.y += height + 6 * self._unit
        self._lines(frame, self._wrapped(caption.text, font, frame.right - frame.left), font)
        frame.y += self._size * (0.9 if caption.picture else 0.3)

    def _items(self, frame: _Frame, items: Items, depth: int) -> None:
        font = self._face()
        number = 0
        indent = frame.left + depth * _INDENT * self._unit
        inner = indent + _INDENT * self._unit
        for item in items.items:
            if isinstance(item, Items):
                self._items(frame, item, depth + 1)
                continue
            number += 1
            self._draw.text((indent, frame.y), marked(items.marker, number), fill=0, font=font)
            lines = self._wrapped(item, font, frame.right - inner)
            for line in lines:
                self._draw.text((inner, frame.y), line, fill=0, font=font)
                frame.y += self._size * _LEADING

    def _side(self, frame: _Frame, side: Side) -> None:
        middle = frame.left + (frame.right - frame.left) * 0.62
        text = _Frame(frame.left, middle - 12 * self._unit, frame.y, frame.bottom)
        inset = 8 * self._unit
        box = _Frame(middle + inset, frame.right - inset, frame.y + inset, frame.bottom)
        for element in side.text:
            self._element(text, element)
        for element in side.box:
            self._element(box, element)
        self._draw.rectangle((middle, frame.y, frame.right, box.y), outline=0, width=self._rule())
        frame.y = max(text.y, box.y) + self._size

    def _grid(self, frame: _Frame, grid: Grid) -> None:
        xs = [frame.left]
        for width in grid.widths:
            xs.append(xs[-1] + width * (frame.right - frame.left))
        placed = _placed(grid)
        heights = self._row_heights(grid, placed, xs)
        ys = [frame.y]
        for height in heights:
            ys.append(ys[-1] + height)
        pad = _PADDING * self._unit
        for (row, column), cell in placed.items():
            font = self._face(bold=grid.bold_head and row == 0)
            right = xs[column + cell.columns]
            y = ys[row] + pad
            for line in self._wrapped(cell.text, font, right - xs[column] - 2 * pad):
                x = right - pad - font.getlength(line) if column in grid.right and row else xs[column] + pad
                self._draw.text((x, y), line, fill=0, font=font)
                y += self._size * _LEADING
        self._rules(grid, placed, xs, ys)
        frame.y = ys[-1] + self._size

    def _row_heights(self, grid: Grid, placed: dict[tuple[int, int], Span], xs: Sequence[float]) -> list[float]:
        pad = _PADDING * self._unit
        heights = [self._size * _LEADING + 2 * pad for _ in grid.rows]
        for (row, column), cell in placed.items():
            font = self._face(bold=grid.bold_head and row == 0)
            lines = self._wrapped(cell.text, font, xs[column + cell.columns] - xs[column] - 2 * pad)
            if cell.rows == 1:
                heights[row] = max(heights[row], len(lines) * self._size * _LEADING + 2 * pad)
        return heights

    def _rules(self, grid: Grid, placed: dict[tuple[int, int], Span], xs: Sequence[float], ys: Sequence[float]) -> None:
        width = self._rule()
        if grid.rules == "all":
            for (row, column), cell in placed.items():
                box = (xs[column], ys[row], xs[column + cell.columns], ys[row + cell.rows])
                self._draw.rectangle(box, outline=0, width=width)
        level = {"level": ys, "book": [ys[0], ys[1], ys[-1]], "upright": [ys[0], ys[1], ys[-1]]}.get(grid.rules, [])
        for y in level:
            self._draw.line((xs[0], y, xs[-1], y), fill=0, width=width)
        if grid.rules == "upright":
            for x in xs:
                self._draw.line((x, ys[0], x, ys[-1]), fill=0, width=width)


def _placed(grid: Grid) -> dict[tuple[int, int], Span]:
    """Return each cell at its row and column."""
    taken: set[tuple[int, int]] = set()
    placed = {}
    for row, cells in enumerate(grid.rows):
        column = 0
        for cell in cells:
            while (row, column) in taken:
                column += 1
            span = cell if isinstance(cell, Span) else Span(cell)
            placed[row, column] = span
            taken |= {(row + down, column + across) for down in range(span.rows) for across in range(span.columns)}
    return placed
