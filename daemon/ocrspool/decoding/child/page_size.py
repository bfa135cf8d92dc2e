"""How many pixels of a page are kept. Sizes are width and height in pixels.

Memory is bounded by the area of a page. Reading is bounded by the height of its letters. Ordinary sheets (up to A3, and
photographs) are reduced to a side that is enough for their print. A larger sheet and a long page may have letters of
the same height as a small page. So they keep as many pixels as fit into the memory for pages.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ocrspool.decoding.child.page import PageLimits

Size = tuple[int, int]
Kind = Literal["sheet", "large", "unknown"]
"""What a page is by its size: an ordinary sheet, more than that, or either."""

_SHEET_INCHES = 17.5
"""The long side of a sheet: A3 has 16.5, tabloid 17."""
_POINTS_PER_INCH = 72
_LONG = 3.0
"""Long side relative to the short one, from which a page is no sheet."""
_PHOTO = 0.85
"""Share of page_side squared: pictures of 12 megapixels, which most telephones take, are sheets."""
_SCREENS = frozenset({72.0, 96.0})
"""Resolutions that programs state when they know none."""
_MOST_REDUCED = 4
"""Strokes of letters can be measured on a page that has been reduced by so much, not by more."""
_NEARLY = 0.8
"""A page is reduced by a whole number if the result has at least this share of the limit. That is many times cheaper
than another fraction: libjpeg decodes to it, and Pillow averages whole pixels (docs/lab/performance.md)."""
_VIEW_SHORT, _VIEW_AREA = 0.75, 5.0
"""A long page in a view: its short side relative to `side`, as an A4 page has it, and its area relative to `side`
squared."""
_MOST_ENCODED = 65_000
"""Pixels of a side that a JPEG picture may have (65,500), and some room."""


def kind_of(size: Size, dpi: float | None, limits: PageLimits, *, photo: bool) -> Kind:
    """Return what a page of this size is; `dpi` is what its file states, `photo` whether a camera took it."""
    longest, shortest = max(size), min(size)
    if longest <= limits.side or not limits.whole:
        return "sheet"
    if dpi is not None and dpi not in _SCREENS and not photo:
        return "sheet" if longest / dpi <= _SHEET_INCHES else "large"
    if longest > _LONG * shortest:
        return "large"
    if photo or longest * shortest <= _PHOTO * limits.side**2:
        return "sheet"
    return "large" if longest > _MOST_REDUCED * limits.side else "unknown"


def reduced(size: Size, limits: PageLimits) -> Size:
    """Return the size to which an ordinary sheet is reduced, or any page for a view."""
    longest = max(size)
    if not limits.whole and longest > _LONG * min(size):
        return _scaled(size, _view_scale(*size, limits.side))
    whole = -(-longest // limits.side)
    if longest >= _NEARLY * limits.side * whole or whole == 1:
        return divided(size, whole)
    return _scaled(size, limits.side / longest)


def bounded(size: Size, channels: int, limits: PageLimits) -> Size:
    """Return the size at which a page fits into the memory for pages and into the limit of megapixels."""
    width, height = size
    return _scaled(size, math.sqrt(_most_pixels(channels, limits) / (width * height)))


def scale_of_pdf(width: float, height: float, limits: PageLimits) -> float:
    """Return the most pixels per point for a PDF page of so many points."""
    longest = max(width, height)
    # PDFium's caller rounds up, so aim half a pixel below the limit.
    side = (limits.side - 0.5) / longest
    if limits.whole:
        side = side if longest <= _SHEET_INCHES * _POINTS_PER_INCH else math.inf
    elif longest > _LONG * min(width, height):
        side = _view_scale(width, height, limits.side)
    return min(side, math.sqrt(_most_pixels(3, limits) / (width * height)))


def divided(size: Size, by: int) -> Size:
    """Return the size divided by a whole number and rounded up, as libjpeg and Pillow do."""
    width, height = size
    return -(-width // by), -(-height // by)


def _most_pixels(channels: int, limits: PageLimits) -> float:
    return min(limits.megapixels * 1e6, limits.most_bytes / channels)


def _view_scale(width: float, height: float, side: int) -> float:
    """Return the scale of a long page in a view: wide enough to be read, and never beyond what JPEG can hold."""
    longest, shortest = max(width, height), min(width, height)
    return min(_VIEW_SHORT * side / shortest, side * math.sqrt(_VIEW_AREA / (width * height)), _MOST_ENCODED / longest)


def _scaled(size: Size, scale: float) -> Size:
    if scale >= 1:
        return size
    return max(1, int(size[0] * scale)), max(1, int(size[1] * scale))
