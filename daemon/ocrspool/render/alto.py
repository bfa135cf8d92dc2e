"""ALTO 4.4 XML (loc.gov/standards/alto): pages, one text block each, and lines.

A line holds one String with the whole of its text, spaces included: where its words stand has not been measured.
`PC` and `WC` are the confidences of page and line.
"""

from __future__ import annotations

from collections.abc import Iterator

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
    left, top, right, bottom = line.bounding_box
    box = f'HPOS="{left:.1f}" VPOS="{top:.1f}" WIDTH="{right - left:.1f}" HEIGHT="{bottom - top:.1f}"'
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in line.polygon)
    return (
        f'<TextLine ID="{name}" {box}><Shape><Polygon POINTS="{points}"/></Shape>'
        f'<String {box} WC="{line.confidence:.4f}" CONTENT="{escaped(line.text)}"/></TextLine>\n'
    )
