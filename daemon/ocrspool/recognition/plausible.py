"""Whether what was read on a page can be written into a result, whoever has read it."""

from __future__ import annotations

from ocrspool.pages import PageText, TextLine, Word

_FAR = 1e8
"""More than the sum of the coordinates of any polygon on a page. NaN is not less, either."""


def checked(page: PageText) -> PageText:
    """Return the page. Raise ValueError, TypeError or OverflowError if it holds what no engine reads."""
    texts = []
    for line in page.lines:
        _check(line)
        texts.append(line.text)
        for word in line.words:
            _check(word)
            texts.append(word.text)
    "".join(texts).encode()  # UnicodeEncodeError is a ValueError
    for (ax, ay), (bx, by) in page.rules:
        if not abs(ax) + abs(ay) + abs(bx) + abs(by) < _FAR:
            raise ValueError("a ruling line lies beside every page")
    return page


def _check(part: TextLine | Word) -> None:
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = part.polygon
    sizes = abs(ax) + abs(ay) + abs(bx) + abs(by) + abs(cx) + abs(cy) + abs(dx) + abs(dy)
    if not sizes + abs(part.confidence) < _FAR:
        raise ValueError("a line or a word lies beside every page")
