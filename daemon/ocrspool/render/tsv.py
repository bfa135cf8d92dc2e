"""Tab-separated values in the columns of Tesseract's `tsv`, so that programs that read those can read these.

A line is a row of level 4, without text, as Tesseract has it. Each of its words is a row of level 5. A line whose words
were not measured (`words = "none"`) is one word. A page is one block of one paragraph.
"""

from __future__ import annotations

from collections.abc import Iterator

from ocrspool.render.word_gaps import words_of
from ocrspool.results.schema import Document, Line, Page

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
    if not page.lines:
        return
    around = _around(page.lines)
    yield _row(_BLOCK, (page.number, 1, 0, 0, 0), around)
    yield _row(_PARAGRAPH, (page.number, 1, 1, 0, 0), around)
    for number, line in enumerate(page.lines, 1):
        yield _row(_LINE, (page.number, 1, 1, number, 0), line.bounding_box)
        for place, (_, word) in enumerate(words_of(line), 1):
            text = (f"{word.confidence * 100:.2f}", word.text.translate(_GAPS))
            yield _row(_WORD, (page.number, 1, 1, number, place), word.bounding_box, text)


def _row(
    level: int,
    numbers: tuple[int, ...],
    box: tuple[float, float, float, float],
    word: tuple[str, str] = (_NO_CONFIDENCE, ""),
) -> tuple[str, ...]:
    left, top, right, bottom = (round(value) for value in box)
    return tuple(str(value) for value in (level, *numbers, left, top, right - left, bottom - top)) + word


def _around(lines: tuple[Line, ...]) -> tuple[float, float, float, float]:
    lefts, tops, rights, bottoms = zip(*(line.bounding_box for line in lines), strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)
