"""Whether a page has any ink, which tells an empty result from a blank page.

Every page is examined for whether all its pixels are alike. The rest is examined only if no text came out, and on a
small copy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from ocrspool.engine.spec import Pixels

_AREA = 600 * 800  # pixels of the copy: averaging hides a scanner's noise, and print stays visible
_EDGE = 0.03  # of each side, which is left out: the shadow that a scanner's lid casts
_NEIGHBORHOOD = 15  # pixels of the copy: what is lighter or darker than its neighborhood is ink, shading is not
_LEAST_CONTRAST = 24  # grey levels; show-through and creases have less
_LEAST_INK = 12  # pixels of the copy in one place: about one small letter; a speck has fewer
_SMALL = 200 * 200  # pixels; a smaller picture has no edge that a scanner made
_APART = 16  # pixels between those that are compared first


def is_even(page: Pixels) -> bool:
    """Return whether all pixels of a page [h, w] or [h, w, 3] are of one grey: the empty page of a PDF, say.

    Nothing can stand on it, so that no net need see it. A page with anything on it takes 0.02 ms.
    """
    if (page[::_APART, ::_APART] != page.item(0)).any():
        return False
    least, most, *_ = cv2.minMaxLoc(page.reshape(len(page), -1))
    return least == most


def has_ink(page: Pixels) -> bool:
    """Return whether a page [h, w] or [h, w, 3] shows anything: print, a drawing, a photograph."""
    height, width = page.shape[:2]
    scale = min((_AREA / (height * width)) ** 0.5, 1.0)
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    small = page if scale == 1.0 else cv2.resize(page, size, interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY) if small.ndim == 3 else small  # noqa: PLR2004  # color
    if height * width > _SMALL:
        across, down = round(size[0] * _EDGE), round(size[1] * _EDGE)
        grey = grey[down : size[1] - down, across : size[0] - across]
    least, most, *_ = cv2.minMaxLoc(grey)
    if most - least < _LEAST_CONTRAST:  # what follows takes a tenth of the time of the search
        return False
    around = cv2.medianBlur(np.ascontiguousarray(grey), _NEIGHBORHOOD)
    differs = (cv2.absdiff(grey, around) >= _LEAST_CONTRAST).view(np.uint8)
    _, _, places, _ = cv2.connectedComponentsWithStats(differs, connectivity=8)
    return bool((places[1:, cv2.CC_STAT_AREA] >= min(_LEAST_INK, max(grey.size // 64, 1))).any())
