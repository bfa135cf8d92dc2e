"""Small pieces of sentences."""

from __future__ import annotations


def counted(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun: 1 file, 2 files; `many` where the plural is another than with an s."""
    return f"{number} {one if number == 1 else many or one + 's'}"
