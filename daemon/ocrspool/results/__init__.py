"""The published result: its classes, and `read`, with which other programs read a result file.

    from ocrspool.results import read

    document = read("outbox/scan.pdf.json")
    print(document.pages[0].lines[0].words[0].text)

Results of later versions may have more fields; those are left out. docs/result.md says what is promised to stay.
"""

from __future__ import annotations

from ocrspool.results.blocks import Block, Cell, Table
from ocrspool.results.reader import read
from ocrspool.results.schema import Document, Line, Page, Word

__all__ = ["Block", "Cell", "Document", "Line", "Page", "Table", "Word", "read"]
