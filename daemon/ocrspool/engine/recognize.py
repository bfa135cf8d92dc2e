"""What a line says: PP-OCR's CTC recognition around a recognition net.

Owns the way from a line's pixels to text and confidence: scaling to the net's height, buckets of width, batches,
and CTC decoding. A line's result depends on that line alone: its bucket follows from its own width, batches are
always filled to the net's size, and its neighbors in the batch do not reach it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from ocrspool.engine.models import LINE_HEIGHT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ocrspool.engine.net import Net, Pixels

_BLANK = 0
_PADDING = 127  # the middle of 0 to 255, which normalization turns into PP-OCR's padding value 0
_FINE = 640  # pixels; up to this width buckets are 32 apart, beyond it 128: few shapes where few lines are
_FINE_STEP = 32
_COARSE_STEP = 128


@dataclass(frozen=True, slots=True)
class Reading:
    """What the net read in one line."""

    text: str
    confidence: float


def strip(pixels: Pixels, most_width: int) -> Pixels:
    """Return a line's pixels [h, w] or [h, w, 3] as [48, width, 3] in its natural width, squeezed only if too wide."""
    height, width = pixels.shape[:2]
    width = min(max(-(-width * LINE_HEIGHT // height), 1), most_width)
    shrinking = height > LINE_HEIGHT
    if pixels.shape[:2] != (LINE_HEIGHT, width):
        pixels = cv2.resize(
            pixels, (width, LINE_HEIGHT), interpolation=cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR
        )  # type: ignore[assignment]
    return cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR) if pixels.ndim == 2 else pixels  # type: ignore[return-value]  # noqa: PLR2004


def bucket(width: int, net: Net) -> int:
    """Return the width at which a strip of `width` pixels is given to the net."""
    step = _FINE_STEP if width <= _FINE else _COARSE_STEP
    return min(max(-(-width // step) * step, net.profile.minimum[2]), net.profile.maximum[2])


def read(net: Net, strips: Sequence[Pixels], characters: Sequence[str]) -> list[Reading]:
    """Return the reading of each strip; all must share one bucket, and be no more than the net's batch."""
    width = bucket(strips[0].shape[1], net)
    batch = np.full((net.batch, LINE_HEIGHT, width, 3), _PADDING, np.uint8)
    for index, pixels in enumerate(strips):
        batch[index, :, : pixels.shape[1]] = pixels
    best, probability = net(batch)
    return decode(best[: len(strips)], probability[: len(strips)], characters)


def decode(best: NDArray[Any], probability: NDArray[Any], characters: Sequence[str]) -> list[Reading]:
    """Turn classes and probabilities per step [n, steps] into readings: repeats and blanks fall away.

    Confidence is the mean over the steps that are kept, as in PaddleOCR; 0 for a line without any.
    """
    kept = best != _BLANK
    kept[:, 1:] &= best[:, 1:] != best[:, :-1]
    counts = kept.sum(axis=1)
    sums = np.where(kept, probability, 0.0).sum(axis=1, dtype=np.float64)
    confidences = sums / np.maximum(counts, 1)
    classes = np.split(best[kept], np.cumsum(counts)[:-1])
    return [
        Reading("".join(map(characters.__getitem__, line.tolist())), float(confidence))
        for line, confidence in zip(classes, confidences, strict=True)
    ]
