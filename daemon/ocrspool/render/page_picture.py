"""What a decoder offers to outputs that show pages: pictures of the pages, and the file that they are in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, Literal, Protocol

from ocrspool.pages import Point
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


class ShownPages(Protocol):
    """The pages of an open document.

    The module of an output that shows pages has a function `write_pages(document, pages, file) -> bool`. It returns
    False where the pages could not be kept, so that the output shows pictures of them. It raises what `picture` raises,
    OSError, or DocumentError where the document does not allow the output.
    """

    @property
    def media_type(self) -> str:
        """The type of the file."""

    @property
    def file(self) -> BinaryIO:
        """The file."""

    def picture(self, page: Page, quality: int, *, as_it_is: bool = False) -> Picture:
        """Return the picture of a page, as JPEG of this quality. Raise DocumentError where the file has none any more.

        With `as_it_is` a JPEG file that can be shown keeps its bytes, and what is black and white is kept in group 4.
        """

    def small(self, picture: Picture, rotation: int) -> bytes:
        """Return a JPEG picture reduced to an icon, turned clockwise by so many degrees."""

    def corners(self, page: Page) -> tuple[Point, Point, Point]:
        """Return where the page lies in the coordinates of its PDF page: its top left, top right and bottom left."""

    def without_own_text(self, page: Page) -> Page:
        """Return the page without the lines that its PDF page has as text already."""
