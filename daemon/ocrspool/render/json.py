"""The result file: JSON for programs and people, with each text line and each block on one row."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import orjson

from ocrspool.results.schema import Document, Page


def render(document: Document) -> bytes:
    """Return the document as UTF-8 JSON, indented, ending in a line feed. Equal documents give equal bytes."""
    pages = tuple(map(_page, document.pages))
    warnings = tuple(replace(warning, lines=cast(Any, _row(warning.lines))) for warning in document.warnings)
    rows = replace(document, pages=pages, warnings=warnings)
    return orjson.dumps(rows, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _page(page: Page) -> Page:
    """Return the page with what stands on a row of its own."""
    lines, blocks = (cast(Any, tuple(map(_row, values))) for values in (page.lines, page.blocks))
    rows = replace(page, lines=lines, blocks=blocks)
    return rows if page.read_by is None else replace(rows, read_by=cast(Any, _row(page.read_by)))


def _row(value: object) -> orjson.Fragment:
    return orjson.Fragment(orjson.dumps(value))
