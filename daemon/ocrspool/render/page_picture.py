"""A page as a picture in a file of its own, which the decoder makes for outputs that show pages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ocrspool.results.schema import Page


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture of a page, upright as the page is in the source; it covers the whole page, at any resolution."""

    kind: Literal["jpeg", "png", "g4"]
    """g4: a strip of CCITT group 4, black on white, without a file around it."""
    data: bytes
    width: int
    """Pixels of the picture."""
    height: int
    channels: int
    """1 = grey or black and white, 3 = color."""


Painter = Callable[[Page], Picture]
"""Makes the picture of a page that was read. Raises DocumentError where the file has none any more."""
