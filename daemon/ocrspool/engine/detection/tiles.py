"""Lines of a page that is much larger or longer than an ordinary one: searched as a whole, and finer in tiles.

An ordinary page is searched once, in a map of 1.2 megapixels (`detect`). On a large sheet or a long page small print
would vanish in such a map, and large letters are found in no other map. So there are two searches: a coarse one of the
whole page, and a finer one of those tiles that have small print. The scale of the finer search follows from the height
of the page's letters (`letter_height`). Tiles overlap, and only the middle of what the net says of each is kept, so
that no line ends at the edge of a tile.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ocrspool.engine.detection import letter_height
from ocrspool.engine.detection.detect import boxes, detect, map_size, on_page, probability_map, scaled
from ocrspool.engine.detection.overlaps import merged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from ocrspool.engine.detection.detect import Detected, DetectSettings
    from ocrspool.engine.detection.letter_height import Letters
    from ocrspool.engine.spec import Net, Pixels

_ORDINARY_SIDE = 4000
"""Pixels of the long side up to which a page is ordinary: A4 at 300 dpi, A3 at 240, a photograph of 12 megapixels."""
_HEIGHT = 8.0
"""Map pixels that a small letter should have: those of 9-point print on an ordinary page."""
_FINER = 1.3
"""A second look has to be finer by this to show anything new."""
_MOST_MAP = 40_000_000
"""Map pixels of a finer look, 4 bytes each: A0 with 7-point print takes 24 million."""
_UNIT = 32
"""Map pixels: what the net's input is a multiple of, and what tiles are placed by."""
_TILE, _OVERLAP = 40, 4
"""Units of a tile's side, and how many neighbors share."""
_NEAR = 3
"""Units beyond the edge of a tile: between letters of one line there is less."""
_FEW_SIZES = 4
"""Units: sides of tiles are multiples of it, because each new shape takes time and memory of some runtimes."""
_NARROW_SIZES = 2
"""The same for a page that one tile covers in this direction, where padding would cost more."""


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile along one direction, in units."""

    start: int
    end: int
    kept: int
    """From here"""
    kept_end: int
    """to here what the net says is kept."""


def find_lines(
    net: Net, page: Pixels, settings: DetectSettings, on_step: Callable[[], None] = lambda: None
) -> list[Detected]:
    """Return the lines of one page of any size, in no particular order.

    `on_step` is called for each tile of a large page.
    """
    height, width = page.shape[:2]
    if max(height, width) <= _ORDINARY_SIDE or min(height, width) < _UNIT:
        return detect(net, page, settings)
    rows, columns = map_size(height, width, settings)
    # By area: so much smaller, thin strokes would fall between the pixels that a linear scaling looks at.
    whole = scaled(page, (rows, columns), cv2.INTER_AREA)
    coarse = _placed(probability_map(net, whole, on_step), (width / columns, height / rows), page, settings)
    scale = max(rows / height, columns / width)
    letters = letter_height.letters(page)
    small = letters.lower_than(_HEIGHT / scale)
    on_step()
    needed = _scale_needed(small, height * width)
    if needed < scale * _FINER:
        return coarse
    step = math.ceil(_UNIT / needed)
    fine = _placed(_in_tiles(net, page, (letters, small), step, on_step), (step / _UNIT, step / _UNIT), page, settings)
    return merged(coarse, fine, scale=_UNIT / step)


def _scale_needed(small: Letters, area: int) -> float:
    """Return at which scale small letters have the height that the net needs; 0 where there are none."""
    least = small.least_height()
    if least is None:
        return 0.0
    return min(_HEIGHT / least, 1.0, math.sqrt(_MOST_MAP / area))


def _placed(
    found: NDArray[np.float32], ratio: tuple[float, float], page: Pixels, settings: DetectSettings
) -> list[Detected]:
    """Return the lines in a probability map as lines of the page, `ratio` times as large across and down."""
    more = replace(settings, candidates=settings.candidates * max(1, found.size // settings.side**2))
    return on_page(boxes(found, more), ratio, page)


def _in_tiles(
    net: Net, page: Pixels, letters: tuple[Letters, Letters], step: int, on_step: Callable[[], None]
) -> NDArray[np.float32]:
    """Return the probability map of a page, `step` pixels of which make a unit; 0 where no small letters are.

    `letters` are all of them, and the small ones.
    """
    height, width = page.shape[:2]
    rows, columns = -(-height // step), -(-width // step)
    found, small = (_units(each, rows, columns, step) for each in letters)
    _, most_down, most_across, _ = net.profile.maximum
    result = np.zeros((rows * _UNIT, columns * _UNIT), np.float32)
    down, across = (
        list(tiles(units, min(_TILE, most // _UNIT))) for units, most in ((rows, most_down), (columns, most_across))
    )
    for row, column in sorted(_needed(found, small, down, across)):
        one, other = down[row], across[column]
        seen = net(_pixels(page, one, other, step)[None])[0][0]
        result[_mapped(one.kept, one.kept_end), _mapped(other.kept, other.kept_end)] = seen[
            _mapped(one.kept - one.start, one.kept_end - one.start),
            _mapped(other.kept - other.start, other.kept_end - other.start),
        ]
        on_step()
    return result


def _units(letters: Letters, rows: int, columns: int, step: int) -> NDArray[np.bool_]:
    """Return in which units of a page there are letters, [rows, columns]."""
    units = np.zeros((rows, columns), bool)
    units[letters.y // step, letters.x // step] = True
    return units


def _needed(
    found: NDArray[np.bool_], small: NDArray[np.bool_], down: Sequence[Tile], across: Sequence[Tile]
) -> set[tuple[int, int]]:
    """Return which tiles are looked at, as row and column: those with small letters.

    And the one beside such a tile where any letters are near the edge: a line that is seen up to there only would be
    taken for a whole one.
    """
    places = [(row, column) for row in range(len(down)) for column in range(len(across))]
    needed = {(row, column) for row, column in places if small[_kept(down[row]), _kept(across[column])].any()}
    new = list(needed)
    while new:
        row, column = new.pop()
        one, other = down[row], across[column]
        for beside, rows, columns in (
            ((row - 1, column), slice(max(one.kept - _NEAR, 0), one.kept), _kept(other)),
            ((row + 1, column), slice(one.kept_end, one.kept_end + _NEAR), _kept(other)),
            ((row, column - 1), _kept(one), slice(max(other.kept - _NEAR, 0), other.kept)),
            ((row, column + 1), _kept(one), slice(other.kept_end, other.kept_end + _NEAR)),
        ):
            if beside not in needed and found[rows, columns].any():
                needed.add(beside)
                new.append(beside)
    return needed


def _kept(tile: Tile) -> slice:
    return slice(tile.kept, tile.kept_end)


def tiles(length: int, most: int) -> Iterator[Tile]:
    """Cut a length of so many units into equal tiles of at most `most`; the last one may reach beyond the end.

    Their sides are few different ones, whatever the length.
    """
    if length <= most:
        yield Tile(0, min(-(-length // _NARROW_SIZES) * _NARROW_SIZES, most), 0, length)
        return
    count = -(-(length - _OVERLAP) // (most - _OVERLAP))
    size = -(-(length - _OVERLAP) // count) + _OVERLAP
    size = min(-(-size // _FEW_SIZES) * _FEW_SIZES, most)
    kept = 0
    for start in range(0, length, size - _OVERLAP):
        end = start + size
        kept_end = length if end >= length else end - _OVERLAP // 2
        yield Tile(start, end, kept, kept_end)
        if end >= length:
            return
        kept = kept_end


def _pixels(page: Pixels, down: Tile, across: Tile, step: int) -> Pixels:
    """Return one tile of the page as the net takes it; beyond the page is its edge once more."""
    top, left = down.start * step, across.start * step
    part = page[top : down.end * step, left : across.end * step]
    below, beside = down.end * step - top - part.shape[0], across.end * step - left - part.shape[1]
    if below or beside:
        part = cv2.copyMakeBorder(part, 0, below, 0, beside, cv2.BORDER_REPLICATE)  # type: ignore[assignment]
    return scaled(part, ((down.end - down.start) * _UNIT, (across.end - across.start) * _UNIT))


def _mapped(start: int, end: int) -> slice:
    return slice(start * _UNIT, end * _UNIT)
