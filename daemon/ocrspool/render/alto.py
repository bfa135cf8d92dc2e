"""ALTO 4.4 XML (loc.gov/standards/alto): pages, blocks, lines and words.

A block is a TextBlock, and a tag says of which kind it is. A table is a ComposedBlock with a TextBlock for each cell.
Each word is a String, and each space between two words an SP. Where a word goes on in the next line, its hyphen is a
HYP, and both parts tell the whole word. A line whose words were not measured (`words = "none"`) is one String. `PC` and
`WC` are the confidences of page and word.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator

from ocrspool.blocks.joining import compounds_in, divided_word
from ocrspool.layout.text_direction import runs_from_the_right
from ocrspool.render.areas import Area, AreaLine, Paragraph, areas_of
from ocrspool.render.word_gaps import words_of
from ocrspool.render.xml_escape import escaped
from ocrspool.results.blocks import Block, Box, Cell
from ocrspool.results.schema import Document, Engine, Line, Page, Word

_NAMESPACE = "http://www.loc.gov/standards/alto/ns-v4#"
_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<alto xmlns="{namespace}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
 xsi:schemaLocation="{namespace} http://www.loc.gov/standards/alto/v4/alto-4-4.xsd" SCHEMAVERSION="4.4">
<Description>
<MeasurementUnit>pixel</MeasurementUnit>
<sourceImageInformation><fileName>{name}</fileName></sourceImageInformation>
{engines}</Description>
{tags}<Layout>
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
    kinds = sorted({_tag(block) for page in document.pages for block in page.blocks if not block.table})
    tags = f"<Tags>\n{''.join(map(_tagged, kinds))}</Tags>\n" if kinds else ""
    head = _HEAD.format(namespace=_NAMESPACE, name=escaped(document.source.name), engines=processing, tags=tags)
    compounds = compounds_in(line.text for page in document.pages for line in page.lines)
    pages = (
        _page(page, steps[page.read_by.fingerprint] if page.read_by else "ocr", compounds) for page in document.pages
    )
    return (head + "".join("".join(page) for page in pages) + "</Layout>\n</alto>\n").encode()


def _tag(block: Block) -> str:
    """Return the name of the tag of a block: its kind, with the level of a heading."""
    return f"heading{block.level or 1}" if block.kind == "heading" else block.kind


def _tagged(name: str) -> str:
    return f'<LayoutTag ID="{name}" LABEL="{name}"/>\n'


def _processing(engine: Engine, step: str) -> str:
    runtime = f"{engine.runtime} {engine.runtime_version}, engine {engine.fingerprint}"
    return _ENGINE.format(name=step, runtime=escaped(runtime), version=engine.version)


def _page(page: Page, step: str, compounds: Collection[str]) -> Iterator[str]:
    size = f'WIDTH="{page.width}" HEIGHT="{page.height}"'
    confidence = "" if page.confidence is None else f' PC="{page.confidence:.4f}"'
    number = f'ID="page{page.number}" PHYSICAL_IMG_NR="{page.number}" PROCESSING="{step}"'
    yield f"<Page {number} {size}{confidence}>\n"
    yield f'<PrintSpace HPOS="0" VPOS="0" {size}>\n'
    for place, area in enumerate(areas_of(page), 1):
        yield from _area(area, page, f"page{page.number}_block{place}", compounds)
    yield "</PrintSpace>\n</Page>\n"


def _area(area: Area, page: Page, name: str, compounds: Collection[str]) -> Iterator[str]:
    if not area.block.table:
        tag = f' TAGREFS="{_tag(area.block)}"' if page.blocks else ""
        yield from _block(area.paragraphs[0], f'ID="{name}"{tag}', page.number, compounds)
        return
    yield f'<ComposedBlock ID="{name}" {_box(area.block.bounding_box)} TYPE="table">\n'
    for number, paragraph in enumerate(area.paragraphs, 1):
        cell = f"{name}_{_cell(paragraph.cell)}" if paragraph.cell else f"{name}_{number}"
        yield from _block(paragraph, f'ID="{cell}"', page.number, compounds)
    yield "</ComposedBlock>\n"


def _cell(cell: Cell) -> str:
    """Return where a cell is, from 1: ALTO has no rows and columns, so the ID of its block says it."""
    return f"row{cell.row + 1}_column{cell.column + 1}"


def _block(paragraph: Paragraph, attributes: str, page: int, compounds: Collection[str]) -> Iterator[str]:
    yield f"<TextBlock {attributes} {_box(paragraph.box)}>\n"
    texts = [part.line.text for part in paragraph.lines]
    divided = [None, *(divided_word(*pair, compounds) for pair in itertools.pairwise(texts)), None]
    for part, (begun, goes_on) in zip(paragraph.lines, itertools.pairwise(divided), strict=True):
        yield _line(part, page, begun, goes_on)
    yield "</TextBlock>\n"


def _line(part: AreaLine, page: int, begun: str | None, goes_on: str | None) -> str:
    """Return a line. `begun` is the word that began in the line before, `goes_on` the one that goes on in the next."""
    direction = ' BASEDIRECTION="rtl"' if runs_from_the_right(part.line.text) else ""
    head = f'<TextLine ID="page{page}_line{part.name}" {_box(part.line.bounding_box)}{direction}>'
    return f"{head}{_shape(part.line.polygon)}{''.join(_words(part.line, begun, goes_on))}</TextLine>\n"


def _words(line: Line, begun: str | None, goes_on: str | None) -> Iterator[str]:
    """Yield a String for each word, and an SP for each space, which is as wide as the gap between two words."""
    before: Box | None = None
    last = len(line.words) - 1
    for place, (gap, word) in enumerate(words_of(line)):
        if gap and before is not None:
            yield _space(before, word.bounding_box)
        if goes_on and place == last and len(word.text) > 1:
            yield _string(word, word.text[:-1], "HypPart1", goes_on)
            yield f'<HYP CONTENT="{escaped(word.text[-1])}"/>'
        elif begun and place == 0 and line.words:
            yield _string(word, word.text, "HypPart2", begun)
        else:
            yield _string(word, word.text)
        before = word.bounding_box


def _space(before: Box, after: Box) -> str:
    # Of two words that stand one below the other, or overlap, there is no gap to be measured along the page.
    left, right = (after[2], before[0]) if after[2] < before[0] else (before[2], after[0])
    width = f' WIDTH="{right - left:.1f}"' if right > left else ""
    return f'<SP{width} HPOS="{left:.1f}" VPOS="{before[1]:.1f}"/>'


def _string(word: Word, text: str, part: str = "", whole: str = "") -> str:
    of_whole = f' SUBS_TYPE="{part}" SUBS_CONTENT="{escaped(whole)}"' if part else ""
    said = f'WC="{word.confidence:.4f}" CONTENT="{escaped(text)}"{of_whole}'
    return f"<String {_box(word.bounding_box)} {said}>{_shape(word.polygon)}</String>"


def _box(box: Box) -> str:
    left, top, right, bottom = box
    return f'HPOS="{left:.1f}" VPOS="{top:.1f}" WIDTH="{right - left:.1f}" HEIGHT="{bottom - top:.1f}"'


def _shape(polygon: tuple[tuple[float, float], ...]) -> str:
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in polygon)
    return f'<Shape><Polygon POINTS="{points}"/></Shape>'
