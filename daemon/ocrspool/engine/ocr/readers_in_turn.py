"""Which lines of a page are read once more by the next reader, and by which one.

Mostly it is those that nobody has read surely. A reader that is known to be weak is not believed so easily: see
`ReaderOrder.wary`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocrspool.engine.ocr.page_state import LineStrip
from ocrspool.engine.reading.narrowing import narrowed
from ocrspool.engine.reading.signs_of_doubt import has_signs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocrspool.engine.ocr.page_state import Line, PageInWork, Variant
    from ocrspool.engine.spec import Pixels
    from ocrspool.pages import ReaderOrder


def next_strips(page: PageInWork) -> list[LineStrip]:
    """Return the strips of the lines of which no reader so far is sure, for the reader that follows; empty at the end.

    All variants of such a line are read: the way up that one reader prefers may be wrong in the script of another one.
    """
    lines = [*page.lines, page.whole] if page.whole else page.lines
    return [strip for line in lines for variants in _groups(line) for strip in _of_group(page, variants)]


def _groups(line: Line) -> list[Sequence[Variant]]:
    """Return the variants that are read together: a line that is tried upside down is judged by itself."""
    return [line.variants, [line.turned]] if line.turned else [line.variants]


def _of_group(page: PageInWork, variants: Sequence[Variant]) -> list[LineStrip]:
    names = page.options.readers.names
    asked = min(len(variant.read_by) for variant in variants)
    if asked == len(names):
        return []
    if asked and _is_sure(variants, page.options.readers):
        return []
    return [
        LineStrip(page, variant, number, names[asked], _pixels(variant, number, page.options.readers))
        for variant in variants
        for number in range(len(variant.strips))
    ]


def _pixels(variant: Variant, number: int, order: ReaderOrder) -> Pixels:
    """Return a strip as the next reader gets it: narrower where the reader before has found wide letters."""
    strip = variant.strips[number]
    if not variant.read_by or not order.letter_width:
        return strip
    *_, last = variant.read_by.values()
    return narrowed(strip, last[number].letters, order.letter_width)


def _is_sure(variants: Sequence[Variant], order: ReaderOrder) -> bool:
    """Return whether the surest reading of a line so far is good enough."""
    reading = max((variant.surest()[0] for variant in variants), key=lambda reading: reading.confidence)
    return reading.confidence >= order.sure and not (order.wary and has_signs(reading.text))
