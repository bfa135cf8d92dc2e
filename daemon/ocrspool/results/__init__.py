"""The published result: its classes, and `read`, with which other programs read a result file.

    from ocrspool.results import read

    document = read("outbox/scan.pdf.json")
    print(document.pages[0].lines[0].words[0].text)

Results of later versions may have more fields; those are left out. docs/result.md says what is promised to stay.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from ocrspool.results.schema import SCHEMA, Document, Line, Page, Word, document_from

__all__ = ["Document", "Line", "Page", "Word", "read"]


def read(path: str | os.PathLike[str]) -> Document:
    """Return the document that a result file holds.

    Raise OSError if the file cannot be read, and ValueError if it is no result of this schema.
    """
    try:
        found = json.loads(Path(path).read_bytes())
        if found["schema"] != SCHEMA:
            raise ValueError(f"{path}: the schema is {found['schema']}, not {SCHEMA}")
        return document_from(found)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is not a result of ocrspool: {error!r}") from error
