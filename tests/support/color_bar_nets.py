"""Nets that need no model, and pages that they read: bars of one color are lines, whose letters follow from the color.

A bar is dark in all channels, and another level in each, so that pixels in a wrong order are read as another letter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ocrspool.engine.ocr.recognizer import Nets
from ocrspool.engine.spec import ShapeProfile

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ocrspool.engine.spec import Pixels

CHARACTERS = ("", *"abcdefghi", "?")
COLORS = {"b": (50, 80, 20), "e": (80, 20, 50), "h": (20, 50, 80)}
"""Red, green, blue of the bar that is read as a line of this letter; in grey all three are as the blue is."""

_WHITE = 200
_STEP = 8
_TOLERANCE = 4


class Ink:
    """Finds text where it is dark."""

    parallel, batch, warm_up = 2, 1, ()
    profile = ShapeProfile((1, 32, 32, 3), (1, 960, 736, 3), (1, 2048, 2048, 3))

    def __call__(self, batch: Pixels) -> tuple[NDArray[Any], ...]:
        brightest = np.maximum(np.maximum(batch[..., 0], batch[..., 1]), batch[..., 2])
        return ((255 - brightest).astype(np.float32) / 255,)


class Levels:
    """Reads a strip of ink as letters side by side, all of the one that its color stands for.

    It is sure of a single bar only: several below each other are no line.
    """

    parallel, warm_up = 2, ()
    profile = ShapeProfile((1, 48, 32, 3), (4, 48, 320, 3), (4, 48, 3200, 3))

    def __init__(self, batch: int = 4) -> None:
        self.batch = batch

    def __call__(self, batch: Pixels) -> tuple[NDArray[Any], ...]:
        classes = np.stack([self._classes(strip) for strip in batch])
        sure = np.array([0.97 if _bars(strip) == 1 else 0.3 for strip in batch], np.float32)
        return classes, np.repeat(sure[:, None], classes.shape[1], axis=1)

    def _classes(self, strip: Pixels) -> NDArray[np.int32]:
        columns = strip[20:28].mean(axis=0)
        dark = columns.max(axis=1) < 127 - _TOLERANCE
        steps = dark.reshape(-1, _STEP).all(axis=1)
        letter = _letter(np.median(columns[dark], axis=0)) if steps.any() else 0
        classes: NDArray[np.int32] = (letter * (steps & (np.arange(len(steps)) % 2 == 0))).astype(np.int32)
        return classes


class Upright:
    """Takes no line for upside down."""

    parallel, batch, warm_up = 2, 4, ()
    profile = ShapeProfile((1, 48, 192, 3), (4, 48, 192, 3), (4, 48, 192, 3))

    def __call__(self, batch: Pixels) -> tuple[NDArray[Any], ...]:
        return (np.tile(np.array([[0.9, 0.1]], np.float32), (len(batch), 1)),)


def nets(batch: int = 4) -> Nets:
    """Return an engine of these; it reads so many lines at a time."""
    return Nets(Ink(), Levels(batch), Upright())


def _bars(strip: Pixels) -> int:
    """Return how many bars lie below each other, where most of them are."""
    dark = strip.max(axis=2) < 127 - _TOLERANCE
    column = dark[:, dark.sum(axis=0).argmax()].astype(int)
    return int((np.diff(column, prepend=0) == 1).sum())


def _letter(color: NDArray[Any]) -> int:
    """Return the class of blue, green, red; that of "?" where it is no bar's."""
    for letter, (red, green, blue) in COLORS.items():
        for known in ((blue, green, red), (blue, blue, blue)):
            if np.abs(color - known).max() <= _TOLERANCE:
                return CHARACTERS.index(letter)
    return CHARACTERS.index("?")
