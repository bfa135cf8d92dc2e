"""The thickness of the strokes of a page's letters, which tells whether the print survives after a page was reduced.

It works on plain bytes of a few rows of pixels, because a decoder has no numpy. It takes some 10 ms on a page of 9
megapixels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

_ROWS = 100
_LEAST_CONTRAST = 60
"""Grey levels between paper and ink; a row with less of it holds no print."""
_THIN = 0.3
"""Share of strokes of a single pixel. Print that was reduced to less than 8 pixels has 0.35 to 0.8 of them, print of 15
pixels and more has 0.1 to 0.15 (measured on scans of receipts and on drawings at 100 to 300 dpi)."""
_FEW = 20
"""Strokes; of fewer nothing can be said."""
_INK, _PAPER = b"\0", b"\1"


def are_thin(image: Image.Image) -> bool:
    """Return whether many strokes of a page in "L" or "RGB" are only one pixel wide."""
    width, height = image.size
    step = max(1, height // _ROWS)
    thin = total = 0
    for top in range(step // 2, height, step):
        row = image.crop((0, top, width, top + 1)).convert("L")
        for stroke in _strokes(row):
            total += 1
            thin += len(stroke) == 1
    return total >= _FEW and thin > _THIN * total


def _strokes(row: Image.Image) -> list[bytes]:
    """Return the runs of ink in one row: dark on light, or light on dark."""
    darkest, lightest = (int(level) for level in row.getextrema())  # type: ignore[arg-type] # a single channel
    paper = _median(row.histogram())
    if max(paper - darkest, lightest - paper) < _LEAST_CONTRAST:
        return []
    dark = paper - darkest >= lightest - paper
    middle = (paper + (darkest if dark else lightest)) // 2
    table = b"".join(_INK if (level < middle) == dark else _PAPER for level in range(256))
    return [run for run in row.tobytes().translate(table).split(_PAPER) if run]


def _median(histogram: list[int]) -> int:
    half, seen = sum(histogram) / 2, 0
    for level, count in enumerate(histogram):
        seen += count
        if seen >= half:
            return level
    return len(histogram) - 1
