"""Makes the published document of what decoding and recognition found. It does no I/O and reads no clock."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

from ocrspool.blocks.page_blocks import blocks
from ocrspool.blocks.values import Block, PageLines
from ocrspool.decoding.api import DocumentInfo
from ocrspool.errors import DocumentError
from ocrspool.files import names
from ocrspool.pages import EmbeddedText, Notice, PageImage, PageText, Polygon, TextLine
from ocrspool.pipeline.page_blocks import Order, with_blocks
from ocrspool.results.from_json import engine_from
from ocrspool.results.schema import SCHEMA, Document, Engine, Line, Page, PageError, ReadBy, Run, Source, Word


@dataclass(frozen=True, slots=True)
class ReadPage:
    """A page that was decoded and recognized."""

    image: PageImage
    text: PageText


@dataclass(frozen=True, slots=True)
class LostPage:
    """A page that could not be decoded, or not recognized."""

    number: int
    error: DocumentError


@dataclass(frozen=True, slots=True)
class Reading:
    """All that was found in one file."""

    name: str
    """Relative to its inbox, with surrogate escapes."""
    inbox: str
    opened: DocumentInfo
    pages: Sequence[ReadPage | EmbeddedText | LostPage]
    warnings: Sequence[Notice]


def build(reading: Reading, engine: Engine, run: Run) -> Document:
    """Return the document to publish. `engine` is named in it where no engine has read a page."""
    engines = _engines(reading.pages) or (engine,)
    opened = reading.opened
    pages, found = _in_order(reading.pages)
    built = with_blocks(tuple(map(_page, pages)), found)
    named = names.to_json(reading.name)
    path = named["path"]
    return Document(
        schema=cast(Any, SCHEMA),
        status="ok" if all(page.status == "ok" for page in built) else "partial",
        source=Source(
            name=path.rpartition("/")[2],
            path=path,
            path_base64=named.get("path_base64"),
            inbox=reading.inbox,
            size=opened.size,
            sha256=opened.sha256,
            media_type=opened.media_type,
            pages=opened.pages,
        ),
        text="\f".join(page.text for page in built),
        pages=built,
        engine=engines[0],
        other_engines=engines[1:],
        outputs=(),
        warnings=(
            *reading.warnings,
            *(warning for page in pages if isinstance(page, ReadPage) for warning in _warnings(page)),
        ),
        run=replace(run, hosts=_hosts(reading.pages)),
    )


def _engines(pages: Sequence[ReadPage | EmbeddedText | LostPage]) -> tuple[Engine, ...]:
    """Return each engine that has read a page, once, in the order of the pages."""
    found: dict[str, Engine] = {}
    for page in pages:
        if isinstance(page, ReadPage) and (facts := page.text.engine):
            found.setdefault(facts["fingerprint"], engine_from(facts))
    return tuple(found.values())


def _hosts(pages: Sequence[ReadPage | EmbeddedText | LostPage]) -> tuple[str, ...]:
    """Return each other host that has read a page, once, in the order of the pages."""
    return tuple(dict.fromkeys(page.text.host for page in pages if isinstance(page, ReadPage) and page.text.host))


def _warnings(page: ReadPage) -> Iterator[Notice]:
    """Yield the warnings of an engine, which does not know the number of the page."""
    for warning in page.text.warnings:
        yield replace(warning, page=page.image.number)


def _page(page: ReadPage | EmbeddedText | LostPage) -> Page:
    if isinstance(page, LostPage):
        return _lost(page)
    if isinstance(page, EmbeddedText):
        lines = tuple(_line(order, line, (1, 1)) for order, line in enumerate(page.lines))
        return _with_text(page.number, (page.width, page.height, page.dpi), lines, text_from="pdf")
    image, found = page.image, page.text
    scale = (image.source_width / image.width, image.source_height / image.height)
    lines = tuple(_line(order, line, scale) for order, line in enumerate(found.lines))
    size = (image.source_width, image.source_height, image.dpi)
    read_by = None
    if found.engine:
        by = {"host": found.host or None, "finder": found.finder or None}
        read_by = ReadBy(found.device, found.engine["fingerprint"], **by)
    return replace(_with_text(image.number, size, lines, rotation=found.rotation), read_by=read_by)


def _in_order(
    pages: Sequence[ReadPage | EmbeddedText | LostPage],
) -> tuple[list[ReadPage | EmbeddedText | LostPage], list[tuple[Block, ...]]]:
    """Return the pages with their lines in the order in which their blocks are read, and these blocks."""
    ordered: list[ReadPage | EmbeddedText | LostPage] = []
    made = []
    looked_at = list(map(_page_lines, pages))
    for page, lines, found in zip(pages, looked_at, blocks(looked_at), strict=True):
        order = Order(lines, found)
        made.append(order.blocks(found))
        if isinstance(page, ReadPage):
            text = page.text
            text = replace(text, lines=order.lines(text.lines), warnings=order.warnings(text.warnings))
            ordered.append(replace(page, text=text))
        elif isinstance(page, EmbeddedText):
            ordered.append(replace(page, lines=order.lines(page.lines)))
        else:
            ordered.append(page)
    return ordered, made


def _page_lines(page: ReadPage | EmbeddedText | LostPage) -> PageLines:
    """Return what the blocks of a page are found in."""
    if isinstance(page, ReadPage):
        found, image = page.text, page.image
        return PageLines(found.lines, image.width, image.height, found.rotation, found.rules)
    if isinstance(page, EmbeddedText):
        return PageLines(page.lines, page.width, page.height, rules=page.rules)
    return PageLines((), 0, 0)


def _with_text(
    number: int,
    size: tuple[int, int, float | None],
    lines: tuple[Line, ...],
    *,
    rotation: int = 0,
    text_from: Literal["ocr", "pdf"] = "ocr",
) -> Page:
    """Return a page of this width, height and resolution."""
    return Page(
        number=number,
        status="ok",
        width=size[0],
        height=size[1],
        unit="px",
        origin="top-left",
        dpi=size[2],
        rotation=rotation,
        text_from=text_from,
        text="\n".join(line.text for line in lines),
        confidence=round(sum(line.confidence for line in lines) / len(lines), 4) if lines else None,
        lines=lines,
        error=None,
    )


def _lost(page: LostPage) -> Page:
    error = PageError(page.error.kind, page.error.message, page.error.hint)
    return Page(
        number=page.number,
        status="failed",
        width=0,
        height=0,
        unit="px",
        origin="top-left",
        dpi=None,
        rotation=0,
        text_from="ocr",
        text="",
        confidence=None,
        lines=(),
        error=error,
    )


def _line(order: int, line: TextLine, scale: tuple[float, float]) -> Line:
    polygon = _scaled(line.polygon, scale)
    xs, ys = [x for x, _ in polygon], [y for _, y in polygon]
    return Line(
        order=order,
        text=line.text,
        confidence=round(line.confidence, 4),
        detection_confidence=round(line.detection_confidence, 4),
        polygon=polygon,
        bounding_box=(min(xs), min(ys), max(xs), max(ys)),
        words=tuple(Word(word.text, round(word.confidence, 4), _scaled(word.polygon, scale)) for word in line.words),
        reader=line.reader or None,
    )


def _scaled(polygon: Polygon, scale: tuple[float, float]) -> tuple[tuple[float, float], ...]:
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = polygon
    x, y = scale
    return (
        (round(ax * x, 1), round(ay * y, 1)),
        (round(bx * x, 1), round(by * y, 1)),
        (round(cx * x, 1), round(cy * y, 1)),
        (round(dx * x, 1), round(dy * y, 1)),
    )
