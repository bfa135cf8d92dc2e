"""The tables of a document as comma-separated values (RFC 4180), with an empty line between two tables."""

from __future__ import annotations

from ocrspool.errors import DocumentError
from ocrspool.render.table_rows import table_rows
from ocrspool.results.blocks import Table
from ocrspool.results.schema import Document

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_SIGNED = set("0123456789.,' \N{NO-BREAK SPACE}%$€£¥+-")


def render(document: Document) -> bytes:
    """Return the tables in UTF-8. Raise DocumentError where the document has none."""
    tables = [block.table for page in document.pages for block in page.blocks if block.table]
    if not tables:
        raise DocumentError("no-table", "no table was found in the document.")
    return "\r\n".join(map(_table, tables)).encode()


def _table(table: Table) -> str:
    return "".join(",".join(map(_field, row)) + "\r\n" for row in table_rows(table))


def _field(text: str) -> str:
    """Return a field, in quotes where it needs them; spreadsheets take nothing in it for a formula."""
    if text.startswith(_FORMULA) and not set(text) <= _SIGNED:
        text = f"'{text}"
    return f'"{text.replace(chr(34), chr(34) * 2)}"' if any(sign in text for sign in ',"\r\n') else text
