"""Reads result files, for other programs. The service itself does not use it."""

from __future__ import annotations

import json
import os
from pathlib import Path

from ocrspool.results.from_json import document_from
from ocrspool.results.schema import SCHEMA, Document


def read(path: str | os.PathLike[str]) -> Document:
    """Return the document that a result file holds.

    Raise OSError if the file cannot be read, and ValueError if it is no result of this schema.
    """
    data = Path(path).read_bytes()
    try:
        found = json.loads(data)
        if found["schema"] == SCHEMA:
            return document_from(found)
        problem = f"its schema is {found['schema']}"
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        problem = f"{type(error).__name__}: {error}"
    raise ValueError(f"{os.fspath(path)} is not a result of ocrspool ({SCHEMA}): {problem}")
