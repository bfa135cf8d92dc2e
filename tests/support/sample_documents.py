"""Published documents, made without an engine: lines where a test wants them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ocrspool.pages import Point
from ocrspool.results.schema import Document, Engine, Line, Page, PageError, Run, Source


def box(left: float, top: float, right: float, bottom: float) -> tuple[Point, ...]:
    """The polygon of level text."""
    return (left, top), (right, top), (right, bottom), (left, bottom)


def line(text: str, polygon: Sequence[Point], order: int = 0, confidence: float = 0.9) -> Line:
    xs, ys = [x for x, _ in polygon], [y for _, y in polygon]
    return Line(order, text, confidence, 0.8, tuple(polygon), (min(xs), min(ys), max(xs), max(ys)))


def page(*lines: Line, number: int = 1, size: tuple[int, int] = (1000, 800), dpi: float | None = 200.0) -> Page:
    ordered = tuple(replace(each, order=order) for order, each in enumerate(lines))
    confidence = sum(each.confidence for each in lines) / len(lines) if lines else None
    text = "\n".join(each.text for each in lines)
    return Page(number, "ok", *size, "px", "top-left", dpi, 0, text, confidence, ordered, None)


def lost_page(number: int = 1) -> Page:
    error = PageError("damaged", "its <pixels> cannot be decoded", "")
    return Page(number, "failed", 0, 0, "px", "top-left", None, 0, "", None, (), error)


def document(*pages: Page, name: str = "scan.png", media_type: str = "image/png") -> Document:
    return Document(
        schema="ocrspool-result/1",
        status="ok",
        source=Source(name, name, None, "default", 1, "0" * 64, media_type, len(pages)),
        text="\f".join(each.text for each in pages),
        pages=pages,
        engine=Engine("ocrspool", "0.1", "openvino", "2025.4", "CPU", "f32", "abc", ()),
        outputs=(),
        warnings=(),
        run=Run("job", "host", 1, "2026-01-01T00:00:00.000Z", "2026-01-01T00:00:01.000Z", {}),
    )
