"""The text of a line: PP-OCR's CTC recognition around a recognition net.

This module owns the way from a line's pixels to text and confidence: scaling to the net's height, buckets of width,
batches, and CTC decoding. The result of a line depends on that line alone: its bucket follows from its own width,
batches are filled up, here or by the net, and its neighbors in the batch do not affect it.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from ocrspool.engine.models.model_set import LINE_HEIGHT
from ocrspool.engine.reading.letter_spacing import spaced
from ocrspool.engine.reading.strip_ink import runs_of
from ocrspool.engine.reading.unread_ink import NOTHING_UNREAD, Ink, Letter, unread_ink
from ocrspool.engine.spec import PADDING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ocrspool.engine.spec import Net, Pixels

_BLANK = 0
_FINE_UP_TO = 640
_CUT_SEARCH = LINE_HEIGHT  # pixels to each side of an even cut in which the widest gap is looked for
_WORD_SPACE = LINE_HEIGHT // 6  # pixels; a wider gap between two pieces is a space
_FLAT = 12.0  # grey levels of standard deviation down a column of pixels, below which it holds no ink


@dataclass(frozen=True, slots=True)
class ReadSettings:
    """In which widths lines are given to the net. PaddleOCR's are natural, and 320, 1 and 1.

    Every width that is new to a net costs it 10 to 50 ms once, every padded column costs on every call: fine steps
    where most lines are, coarse ones where few are and a step is small beside the width.
    """

    narrowing: float = 1.0
    """Width of a strip as a part of the natural one. Reading time is proportional to it, and ordinary print reads as
    well at 0.85, but condensed and small print does not (docs/lab/recognition.md)."""
    least: int = 32
    """Narrower strips are padded to it."""
    fine_step: int = 32
    """Up to 640 pixels, strips are padded to the next multiple of it."""
    coarse_step: int = 128
    """Above that, of this."""
    widths: tuple[int, ...] = ()
    """Where given, these and no others: for a net that pays for every change of shape."""
    joined: bool = False
    """Whether the net joins calls that wait, and fills them up itself. A call has the strips that there are, then."""
    columns: int = 0
    """Where given, a call has no more strips than have so many columns of pixels together: for a CPU. There wide strips
    cost the same in one call as in several."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the net read in one line."""

    text: str
    certainty: float
    """Mean probability of the characters: of what came out, it says nothing of what did not."""
    ink: Ink = NOTHING_UNREAD
    letters: tuple[Letter, ...] = ()
    """The characters of the text, spaces included, with their places; empty where several strips were joined."""

    @property
    def unread_share(self) -> float:
        """0 to 1: the part of the ink from which no character was read."""
        return self.ink.unread / self.ink.total if self.ink.total else 0.0

    @property
    def confidence(self) -> float:
        """0 to 1: certainty of the characters, times the part of the ink that was read."""
        return self.certainty * (1 - self.unread_share)


def strips(pixels: Pixels, net: Net, settings: ReadSettings) -> list[Pixels]:
    """Return a line's pixels [h, w] or [h, w, 3] as [48, width, 3].

    One strip, unless the line is wider than the net takes (3200 pixels are 78 times its height): that is cut into
    equal pieces at the nearest gaps. PaddleOCR squeezes such lines instead, which blurs every character.
    """
    height, width = pixels.shape[:2]
    exact = width * LINE_HEIGHT / height * settings.narrowing
    width = max(math.ceil(exact) if exact < settings.least else int(exact), 1)  # as PP-OCR rounds
    pixels = cv2.resize(pixels, (width, LINE_HEIGHT), interpolation=cv2.INTER_LINEAR)  # type: ignore[assignment]
    if pixels.ndim == 2:  # noqa: PLR2004  # grey
        pixels = cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR)  # type: ignore[assignment]
    most = net.profile.maximum[2]
    return [pixels] if width <= most else _cut(pixels, most)


def joined(pieces: Sequence[tuple[Pixels, Reading]]) -> Reading:
    """Return the reading of a line from those of its strips, in order."""
    text = pieces[0][1].text
    for (before, _), (after, reading) in itertools.pairwise(pieces):
        gap = _flat_run(before[:, ::-1]) + _flat_run(after)
        text += (" " if gap > _WORD_SPACE else "") + reading.text
    weights = [max(len(reading.text), 1) for _, reading in pieces]
    total = sum(weight * reading.certainty for weight, (_, reading) in zip(weights, pieces, strict=True))
    ink = Ink(*map(sum, zip(*(reading.ink for _, reading in pieces), strict=True)))
    return Reading(text, total / sum(weights), ink)


def bucket(width: int, net: Net, settings: ReadSettings) -> int:
    """Return the width at which a strip of `width` pixels is given to the net."""
    if settings.widths:
        return next((each for each in settings.widths if width <= each), settings.widths[-1])
    step = settings.fine_step if width <= _FINE_UP_TO else settings.coarse_step
    return min(max(-(-width // step) * step, settings.least, net.profile.minimum[2]), net.profile.maximum[2])


def batch_at(width: int, net: Net, settings: ReadSettings) -> int:
    """Return how many strips a call of this width has at most."""
    return max(min(net.batch, settings.columns // width), 1) if settings.columns else net.batch


def read(net: Net, batch: Sequence[Pixels], characters: Sequence[str], settings: ReadSettings) -> list[Reading]:
    """Return the reading of each strip; all must share one bucket, and be no more than `batch_at` says of it."""
    width = bucket(batch[0].shape[1], net, settings)
    count = len(batch) if settings.joined else batch_at(width, net, settings)
    filled = np.full((count, LINE_HEIGHT, width, 3), PADDING, np.uint8)
    for index, pixels in enumerate(batch):
        filled[index, :, : pixels.shape[1]] = pixels
    best, probability = net(filled)
    decoded = decode(best[: len(batch)], probability[: len(batch)], characters, step=width / best.shape[1])
    return [_with_ink(pixels, letters, certainty) for pixels, (letters, certainty) in zip(batch, decoded, strict=True)]


def decode(
    best: NDArray[Any], probability: NDArray[Any], characters: Sequence[str], step: float = 8.0
) -> list[tuple[list[Letter], float]]:
    """Turn classes and probabilities [n, steps] into letters and certainties: repeats and blanks fall away.

    `step` is the width of one step in pixels. Certainty is the mean over the steps that are kept, as PaddleOCR's
    confidence is; 0 for a line without any, and for one of which the net says what is no number.
    """
    rows = zip(best.tolist(), probability.tolist(), strict=True)
    return [_decoded(classes, probabilities, characters, step) for classes, probabilities in rows]


def _decoded(
    classes: list[int], probabilities: list[float], characters: Sequence[str], step: float
) -> tuple[list[Letter], float]:
    """One line. A loop: for a hundred steps it takes a tenth of what a handful of numpy's calls do (measured)."""
    letters: list[Letter] = []
    total, previous = 0.0, _BLANK
    for place, (best, probability) in enumerate(zip(classes, probabilities, strict=True)):
        if best not in (previous, _BLANK):
            letters.append(Letter(characters[best], (place + 0.5) * step, probability))
            total += probability
        previous = best
    certainty = total / max(len(letters), 1)
    return letters, min(certainty, 1.0) if certainty > 0 else 0.0  # not so for what is no number


def _with_ink(pixels: Pixels, letters: list[Letter], certainty: float) -> Reading:
    """Return the reading of one strip, and how much of its ink it leaves out."""
    spaced_letters = tuple(spaced(pixels, letters))
    text = "".join(letter.text for letter in spaced_letters)
    return Reading(text, certainty, unread_ink(pixels, letters), spaced_letters)


def _cut(pixels: Pixels, most: int) -> list[Pixels]:
    """Cut a strip into the fewest pieces that fit, in the middle of gaps where there are any."""
    width = pixels.shape[1]
    count = -(-width // (most - 2 * _CUT_SEARCH))
    flat = _flat(pixels)
    edges = [0]
    for index in range(1, count):
        even = width * index // count
        start = even - _CUT_SEARCH
        edges.append(start + _middle_of_longest_run(flat[start : even + _CUT_SEARCH]))
    edges.append(width)
    return [pixels[:, left:right] for left, right in itertools.pairwise(edges)]


def _flat(pixels: Pixels) -> NDArray[np.bool_]:
    """Return for each column of pixels whether it holds no ink."""
    flat: NDArray[np.bool_] = pixels[:, :, 1].std(axis=0) < _FLAT
    return flat


def _flat_run(pixels: Pixels) -> int:
    """Return how many columns from the left hold no ink, looked for within a line's height."""
    flat = _flat(pixels[:, :LINE_HEIGHT])
    return len(flat) if flat.all() else int(np.argmin(flat))


def _middle_of_longest_run(flags: NDArray[np.bool_]) -> int:
    """Return the middle of the longest run of true values, or of everything where there is none."""
    runs = runs_of(flags)
    if not runs:
        return len(flags) // 2
    start, end = max(runs, key=lambda run: run[1] - run[0])
    return (start + end) // 2
