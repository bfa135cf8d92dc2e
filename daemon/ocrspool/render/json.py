"""The result file: JSON for programs and people, with each text line and each block on one row.

It is made in two parts. The beginning holds the pages and is known when a document is assembled. The ending tells what
was made beside it, and is known when the document is delivered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import orjson

from ocrspool.pages import Notice
from ocrspool.results.schema import Document, Output, Page, Run

_FIRST = ("schema", "status", "source", "text", "pages", "engine", "other_engines")
"""The fields of the beginning, in the order of the schema. Those of the ending follow."""
_OPEN, _CLOSE = b"{\n", b"\n}"


def render(document: Document) -> bytes:
    """Return the document as UTF-8 JSON, indented, ending in a line feed. Equal documents give equal bytes."""
    return beginning(document) + ending(document.outputs, document.warnings, document.run)


def beginning(document: Document) -> bytes:
    """Return the JSON of a document up to its outputs."""
    fields = {name: getattr(document, name) for name in _FIRST} | {"pages": tuple(map(_page, document.pages))}
    return orjson.dumps(fields, option=orjson.OPT_INDENT_2).removesuffix(_CLOSE) + b",\n"


def ending(outputs: Sequence[Output], warnings: Sequence[Notice], run: Run) -> bytes:
    """Return what follows the beginning."""
    rows = tuple(replace(warning, lines=cast(Any, _row(warning.lines))) for warning in warnings)
    fields = {"outputs": outputs, "warnings": rows, "run": run}
    return orjson.dumps(fields, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).removeprefix(_OPEN)


def _page(page: Page) -> Page:
    """Return the page with what stands on a row of its own."""
    lines, blocks = (cast(Any, tuple(map(_row, values))) for values in (page.lines, page.blocks))
    rows = replace(page, lines=lines, blocks=blocks)
    return rows if page.read_by is None else replace(rows, read_by=cast(Any, _row(page.read_by)))


def _row(value: object) -> orjson.Fragment:
    return orjson.Fragment(orjson.dumps(value))
