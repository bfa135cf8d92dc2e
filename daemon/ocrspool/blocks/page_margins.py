"""Page headers and footers: what stands at the edge of a page, and repeats itself, or is a page number. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Literal

from ocrspool.blocks import markers
from ocrspool.blocks.items import Item, Leveled, same_row
from ocrspool.blocks.paragraphs import Style

_ZONE = 0.15  # of the height of a page, from its upper and its lower edge
_REPEATED = 0.4  # share of the pages, and two of them at least, on which the same text stands
_NEAR = 0.03  # of the height of a page, by which the places of the same text may differ
_SMALLER = 0.9  # size, as a multiple of the usual one, up to which other text at the edge of a page is a header
_APART = 1.6  # distance to the text, in usual distances of lines, that a page number keeps
_LETTERS = 10  # letters of a text that is the same although its numbers differ
_DIGITS = re.compile(r"\d+|\b[ivxlc]+\b", re.IGNORECASE)

Margin = Literal["header", "footer"]


def page_margins(pages: Sequence[Leveled], style: Style) -> list[dict[int, Margin]]:
    """Return for each page which of its lines are of its header or its footer, by their places."""
    edges = [_edges(page) for page in pages]
    keys = [[_key(page, *at) for at in found] for page, found in zip(pages, edges, strict=True)]
    known = Counter(key for of_page in keys for key in set(of_page))
    repeated = [{key for key in of_page if _repeats(known, key, len(pages))} for of_page in keys]
    copies = _copies(pages, edges) if any(repeated) else [False] * len(pages)
    margins = []
    for page, found, of_edges, again, is_copy in zip(pages, edges, keys, repeated, copies, strict=True):
        of_page: dict[int, Margin] = {}
        for (margin, item), key in zip(found, of_edges, strict=True):
            if (not is_copy and key in again) or _is_number_apart(page, margin, item, style):
                of_page[item.place] = margin
        if of_page:  # a page of several: other small text at its edges is of the same kind
            of_page |= {item.place: margin for margin, item in found if _is_small_apart(page, margin, item, style)}
        margins.append(_with_rows(page, of_page, style))
    return margins


def _edges(page: Leveled) -> list[tuple[Margin, Item]]:
    """Return the lines near the upper and the lower edge of a page."""
    found: list[tuple[Margin, Item]] = []
    for item in page.items:
        if item.bottom <= _ZONE * page.height:
            found.append(("header", item))
        elif item.top >= (1 - _ZONE) * page.height:
            found.append(("footer", item))
    return found


def _copies(pages: Sequence[Leveled], edges: Sequence[Sequence[tuple[Margin, Item]]]) -> list[bool]:
    """Return for each page whether most of its text is on another page too: then repetition says nothing of its edges.

    A letter that was scanned twice, and the sheets of one form, are such pages.
    """
    texts = []
    for page, found in zip(pages, edges, strict=True):
        at_edges = {item.place for _, item in found}
        texts.append({_plain(item) for item in page.items if item.place not in at_edges})
    known = Counter(text for of_page in texts for text in of_page)
    return [sum(known[text] > 1 for text in of_page) > len(of_page) / 2 for of_page in texts]


def _plain(item: Item) -> str:
    """Return the text of a line without spaces, and without its numbers where it says more than these.

    "Form 17" and "Form 18" are cells of a table, and not one text with another number.
    """
    text = "".join(item.text.lower().split())
    without = _DIGITS.sub("#", item.text).lower()
    return "".join(without.split()) if sum(map(str.isalpha, without)) >= _LETTERS else text


def _key(page: Leveled, margin: Margin, item: Item) -> tuple[Margin, str, int]:
    """Return what is the same of lines that repeat: the text without its numbers; and about where it stands."""
    return margin, _plain(item), round(item.middle / page.height / _NEAR / 2)


def _repeats(known: Counter[tuple[Margin, str, int]], key: tuple[Margin, str, int], pages: int) -> bool:
    margin, text, place = key
    count = sum(known[margin, text, near] for near in (place - 1, place, place + 1))
    return count >= max(2, _REPEATED * pages)


def _is_number_apart(page: Leveled, margin: Margin, item: Item, style: Style) -> bool:
    """Return whether a line is a page number, at the outer edge of the text and apart from it."""
    is_number = markers.is_page_number(item.text) or markers.tells_page_number(item.text)
    return is_number and _is_outermost(page, margin, item, style)


def _is_small_apart(page: Leveled, margin: Margin, item: Item, style: Style) -> bool:
    """Return whether a line is smaller than the text, at its outer edge and apart from it."""
    return item.size <= _SMALLER * style.size and _is_outermost(page, margin, item, style)


def _is_outermost(page: Leveled, margin: Margin, item: Item, style: Style) -> bool:
    others = [other for other in page.items if not same_row(other, item)]
    apart = _APART * style.pitch * style.size
    if margin == "header":
        return all(other.middle > item.middle + apart for other in others)
    return all(other.middle < item.middle - apart for other in others)


def _with_rows(page: Leveled, found: dict[int, Margin], style: Style) -> dict[int, Margin]:
    """Add what stands in one row with a line of a header or footer, and is apart from the text as that is."""
    by_place = {item.place: item for item in page.items}
    for place, margin in list(found.items()):
        for item in page.items:
            if item.place not in found and same_row(item, by_place[place]) and item.size <= 1.2 * style.size:
                found[item.place] = margin
    return found
