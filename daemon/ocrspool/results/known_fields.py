"""Values of a result from JSON that a later version may have written: fields that are not known are left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

_Part = TypeVar("_Part")


def made(kind: type[_Part], found: Mapping[str, Any], **parts: object) -> _Part:
    """Return a value of a class of the result, of the fields that it knows; `parts` are made already."""
    names = {each.name for each in fields(kind)}  # type: ignore[arg-type] # all of them are dataclasses
    return kind(**{name: value for name, value in found.items() if name in names} | parts)
