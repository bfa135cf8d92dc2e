"""Values out of bytes: a page of lines whose texts and places may be anything that the service lets pass."""

from __future__ import annotations

from ocrspool.decoding.api import DocumentInfo
from ocrspool.pages import Notice, PageImage, PageText, Polygon, Segment, TextLine, Word
from ocrspool.pipeline.assemble import Reading, ReadPage

_TEXTS = (
    *("born", "The", "1.", "•", "-", "be-", "12,50", "Total:", "=1+2", "a b", "<b>&\"'", "]]>", "|", "\\", "#", "*"),
    *("\x01", "\x1b[0m", "\x7f", "\x85", "\u00ad", "\u200f", "\u2028", "\ufffe", "\ufeff", "\u0301", "\U0001f600"),
    *("שלום", "مرحبا", "١٢", "漢字", "한글", "ไทย", "\u05d0a", "\t", "\v", "'", '"', ",", "`", "${x}", "x" * 300),
)
_NUMBERS = (0.0, -0.0, 1.0, 0.5, -1.0, 1e-300, 5e-324, 9_999_999.0, -9_999_999.0, 1e-7, 40.0, 41.0, 1000.0)


class Values:
    """Takes values from bytes; zeros when there are no more."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def byte(self) -> int:
        """Return the next byte."""
        self._at += 1
        return self._data[self._at - 1] if self._at <= len(self._data) else 0

    @property
    def left(self) -> bool:
        """Whether there are more."""
        return self._at < len(self._data)

    def number(self) -> float:
        """Return a coordinate: a plain one, mostly."""
        kind = self.byte()
        if kind < len(_NUMBERS):
            return _NUMBERS[kind]
        return float(kind * 8) if kind % 2 else (kind * 256 + self.byte()) / 7 - 2000

    def text(self) -> str:
        """Return a word, or several in one."""
        return "".join(_TEXTS[self.byte() % len(_TEXTS)] for _ in range(1 + (self.byte() % 4 == 3)))

    def polygon(self) -> Polygon:
        """Return four corners: those of a level box, mostly."""
        x, y = self.number(), self.number()
        if self.byte() % 8 == 7:
            return (x, y), (self.number(), self.number()), (self.number(), self.number()), (self.number(), y)
        across, down = float(self.byte() * 4), float(self.byte())
        return (x, y), (x + across, y), (x + across, y + down), (x, y + down)

    def line(self) -> TextLine:
        """Return a line, with words or without."""
        texts = [self.text() for _ in range(self.byte() % 5 + 1)]
        words = tuple(Word(text, self.byte() / 255, self.polygon()) for text in texts) if self.byte() % 3 else ()
        height = None if self.byte() % 4 == 0 else self.byte() / 4
        own = TextLine(" ".join(texts), self.byte() / 255, self.polygon(), self.byte() / 255, words, height, 0.3)
        return own if own.text.strip() else TextLine("a", 0.5, own.polygon, 0.5)

    def rule(self) -> Segment:
        """Return a ruling line, level or upright, mostly."""
        x, y, far = self.number(), self.number(), self.number()
        return (x, y), (far, y) if self.byte() % 2 else (x, far)

    def page(self, number: int) -> ReadPage:
        """Return a page of a few lines."""
        width, height = self.byte() * 9 + 1, self.byte() * 9 + 1
        image = PageImage(number, width, height, 1, width * (1 + self.byte() % 2), height, None, -1)
        lines = tuple(self.line() for _ in range(self.byte() % 24) if self.left)
        rules = tuple(self.rule() for _ in range(self.byte() % 12) if self.left)
        warnings = (Notice("a", self.text(), None, lines=(0,)),) if lines and self.byte() % 2 else ()
        return ReadPage(image, PageText(lines, 90 * (self.byte() % 4), {}, warnings, rules=rules))

    def reading(self) -> Reading:
        """Return a document of one to three pages."""
        pages = [self.page(number) for number in range(1, self.byte() % 3 + 2)]
        name = f"{self.text()}.png".replace("/", "_").replace("\0", "_")[:60]
        info = DocumentInfo("image/png", len(pages), 1, "0" * 64, ())
        return Reading(name, "scans", info, pages, ())
