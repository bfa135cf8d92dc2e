"""PDF pages of known text, drawn by PDFium with the fonts of this machine, and where each word stands on them."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pypdfium2
from pypdfium2 import raw

FONTS = Path("/usr/share/fonts/truetype")
FACES = (
    *("dejavu/DejaVuSans.ttf", "dejavu/DejaVuSans-Bold.ttf", "dejavu/DejaVuSerif.ttf", "dejavu/DejaVuSansMono.ttf"),
    *("liberation/LiberationSans-Regular.ttf", "liberation/LiberationSerif-Regular.ttf"),
    *("liberation/LiberationSerif-Italic.ttf", "liberation/LiberationSansNarrow-Regular.ttf"),
)
SIZES = (8.0, 9.0, 10.0, 11.0, 12.0, 14.0, 18.0, 24.0)
TEXTS = (
    "The clerk filed invoice No. 4711 on 3 March 2024, and nobody asked for it again until autumn.",
    "Bitte prüfen Sie die Beträge: 1.234,56 € zuzüglich Gebühren, fällig am 30. September.",
    "Le garçon a reçu l'enveloppe à l'école où l'élève naïf avait oublié ses affaires.",
    "El señor Núñez pagó 99,95 € por la reparación del órgano de la capilla mayor.",
    "Zażółć gęślą jaźń, powiedział sędzia, i zapisał to w księdze wieczystej nr 17/b.",
    "A total of 1,024 items (72%) was shipped; 395 remained in stock, valued at $8,450.00.",
    "Gli utenti possono chiedere la copia dell'atto presso l'ufficio del registro, piano terzo.",
    "Reference: AB-2291/X, page 5 of 12; see also section 4.2.1 and the table on the left.",
)
_A4 = (595.0, 842.0)
_MARGIN = 50.0
_LEADING = 1.5

Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word and the box around the ink of its characters, in points from the page's top left."""

    text: str
    box: Box


def documents(corpus: Path) -> Iterator[tuple[str, pypdfium2.PdfDocument]]:
    """Yield a page for each font that is installed, then the born-digital PDFs of the corpus, by name."""
    for face in FACES:
        if (FONTS / face).exists():
            yield Path(face).stem, _drawn(FONTS / face)
    for name in ("latex-4-pages", "minutes-french", "quarterly-report-chinese-3-pages", "article-word-processors"):
        yield name, pypdfium2.PdfDocument(corpus / "documents" / f"{name}.pdf")


def words_of(page: pypdfium2.PdfPage) -> list[Word]:
    """Return the words of a page; each Han or kana character is one."""
    height = page.get_height()
    found: list[tuple[str, list[Box]]] = []
    with closing(page.get_textpage()) as text:
        within = False
        for index in range(text.count_chars()):
            character = chr(raw.FPDFText_GetUnicode(text, index))
            sides = [ctypes.c_double() for _ in range(4)]
            if character.isspace() or not character.isprintable() or not raw.FPDFText_GetCharBox(text, index, *sides):
                within = False
                continue
            left, right, bottom, top = (side.value for side in sides)
            box = (left, height - top, right, height - bottom)
            wide = "\u2e80" <= character < "\uac00"
            if within and not wide and _is_beside(found[-1][1][-1], box):
                found[-1] = (found[-1][0] + character, [*found[-1][1], box])
            else:
                found.append((character, [box]))
            within = not wide
    return [Word(text, _around(boxes)) for text, boxes in found]


def _is_beside(before: Box, box: Box) -> bool:
    """Tell whether a character is on the line of the one before: PDFium does not always say where a line ends."""
    return box[1] < before[3] + (before[3] - before[1]) and before[1] < box[3] + (box[3] - box[1])


def _around(boxes: list[Box]) -> Box:
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def _drawn(face: Path) -> pypdfium2.PdfDocument:
    """Return a document of one page: each text in each size, line below line, as long as there is room."""
    document = pypdfium2.PdfDocument.new()
    page = document.new_page(*_A4)
    data = face.read_bytes()
    buffer = (ctypes.c_uint8 * len(data)).from_buffer_copy(data)
    font = raw.FPDFText_LoadFont(document, buffer, len(data), raw.FPDF_FONT_TRUETYPE, 1)
    y = _A4[1] - _MARGIN
    for number, size in enumerate(size for size in SIZES for _ in range(4)):
        y -= _LEADING * size
        if y < _MARGIN:
            break
        room = int((_A4[0] - 2 * _MARGIN) / (0.62 * size))
        text = TEXTS[number % len(TEXTS)][:room].rpartition(" ")[0]
        drawn = raw.FPDFPageObj_CreateTextObj(document, font, size)
        units = (text + "\0").encode("utf-16-le")
        letters = (ctypes.c_ushort * (len(units) // 2)).from_buffer_copy(units)
        raw.FPDFText_SetText(drawn, letters)
        raw.FPDFPageObj_Transform(drawn, 1, 0, 0, 1, _MARGIN, y)
        raw.FPDFPage_InsertObject(page, drawn)
    raw.FPDFPage_GenerateContent(page)
    return document
