"""Strips of wide letters, made narrower before they are read once more.

A first reading tells how wide the letters of a strip are. A net takes time by the column of pixels. It does not read
letters better that are wider than those of ordinary print, but worse (docs/lab/recognition.md).
"""

from __future__ import annotations

import math
import unicodedata
from dataclasses import replace
from typing import TYPE_CHECKING

import cv2

from ocrspool.engine.reading.unread_ink import Ink

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocrspool.engine.reading.recognize import Reading
    from ocrspool.engine.reading.unread_ink import Letter
    from ocrspool.engine.spec import Pixels

_LEAST = 0.6
"""Of the width of a strip: its letters may not be what the first reading has taken them for."""
_STEP = 32
"""Pixels. Where steps of widths are fine (`ReadSettings`), a multiple of it is given to a net without padding."""
_FEW = 4
"""Letters: fewer do not tell their width."""


def narrowed(strip: Pixels, letters: Sequence[Letter], letter_width: float) -> Pixels:
    """Return a strip [48, w, 3] with letters that are `letter_width` pixels wide on average, or a little wider.

    `letters` are those of a first reading. The strip comes back as it is where its letters are no wider, where they are
    too few to tell, and where some are as wide as they are high, as Chinese ones are.
    """
    if len(letters) < _FEW or any(map(_is_wide, letters)):
        return strip
    pitch = (letters[-1].x - letters[0].x) / (len(letters) - 1)
    if pitch <= letter_width:
        return strip
    height, width = strip.shape[:2]
    wanted = math.ceil(width * max(letter_width / pitch, _LEAST) / _STEP) * _STEP
    if wanted >= width:
        return strip
    return cv2.resize(strip, (wanted, height), interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


def put_back(reading: Reading, width: int, strip: Pixels) -> Reading:
    """Return the reading of a strip that was made `width` pixels wide, with places as on the strip itself."""
    times = strip.shape[1] / width
    if times == 1:
        return reading
    letters = tuple(letter._replace(x=letter.x * times) for letter in reading.letters)
    unread, pieces, total = reading.ink
    return replace(reading, letters=letters, ink=Ink(round(unread * times), pieces, round(total * times)))


def _is_wide(letter: Letter) -> bool:
    return any(unicodedata.east_asian_width(character) in "WF" for character in letter.text)
