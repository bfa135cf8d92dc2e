"""The small JSON files beside a job. Others may write to the folder, so the files are read with suspicion.

A file that the disk does not give now is not taken for one that is not there: it would be written anew.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from ocrspool.files.faults import unless_of_disk
from ocrspool.files.folder import Folder

MOST_BYTES = 64 << 10
"""Of a record. Counts and reasons have a few hundred bytes, and names at most 4096, of which JSON may make six times
as many."""
HEAD_BYTES = 64 << 10
"""Of a result: what it says of its source stands within so many bytes of its beginning."""
_SPACE = re.compile(r"[ \t\n\r]*")


def load(folder: Folder, name: str, most: int = MOST_BYTES) -> dict[str, Any]:
    """Return the object in a file; an empty one where there is no such file, or nothing of the kind in it.

    No more than `most` bytes are read: what is larger is none of ours. Never waits: a pipe under the name of a record
    is not opened for good, and no link is followed. Raise OSError where the disk is at fault.
    """
    data = _read(folder, name, most + 1)
    try:
        value = json.loads(data) if len(data) <= most else None
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def load_below(root: Path, name: str) -> dict[str, Any]:
    """Return the object in a file below a folder of the configuration, as `load` does; empty where the disk fails."""
    try:
        with Folder.at(root) as folder, folder.holder(name) as holder:
            return load(holder, name.rpartition("/")[2])
    except OSError:
        return {}


def load_head(folder: Folder, name: str, wanted: str) -> dict[str, Any]:
    """Return the object under the key `wanted` of the object in a file, which may have any size; empty as `load`.

    It has to stand in the first HEAD_BYTES, and no more is read: others can put a file of gigabytes in its place. Raise
    OSError where the disk is at fault.
    """
    head = _read(folder, name, HEAD_BYTES).decode("utf-8", "ignore")  # a character may be cut
    try:
        value = _member(head, wanted)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def dump(value: dict[str, Any]) -> bytes:
    """Return the object as a file that people can read."""
    return json.dumps(value, indent=2).encode("ascii") + b"\n"


def _read(folder: Folder, name: str, most: int) -> bytes:
    """Return the beginning of a file; nothing where there is none, or something else. Raise OSError of the disk."""
    with unless_of_disk():
        return folder.read(name, most)
    return b""


def _member(text: str, wanted: str) -> object:
    """Return the value of a key of the object with which a text begins. Raise ValueError where it is not in it."""
    decoder = json.JSONDecoder()
    at, mark = _skip(text, 0), "{"
    while text[at : at + 1] == mark:
        key, at = decoder.raw_decode(text, _skip(text, at + 1))
        at = _skip(text, at)
        if text[at : at + 1] != ":":
            raise ValueError("no object")
        value, at = decoder.raw_decode(text, _skip(text, at + 1))
        if key == wanted:
            return value
        at, mark = _skip(text, at), ","
    raise ValueError(f"no {wanted}")


def _skip(text: str, at: int) -> int:
    """Return where the white space that begins there ends."""
    found = _SPACE.match(text, at)
    return found.end() if found else at
