"""A net for a runtime that pays for every change of shape: one session for each of a few shapes, and padding to them.

ONNX Runtime's CUDA provider prepares cuDNN's kernels for one shape at a time, also for one that it has seen before: 2
seconds for each change, and 4 milliseconds for a call without one (32 lines of 320 pixels on an H200).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from ocrspool.engine.spec import PADDING

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ocrspool.engine.spec import Net, NetSpec, Pixels, Shape, ShapeProfile

_A_SERIES = math.sqrt(2)
_STRIDE = 32
_WIDTHS = (128, 256, 384, 512, 640, 896, 1152)
"""Pixels of a strip. Each costs a session, and the coarser they are the more a line is padded, which makes the net lose
spaces: of 245 in lines of receipts 20 with 320, 640 and 1024, and 7 with these (docs/lab/gpu.md)."""


def shapes(spec: NetSpec) -> tuple[Shape, ...]:
    """Return the few shapes, [n, h, w, c], that have to do for everything within a model's profile."""
    batch, height, width, channels = spec.profile.maximum
    if spec.role == "recognition":
        return tuple((batch, height, each, channels) for each in widths(width))
    if spec.role == "classifier":
        return (spec.profile.maximum,)
    short = math.ceil(height / _A_SERIES / _STRIDE) * _STRIDE  # a sheet of A4, upright and on its side, and the rest
    return ((batch, height, short, channels), (batch, short, width, channels), (batch, height, width, channels))


def widths(most: int) -> tuple[int, ...]:
    """Return the widths in which strips are read, where the widest is `most`."""
    return (*(width for width in _WIDTHS if width < most), most)


class FixedShapesNet:
    """Looks like one net that takes any shape of its profile."""

    def __init__(self, spec: NetSpec, nets: Mapping[Shape, Net]) -> None:
        self._role = spec.role
        self._profile = spec.profile
        self._nets = sorted(nets.items(), key=lambda item: math.prod(item[0]))

    @property
    def parallel(self) -> int:
        """As one of its sessions: they share the device."""
        return self._nets[0][1].parallel

    @property
    def batch(self) -> int:
        """As its sessions."""
        return self._nets[0][1].batch

    @property
    def profile(self) -> ShapeProfile:
        """As the model's NetSpec states."""
        return self._profile

    @property
    def warm_up(self) -> tuple[Shape, ...]:
        """None: its sessions have run when it is made."""
        return ()

    def __call__(self, batch: Pixels) -> tuple[NDArray[Any], ...]:
        """Run one batch in the smallest shape that holds it; see Net."""
        count, height, width, _ = batch.shape
        shape, net = next(item for item in self._nets if all(np.less_equal(batch.shape, item[0])))
        outputs = net(batch if batch.shape == shape else self._padded(batch, shape))
        if self._role == "detection":
            return tuple(output[:count, :height, :width] for output in outputs)
        if self._role == "recognition":
            return tuple(output[:count, : math.ceil(output.shape[1] * width / shape[2])] for output in outputs)
        return tuple(output[:count] for output in outputs)

    def _padded(self, batch: Pixels, shape: Shape) -> Pixels:
        """Fill up with grey beside lines, and with the page's own edge around pages: grey moved boxes by 8 pixels."""
        count, height, width, _ = batch.shape
        if self._role == "detection":
            edges = (0, shape[1] - height, 0, shape[2] - width)
            return np.asarray(cv2.copyMakeBorder(batch[0], *edges, cv2.BORDER_REPLICATE), np.uint8)[None]
        padded = np.full(shape, PADDING, np.uint8)
        padded[:count, :height, :width] = batch
        return padded
