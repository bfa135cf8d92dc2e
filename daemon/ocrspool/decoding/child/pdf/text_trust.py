"""Tell whether a page's own text agrees with what the page shows, as far as this is possible without reading the page.

Two cheap checks are made. The first one is about letters: a text that is no language, too short to tell, or not drawn
must be compared with a reading. The second one is about ink: the page is rendered small, and the ink outside the text's
own boxes shows whether there is more to read. A watermark, a stamp or a page number over a scan leaves nearly all of
the ink.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Sequence
from contextlib import closing

import pypdfium2
from PIL import Image, ImageFilter

from ocrspool.decoding.child.pdf.letters import LEAST, is_plausible
from ocrspool.decoding.child.pdf.text import EmbeddedLine, Place

_PIXELS = 500_000
"""Of the small picture: A4 at 70 dots to the inch."""
_CELL = 6
"""Pixels of a side of the squares in which ink is counted: about the height of small print."""
_EDGE = 48
"""Grey levels by which a pixel differs from its neighbors where something is drawn."""
_INKED = 14
"""Mean of a cell in which two pixels of edge make 14 of 255."""
_BESIDE = 0.3
"""Share of the ink that may be beside the text: rules, logos, pictures."""
_MARGIN = 2
"""Pixels by which a character's box is grown: what is drawn is smoothed."""
_INVISIBLE = 0.1
_UNSEEN = 0.3
"""Shares of lines that are drawn as nothing, and where nothing is seen."""


def doubt(page: pypdfium2.PdfPage, lines: Sequence[EmbeddedLine]) -> str:
    """Return why the text is not simply believed: "" (it is), "letters", "invisible" or "ink"."""
    beside, unseen = ink(page, lines)
    if beside > _BESIDE or unseen > _UNSEEN:
        return "ink"
    if sum(each.is_invisible for each in lines) > _INVISIBLE * len(lines):
        return "invisible"
    return "" if _is_language(lines) else "letters"


def _is_language(lines: Sequence[EmbeddedLine]) -> bool:
    """Tell whether the text as a whole is one, and that in each font that has enough of it."""
    fonts: dict[str, list[str]] = defaultdict(list)
    for each in lines:
        fonts[each.font].append(each.line.text)
    texts = ["\n".join(said) for said in fonts.values()]
    long = [text for text in texts if sum(letter.isalpha() for letter in text) >= LEAST]
    return all(is_plausible(text) for text in ["\n".join(texts), *long])


def ink(page: pypdfium2.PdfPage, lines: Sequence[EmbeddedLine]) -> tuple[float, float]:
    """Return the share of what is drawn on the page that is not under its text, by area; and of lines without ink."""
    scale = math.sqrt(_PIXELS / (page.get_width() * page.get_height()))
    with closing(page.render(scale=scale, grayscale=True)) as bitmap:
        edges = bitmap.to_pil().convert("L").filter(ImageFilter.FIND_EDGES)
    edges = edges.point([0] * _EDGE + [255] * (256 - _EDGE))
    edges.paste(0, (0, 0, edges.width, 1))  # the filter leaves the border as it was
    edges.paste(0, (0, edges.height - 1, edges.width, edges.height))
    edges.paste(0, (0, 0, 1, edges.height))
    edges.paste(0, (edges.width - 1, 0, edges.width, edges.height))
    everything = _cells(edges)
    boxes = [_pixels(each, Place(page, edges.width, edges.height)) for each in lines]
    unseen = sum(not any(edges.crop(box).getbbox() for box in line) for line in boxes)
    for box in itertools.chain.from_iterable(boxes):
        edges.paste(0, box)
    return (_cells(edges) / everything if everything else 0.0), unseen / len(lines)


def _pixels(line: EmbeddedLine, place: Place) -> list[tuple[int, int, int, int]]:
    """Return the boxes of a line's characters in pixels: left, top, right, bottom."""
    found = []
    for left, bottom, right, top in line.boxes:
        (ax, ay), (bx, by) = place(left, top), place(right, bottom)
        least, most = (int(min(ax, bx)), int(min(ay, by))), (int(max(ax, bx)), int(max(ay, by)))
        found.append((least[0] - _MARGIN, least[1] - _MARGIN, most[0] + _MARGIN, most[1] + _MARGIN))
    return found


def _cells(edges: Image.Image) -> int:
    """Return in how many cells there is ink."""
    return sum(edges.reduce(_CELL).histogram()[_INKED:])
