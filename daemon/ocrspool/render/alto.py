"""ALTO 4.4 XML (loc.gov/standards/alto): pages, with one text block each, lines, and words.

Each word is a String, and each space between two words an SP. A line whose words were not measured (`words = "none"`)
is one String. `PC` and `WC` are the confidences of page and word.
"""

from __future__ import annotations

from collections.abc import Iterator

from ocrspool.layout.text_direction import runs_from_the_right
from ocrspool.render.word_gaps import words_of
from ocrspool.render.xml_escape import escaped
from ocrspool.results.schema import Document, Engine, Line, Page

_NAMESPACE = "http://www.loc.gov/standards/alto/ns-v4#"
_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<alto xmlns="{namespace}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
 xsi:schemaLocation="{namespace} http://www.loc.gov/standards/alto/v4/alto-4-4.xsd" SCHEMAVERSION="4.4">
<Description>
<MeasurementUnit>pixel</MeasurementUnit>
<sourceImageInformation><fileName>{name}</fileName></sourceImageInformation>
{engines}</Description>
<Layout>
"""
_ENGINE = """<Processing ID="{name}">
<processingCategory>contentGeneration</processingCategory>
<processingStepDescription>{runtime}</processingStepDescription>
<processingSoftware><softwareName>ocrspool</softwareName><softwareVersion>{version}</softwareVersion></processingSoftware>
</Processing>
"""


def render(document: Document) -> bytes:
    """Return the document as UTF-8 ALTO."""
    engines = (document.engine, *document.other_engines)
    steps = {engine.fingerprint: f"ocr{number}" if number else "ocr" for number, engine in enumerate(engines)}
    processing = "".join(_processing(engine, steps[engine.fingerprint]) for engine in engines)
    head = _HEAD.format(namespace=_NAMESPACE, name=escaped(document.source.name), engines=processing)
    pages = (_page(page, steps[page.read_by.fingerprint] if page.read_by else "ocr") for page in document.pages)
    return (head + "".join("".join(page) for page in pages) + "</Layout>\n</alto>\n").encode()


def _processing(engine: Engine, step: str) -> str:
    runtime = f"{engine.runtime} {engine.runtime_version}, engine {engine.fingerprint}"
    return _ENGINE.format(name=step, runtime=escaped(runtime), version=engine.version)


def _page(page: Page, step: str) -> Iterator[str]:
    size = f'WIDTH="{page.width}" HEIGHT="{page.height}"'
    confidence = "" if page.confidence is None else f' PC="{page.confidence:.4f}"'
    number = f'ID="page{page.number}" PHYSICAL_IMG_NR="{page.number}" PROCESSING="{step}"'
    yield f"<Page {number} {size}{confidence}>\n"
    yield f'<PrintSpace HPOS="0" VPOS="0" {size}>\n'
    if page.lines:
        yield f'<TextBlock ID="page{page.number}_text">\n'
        for line in page.lines:
            yield _line(line, f"page{page.number}_line{line.order + 1}")
        yield "</TextBlock>\n"
    yield "</PrintSpace>\n</Page>\n"


def _line(line: Line, name: str) -> str:
    direction = ' BASEDIRECTION="rtl"' if runs_from_the_right(line.text) else ""
    content = f"{_shape(line.polygon)}{''.join(_words(line))}"
    return f'<TextLine ID="{name}" {_box(line.bounding_box)}{direction}>{content}</TextLine>\n'


def _words(line: Line) -> Iterator[str]:
    """Yield a String for each word, and an SP for each space, which is as wide as the gap between two words."""
    before: tuple[float, float, float, float] | None = None
    for gap, word in words_of(line):
        box = word.bounding_box
        if gap and before is not None:
            # Of two words that stand one below the other, or overlap, there is no gap to be measured along the page.
            left, right = (box[2], before[0]) if box[2] < before[0] else (before[2], box[0])
            width = f' WIDTH="{right - left:.1f}"' if right > left else ""
            yield f'<SP{width} HPOS="{left:.1f}" VPOS="{before[1]:.1f}"/>'
        text = f'WC="{word.confidence:.4f}" CONTENT="{escaped(word.text)}"'
        yield f"<String {_box(box)} {text}>{_shape(word.polygon)}</String>"
        before = box


def _box(box: tuple[float, float, float, float]) -> str:
    left, top, right, bottom = box
    return f'HPOS="{left:.1f}" VPOS="{top:.1f}" WIDTH="{right - left:.1f}" HEIGHT="{bottom - top:.1f}"'


def _shape(polygon: tuple[tuple[float, float], ...]) -> str:
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in polygon)
    return f'<Shape><Polygon POINTS="{points}"/></Shape>'
