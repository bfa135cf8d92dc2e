"""The same text, found at two scales: which of the boxes are kept.

Small print is seen better in the finer search, and the coarser search takes several lines of it for one. Letters that
are too high for the finer search fall into pieces there. So a box of the coarser search is dropped if finer boxes lie
along most of its length, unless it is too high for them. A finer box is dropped if a coarser box holds more of the
line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ocrspool.engine.detection.detect import Detected, Quad

_COVERED = 0.7
"""Share of a coarse box's text from which finer ones say what is in it."""
_COVERED_HIGH = 0.9
"""The same of one that is too high for the finer look."""
_GROWN = 0.29
"""Of its height by which each end of a box stands out from the text: boxes are grown by 0.7 of the kernel's height."""
_OWN = 0.3
"""Share of a box that has to lie in a larger one to have to do with it; less is a neighbor's margin."""
_INSIDE = 0.6
"""Share from which it is a part of it."""
_SAME_HEIGHT = 0.5
_COVERED_BY_LINES = 0.4
"""Share of the area of a coarse box that is too high from which it is not high letters, but several lines."""
_TOO_HIGH = 120.0
"""Map pixels of a line that is too high for the net: it finds letters, or pieces of them."""


def merged(coarse: Sequence[Detected], fine: Sequence[Detected], *, scale: float) -> list[Detected]:
    """Return each text once, out of the lines of both looks; `scale` is that of the finer one."""
    if not coarse or not fine:
        return [*coarse, *fine]
    around = _around(fine)
    kept: list[Detected] = []
    parts: set[int] = set()
    for line, (left, top, right, bottom) in zip(coarse, _around(coarse).tolist(), strict=True):
        overlaps = (around[:, 0] < right) & (around[:, 2] > left) & (around[:, 1] < bottom) & (around[:, 3] > top)
        near: list[int] = np.flatnonzero(overlaps).tolist()
        shares = [(index, _share(fine[index].polygon, line.polygon)) for index in near]
        inside = [index for index, share in shares if share >= _OWN]
        if any(_is_part(line.polygon, fine[index].polygon) for index in near):
            continue
        height = _height(line.polygon)
        high = height * scale > _TOO_HIGH
        polygons = [fine[index].polygon for index in inside]
        if _are_lines(polygons, line.polygon) if high else _covered(line.polygon, polygons) >= _COVERED:
            continue
        kept.append(line)
        parts |= {
            index
            for index, share in shares
            if share >= _INSIDE and not (high and _height(fine[index].polygon) < _SAME_HEIGHT * height)
        }
    return [*kept, *(line for index, line in enumerate(fine) if index not in parts)]


def _is_part(one: Quad, other: Quad) -> bool:
    """Return whether a box is a part of a larger one."""
    return _area(other) >= _area(one) and _share(one, other) >= _OWN


def _are_lines(polygons: Sequence[Quad], around: Quad) -> bool:
    """Return whether finer boxes are the lines in a high one: one that is as high, or lower ones that fill it."""
    height = _height(around)
    equals = [polygon for polygon in polygons if _height(polygon) >= _SAME_HEIGHT * height]
    if equals:
        return len(equals) == 1 and _covered(around, equals) >= _COVERED_HIGH
    return sum(_area(polygon) for polygon in polygons) >= _COVERED_BY_LINES * _area(around)


def _covered(box: Quad, polygons: Sequence[Quad]) -> float:
    """Return the share of a box's text that lies between the ends of at least one of the polygons, along the line."""
    one, two, three, _ = box
    along, across = two - one, three - two
    way, height = (along, across) if along @ along >= across @ across else (across, along)
    length = float(np.hypot(*way))
    if not length:
        return 0.0
    margin = _GROWN * float(np.hypot(*height)) / length
    covered, reach = 0.0, margin
    for start, end in sorted(
        (float(places.min()), float(places.max()))
        for places in ((polygon - one) @ way / length**2 for polygon in polygons)
    ):
        covered += max(min(end, 1 - margin) - max(start, reach), 0.0)
        reach = max(reach, end)
    return covered / (1 - 2 * margin)


def _around(lines: Sequence[Detected]) -> NDArray[np.float32]:
    """Return left, top, right and bottom of each, [n, 4]."""
    corners = np.array([line.polygon for line in lines], np.float32)
    return np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)


def _height(polygon: Quad) -> float:
    """Return the shorter side: that of a line, whichever way it runs."""
    one, two, three, _ = polygon
    return float(min(np.linalg.norm(two - one), np.linalg.norm(three - two)))


def _area(polygon: Quad) -> float:
    return float(cv2.contourArea(polygon))


def _share(one: Quad, other: Quad) -> float:
    """Return the share of the first box that lies in the other one; 0 where it has no area."""
    area = _area(one)
    return float(cv2.intersectConvexConvex(one, other)[0]) / area if area else 0.0
