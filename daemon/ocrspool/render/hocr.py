"""hOCR 1.2 (kba.github.io/hocr-spec/1.2): pages, lines and words, as well-formed XHTML.

`x_wconf` is the confidence of a word. A line whose words were not measured (`words = "none"`) is one word.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ocrspool.layout.text_direction import runs_from_the_right
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
<meta name="ocr-capabilities" content="ocr_page ocr_line ocrx_word ocrp_poly ocrp_wconf"/>
<meta name="ocr-number-of-pages" content="{pages}"/>
</head>
<body>
"""
_STRAIGHT_DEGREES = 0.5


def render(document: Document) -> bytes:
    """Return the document as UTF-8 hOCR; boxes and polygons in whole pixels."""
    head = _HEAD.format(title=escaped(document.source.name), version=document.engine.version, pages=len(document.pages))
    body = "".join("".join(_page(page, document.source.name)) for page in document.pages)
    return f"{head}{body}</body>\n</html>\n".encode()


def _page(page: Page, name: str) -> Iterator[str]:
    resolution = f"; scan_res {round(page.dpi)} {round(page.dpi)}" if page.dpi else ""
    # The name stands in quotes, among properties that are told apart by semicolons.
    image = name.replace("%", "%25").replace('"', "%22").replace(";", "%3B")
    title = f'image "{image}"; bbox 0 0 {page.width} {page.height}; ppageno {page.number - 1}{resolution}'
    yield f'<div class="ocr_page" id="page_{page.number}" title="{escaped(title)}">\n'
    for line in page.lines:
        name = f"{page.number}_{line.order + 1}"
        direction = ' dir="rtl"' if runs_from_the_right(line.text) else ""
        yield f'<span class="ocr_line" id="line_{name}"{direction} title="{_properties(line)}">'
        for number, (gap, word) in enumerate(words_of(line), 1):
            title = f"bbox {_whole(word.bounding_box)}; x_wconf {word.confidence * 100:.2f}"
            yield f'{gap}<span class="ocrx_word" id="word_{name}_{number}" title="{title}">{escaped(word.text)}</span>'
        yield "</span><br/>\n"
    yield "</div>\n"


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
