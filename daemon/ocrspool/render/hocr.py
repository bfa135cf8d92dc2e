"""hOCR 1.2 (kba.github.io/hocr-spec/1.2): pages and lines, as well-formed XHTML.

There are no words in it: ocrspool finds lines, and boxes of words that nobody has measured would be made up.
`x_wconf` is the confidence of the whole line.
"""

from __future__ import annotations

from collections.abc import Iterator

from ocrspool.render.line_geometry import placement
from ocrspool.render.xml_escape import escaped
from ocrspool.results.schema import Document, Line, Page

_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml">
<head>
<meta charset="utf-8"/>
<title>{title}</title>
<meta name="ocr-system" content="ocrspool {version}"/>
<meta name="ocr-capabilities" content="ocr_page ocr_line ocrp_poly"/>
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
        yield f'<span class="ocr_line" id="line_{page.number}_{line.order + 1}" title="{_properties(line)}">'
        yield f"{escaped(line.text)}</span><br/>\n"
    yield "</div>\n"


def _properties(line: Line) -> str:
    box = " ".join(str(round(value)) for value in line.bounding_box)
    polygon = " ".join(str(round(value)) for point in line.polygon for value in point)
    return f"bbox {box}; poly {polygon}{_angle(line)}; order {line.order}; x_wconf {line.confidence * 100:.2f}"


def _angle(line: Line) -> str:
    """Return the property that tells of text which does not run level: degrees, counterclockwise."""
    try:
        degrees = -placement(line.polygon).angle
    except ValueError:
        return ""
    return f"; textangle {degrees:.1f}" if abs(degrees) > _STRAIGHT_DEGREES else ""
