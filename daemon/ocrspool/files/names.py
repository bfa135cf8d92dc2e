"""File names: any bytes that a filesystem allows, shown safely, and made longer without exceeding the limit.

Inside the program a name is a `str` with surrogate escapes (os.fsdecode), relative to its inbox, with "/".
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from base64 import b64decode, b64encode
from collections.abc import Mapping
from pathlib import PurePosixPath

MOST_BYTES = 255
"""NAME_MAX of every filesystem in use."""


def as_text(name: str) -> str:
    r"""Return the name as valid Unicode; bytes that are not UTF-8 appear as \xNN."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def printable(name: str) -> str:
    r"""Return a name, or any text from outside, for a log or a terminal: on one line, control characters as \xNN."""
    try:
        text = as_text(name)
    except UnicodeEncodeError:  # surrogates that no name has, but JSON may
        text = name.encode("utf-8", "backslashreplace").decode("utf-8")
    if text.isprintable():  # nearly always
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def with_suffix(name: str, suffix: str, tag: str = "") -> str:
    """Return `name` + "~tag" + `suffix`. A last part that gets too long is shortened, and tagged by its own digest."""
    path = PurePosixPath(name)
    ending = (f"~{tag}" if tag else "") + suffix
    if len(os.fsencode(path.name)) + len(ending) > MOST_BYTES:
        ending = "~" + hashlib.sha256(os.fsencode(path.name)).hexdigest()[:8] + ending
    return os.fspath(path.with_name(_cut(path.name, MOST_BYTES - len(ending)) + ending))


def to_json(name: str) -> dict[str, str]:
    """Return the fields that name a file in JSON: `path` to read, `path_base64` too where that is not exact."""
    text = as_text(name)
    return {"path": text} if text == name else {"path": text, "path_base64": b64encode(os.fsencode(name)).decode()}


def from_json(fields: object) -> str:
    """Return the name out of such fields, or "" where there is none that stays inside its folder."""
    if not isinstance(fields, Mapping):  # people edit these files
        return ""
    exact, text = fields.get("path_base64"), fields.get("path")
    with contextlib.suppress(ValueError):  # of binascii and codecs too
        name = os.fsdecode(b64decode(exact, validate=True)) if isinstance(exact, str) else text
        if isinstance(name, str) and b"\0" not in os.fsencode(name) and not {"", ".", ".."} & set(name.split("/")):
            return name
    return ""


def exact(fields: Mapping[str, str]) -> str:
    """Return the name, or path, that `to_json` made these fields of. Not for fields that others may have written."""
    coded = fields.get("path_base64")
    return fields["path"] if coded is None else os.fsdecode(b64decode(coded))


def tagged(name: str, tag: str) -> str:
    """Return `name` with "~tag" before its suffix: `a.png` becomes `a~tag.png`."""
    path = PurePosixPath(name)
    ending = f"~{tag}{path.suffix}"
    if len(os.fsencode(ending)) >= MOST_BYTES:  # a suffix of 200 bytes is no suffix
        return with_suffix(name, "", tag)
    return os.fspath(path.with_name(_cut(path.stem, MOST_BYTES - len(os.fsencode(ending))) + ending))


def _cut(part: str, most: int) -> str:
    raw = os.fsencode(part)
    if len(raw) <= most:
        return part
    while most and raw[most] & 0b1100_0000 == 0b1000_0000:  # noqa: PLR2004 - not within a UTF-8 character
        most -= 1
    return os.fsdecode(raw[:most])
