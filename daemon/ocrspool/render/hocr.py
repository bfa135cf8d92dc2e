"""hOCR 1.2 (kba.github.io/hocr-spec/1.2): pages, blocks, paragraphs, lines and words, as well-formed XHTML.

A block is an `ocr_carea` with one `ocr_par`. A table is an `ocr_table` with an `ocr_par` for each cell. Headers and
footers of pages are `ocr_header` and `ocr_footer`, and captions are `ocr_caption`. A heading is marked by its role
(WAI-ARIA), because readers of hOCR look for paragraphs that are `<p>`.

`x_wconf` is the confidence of a word. A line whose words were not measured (`words = "none"`) is one word.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ocrspool.layout.text_direction import page_runs_from_the_right
from ocrspool.render.areas import Area, AreaLine, Paragraph, areas_of
from ocrspool.render.line_geometry import placement
from ocrspool.render.word_gaps import words_of
from ocrspool.render.xml_escape import escaped
from ocrspool.results.schema import Document, Line, Page

_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml">
<head>
<meta charset="utf-8"/>
<title>{title}</title>
<meta name="ocr-system" content="ocrspool {version}"/>
<meta name="ocr-capabilities" content="{capabilities}"/>
<meta name="ocr-number-of-pages" content="{pages}"/>
</head>
<body>
"""
_CLASSES = {"table": "ocr_table", "header": "ocr_header", "footer": "ocr_footer", "caption": "ocr_caption"}
_CAREA = "ocr_carea"
"""The class of all other blocks."""
_CAPABILITIES = (
    *("ocr_page", _CAREA, *_CLASSES.values(), "ocr_par", "ocr_line", "ocrx_word"),
    *("ocrp_poly", "ocrp_wconf"),
)
_STRAIGHT_DEGREES = 0.5


def render(document: Document) -> bytes:
    """Return the document as UTF-8 hOCR; boxes and polygons in whole pixels."""
    head = _HEAD.format(
        title=escaped(document.source.name),
        version=document.engine.version,
        capabilities=" ".join(_CAPABILITIES),
        pages=len(document.pages),
    )
    body = "".join("".join(_page(page, document.source.name)) for page in document.pages)
    return f"{head}{body}</body>\n</html>\n".encode()


def _page(page: Page, name: str) -> Iterator[str]:
    resolution = f"; scan_res {round(page.dpi)} {round(page.dpi)}" if page.dpi else ""
    # The name stands in quotes, among properties that are told apart by semicolons.
    image = name.replace("%", "%25").replace('"', "%22").replace(";", "%3B")
    title = f'image "{image}"; bbox 0 0 {page.width} {page.height}; ppageno {page.number - 1}{resolution}'
    yield f'<div class="ocr_page" id="page_{page.number}" title="{escaped(title)}">\n'
    for number, area in enumerate(areas_of(page), 1):
        yield from _area(area, f"{page.number}_{number}", page.number)
    yield "</div>\n"


def _area(area: Area, name: str, page: int) -> Iterator[str]:
    role = f' role="heading" aria-level="{area.block.level or 1}"' if area.block.kind == "heading" else ""
    title = f"bbox {_whole(area.block.bounding_box)}"
    yield f'<div class="{_CLASSES.get(area.block.kind, _CAREA)}" id="block_{name}" title="{title}">\n'
    for number, paragraph in enumerate(area.paragraphs, 1):
        said = f'title="{_paragraph(paragraph)}"{role}{_direction(*(part.line.text for part in paragraph.lines))}'
        yield f'<p class="ocr_par" id="par_{name}_{number}" {said}>\n'
        for line in paragraph.lines:
            yield from _line(line, f"{page}_{line.name}")
        yield "</p>\n"
    yield "</div>\n"


def _paragraph(paragraph: Paragraph) -> str:
    """Return the properties of a paragraph. hOCR has none for the row and the column of a cell: names with x_ are free.

    See the specification, section 4 (`x_` properties).
    """
    box = f"bbox {_whole(paragraph.box)}"
    if (cell := paragraph.cell) is None:
        return box
    return f"{box}; x_cell {cell.row} {cell.column} {cell.row_span} {cell.column_span}"


def _line(part: AreaLine, name: str) -> Iterator[str]:
    yield f'<span class="ocr_line" id="line_{name}"{_direction(part.line.text)} title="{_properties(part.line)}">'
    for number, (gap, word) in enumerate(words_of(part.line), 1):
        title = f"bbox {_whole(word.bounding_box)}; x_wconf {word.confidence * 100:.2f}"
        yield f'{gap}<span class="ocrx_word" id="word_{name}_{number}" title="{title}">{escaped(word.text)}</span>'
    yield "</span><br/>\n"


def _direction(*texts: str) -> str:
    """Return the attribute of HTML for lines that run from right to left."""
    return ' dir="rtl"' if page_runs_from_the_right(texts) else ""


def _properties(line: Line) -> str:
    polygon = _whole(value for point in line.polygon for value in point)
    return f"bbox {_whole(line.bounding_box)}; poly {polygon}{_angle(line)}; order {line.order}"


def _whole(values: Iterable[float]) -> str:
    return " ".join(str(round(value)) for value in values)


def _angle(line: Line) -> str:
    """Return the property that tells of text which does not run level: degrees, counterclockwise."""
    try:
        degrees = -placement(line.polygon).angle
    except ValueError:
        return ""
    return f"; textangle {degrees:.1f}" if abs(degrees) > _STRAIGHT_DEGREES else ""
