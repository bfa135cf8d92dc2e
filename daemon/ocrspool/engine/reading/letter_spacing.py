"""Words of letter-spaced lines: headings whose letters are so far apart that the net takes each gap for a space.

The net may also take no gap for a space, because it was trained on lines in which only the gaps between words are wide.
In such a line, words are told apart by the widths of its gaps relative to each other.
"""

from __future__ import annotations

import itertools
from statistics import median_low
from typing import TYPE_CHECKING

from ocrspool.engine.models.model_set import LINE_HEIGHT
from ocrspool.engine.reading.unread_ink import FIRST_WIDE, Letter, inked_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocrspool.engine.spec import Pixels

_LEAST_LETTERS = 4
_LEAST_PITCH = 0.7 * LINE_HEIGHT  # pixels from letter to letter; ordinary ones stand 0.5 apart
_LEAST_GAP = LINE_HEIGHT / 4  # pixels without ink between letters
_MOST_GAP = 3 * LINE_HEIGHT  # pixels; what stands further apart are columns of a table
_WORD_GAP = 1.6  # times the line's median gap; two of them and a space lie between words
_LEAST_MORE = LINE_HEIGHT / 4  # pixels that a gap between words is wider than that: letters' shapes make some wider


def spaced(strip: Pixels, letters: Sequence[Letter]) -> Sequence[Letter]:
    """Return the letters of a strip [48, w, 3]: as they came out, or with other spaces where its letters are spaced."""
    own = [letter for letter in letters if not letter.text.isspace()]
    if not _may_be_spaced(own):
        return letters
    gaps = _gaps(strip, own)
    usual = median_low(gaps)
    if not _LEAST_GAP <= usual <= _MOST_GAP:
        return letters
    word = max(_WORD_GAP * usual, usual + _LEAST_MORE)
    found = own[:1]
    for gap, (before, after) in zip(gaps, itertools.pairwise(own), strict=True):
        if gap > word:
            found.append(Letter(" ", (before.x + after.x) / 2))
        found.append(after)
    return found


def _may_be_spaced(letters: Sequence[Letter]) -> bool:
    """Return whether letters stand as far apart as in a spaced line, and more than half of them are of an alphabet."""
    if len(letters) < _LEAST_LETTERS:
        return False
    pitches = sorted(after.x - before.x for before, after in itertools.pairwise(letters))
    if pitches[len(pitches) // 2] < _LEAST_PITCH:
        return False
    alphabetic = sum(letter.text.isalpha() and letter.text < FIRST_WIDE for letter in letters)
    return 2 * alphabetic > len(letters)


def _gaps(strip: Pixels, letters: Sequence[Letter]) -> list[int]:
    """Return the widest range without ink between each letter and the next, in pixels."""
    inked = inked_columns(strip)
    gaps = []
    for before, after in itertools.pairwise(letters):
        columns = inked[int(before.x) : int(after.x)].tolist()
        gaps.append(max((len(list(run)) for ink, run in itertools.groupby(columns) if not ink), default=0))
    return gaps
