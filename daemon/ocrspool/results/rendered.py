"""A result after it was rendered: its bytes, and what a delivery needs to know without reading them again."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ResultFiles:
    """Which document a result is of, and which files lie beside it."""

    digest: str
    """SHA-256 of the source, in hexadecimal."""
    suffixes: tuple[str, ...] = ()
    """The suffixes of the other outputs, in the order in which they are delivered."""
    done_as: str = ""
    """The path below done/ that the result says its source gets; "" where it says none."""


@dataclass(frozen=True, slots=True)
class RenderedResult:
    """A result that is ready to be delivered."""

    files: ResultFiles
    data: bytes
    """The JSON, byte for byte as it will appear."""
