"""Tab-separated values in the columns of Tesseract's `tsv`, so that programs that read those can read these.

Levels 1 to 4 are pages, blocks, paragraphs and lines, without text, as Tesseract has them. Each word of a line is a row
of level 5. A line whose words were not measured (`words = "none"`) is one word. A block has one paragraph, a table one
for each cell. Blocks count from 1 in a page, paragraphs in a block, lines in a paragraph, words in a line.
"""

from __future__ import annotations

from collections.abc import Iterator

from ocrspool.render.areas import areas_of
from ocrspool.render.word_gaps import words_of
from ocrspool.results.schema import Document, Page

_COLUMNS = (
    *("level", "page_num", "block_num", "par_num", "line_num", "word_num"),
    *("left", "top", "width", "height", "conf", "text"),
)
_PAGE, _BLOCK, _PARAGRAPH, _LINE, _WORD = range(1, 6)
_NO_CONFIDENCE = "-1"
_GAPS = str.maketrans("\t\n\r\v\f", "     ")


def render(document: Document) -> bytes:
    """Return the document as UTF-8 rows under a row of column names; pixels are whole numbers, confidence 0 to 100."""
    rows = [_COLUMNS, *(row for page in document.pages for row in _rows(page))]
    return "".join("\t".join(row) + "\n" for row in rows).encode()


def _rows(page: Page) -> Iterator[tuple[str, ...]]:
    yield _row(_PAGE, (page.number, 0, 0, 0, 0), (0, 0, page.width, page.height))
    for block, area in enumerate(areas_of(page), 1):
        yield _row(_BLOCK, (page.number, block, 0, 0, 0), area.block.bounding_box)
        for number, paragraph in enumerate(area.paragraphs, 1):
            yield _row(_PARAGRAPH, (page.number, block, number, 0, 0), paragraph.box)
            for row, part in enumerate(paragraph.lines, 1):
                yield _row(_LINE, (page.number, block, number, row, 0), part.line.bounding_box)
                for place, (_, word) in enumerate(words_of(part.line), 1):
                    text = (f"{word.confidence * 100:.2f}", word.text.translate(_GAPS))
                    yield _row(_WORD, (page.number, block, number, row, place), word.bounding_box, text)


def _row(
    level: int,
    numbers: tuple[int, ...],
    box: tuple[float, float, float, float],
    word: tuple[str, str] = (_NO_CONFIDENCE, ""),
) -> tuple[str, ...]:
    left, top, right, bottom = (round(value) for value in box)
    return tuple(str(value) for value in (level, *numbers, left, top, right - left, bottom - top)) + word
