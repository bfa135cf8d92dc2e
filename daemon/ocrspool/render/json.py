"""The result file: JSON to be read by programs and people, one text line on one row."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import orjson

from ocrspool.result import Document


def render(document: Document) -> bytes:
    """Return the document as UTF-8 JSON, indented, ending in a line feed. Equal documents give equal bytes."""
    pages = tuple(replace(page, lines=cast(Any, tuple(map(_row, page.lines)))) for page in document.pages)
    return orjson.dumps(replace(document, pages=pages), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _row(value: object) -> orjson.Fragment:
    return orjson.Fragment(orjson.dumps(value))
