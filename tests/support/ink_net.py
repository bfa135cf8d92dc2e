"""A detection net for which ink is text."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ocrspool.engine.spec import ShapeProfile


class InkNet:
    """Says that text is as probable as a pixel is dark; remembers the shapes it saw.

    With `reach` it takes ink that is so many pixels apart across for one line, as a real net does.
    """

    parallel = 1
    batch = 1

    def __init__(self, most: int = 2048, reach: int = 1) -> None:
        self.profile = ShapeProfile((1, 32, 32, 3), (1, 960, 736, 3), (1, most, most, 3))
        self.warm_up = ()
        self.shapes: list[tuple[int, ...]] = []
        self._reach = reach

    def __call__(self, batch: NDArray[np.uint8]) -> tuple[NDArray[Any], ...]:
        self.shapes.append(batch.shape)
        ink = 255 - batch[..., 0]
        if self._reach > 1:
            closing = np.ones((1, self._reach), np.uint8)
            ink = np.stack([cv2.morphologyEx(page, cv2.MORPH_CLOSE, closing) for page in ink])
        return (ink.astype(np.float32) / 255,)
