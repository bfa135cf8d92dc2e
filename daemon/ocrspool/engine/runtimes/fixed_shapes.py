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

from ocrspool.engine.runtimes.gathered import GatheringNet
from ocrspool.engine.spec import PADDING

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ocrspool.engine.spec import Net, NetSpec, Pixels, Shape, ShapeProfile

_STRIDE = 32
_A4 = math.sqrt(0.5)
_PAGES = (
    (0.5, 0.5),
    (0.76, 0.52),
    (2 / 3, 2 / 3),
    (1.0, 0.55),
    (0.76, 0.76),
    (1.0, _A4),
    (_A4, 1.0),
    (1.0, 1.0),
)
"""Height and width of what is searched for lines, as parts of the largest: small pictures, receipts and the tiles of
long ones, tiles of large sheets (1024 pixels of 1344), A4 upright and on its side, and the rest. Over the receipts of
the corpus 1.3 times the pixels are searched that there are; with the last three alone it was 1.9 times."""
_OFTEN = (_PAGES[2], _PAGES[5])
"""Those of which two often come at a time: halves of long receipts, and A4. They have a second session, for both."""
_CLASSIFIED = 16
"""Lines that the classifier gets at a time: orientation.py shows it 12 of a page. If its profile allows more, there is
a second session, for the lines of several pages."""
_WIDTHS = (128, 256, 384, 512, 640, 896, 1152)
"""Pixels of a strip. Each costs a session, and the coarser they are the more a line is padded, which makes the net lose
spaces: of 245 in lines of receipts 20 with 320, 640 and 1024, and 7 with these (docs/lab/gpu.md)."""


def shapes(spec: NetSpec) -> tuple[Shape, ...]:
    """Return the few shapes, [n, h, w, c], that have to do for everything within a model's profile."""
    batch, height, width, channels = spec.profile.maximum
    if spec.role == "recognition":
        return tuple((batch, height, each, channels) for each in widths(width))
    if spec.role == "classifier":
        return tuple((count, height, width, channels) for count in sorted({min(batch, _CLASSIFIED), batch}))
    single = [(1, _part(height, down), _part(width, across), channels) for down, across in _PAGES]
    several = [(batch, _part(height, down), _part(width, across), channels) for down, across in _OFTEN]
    return tuple(dict.fromkeys([*single, *several]))


def _part(length: int, share: float) -> int:
    return math.ceil(length * share / _STRIDE) * _STRIDE


def widths(most: int) -> tuple[int, ...]:
    """Return the widths in which strips are read, where the widest is `most`."""
    return (*(width for width in _WIDTHS if width < most), most)


class FixedShapesNet:
    """Looks like one net that takes any shape of its profile."""

    def __init__(self, spec: NetSpec, nets: Mapping[Shape, Net]) -> None:
        self._role = spec.role
        self._profile = spec.profile
        self._nets = list(nets.values())
        self._batch = max(shape[0] for shape in nets)
        by_size: dict[tuple[int, int], dict[int, Net]] = {}
        for (count, height, width, _), net in sorted(nets.items(), key=lambda item: math.prod(item[0][1:])):
            by_size.setdefault((height, width), {})[count] = net
        self._sizes = {size: GatheringNet(several) for size, several in by_size.items()}

    @property
    def parallel(self) -> int:
        """As one of its sessions: they share the device."""
        return self._nets[0].parallel

    @property
    def batch(self) -> int:
        """The most that one of its sessions takes."""
        return self._batch

    @property
    def profile(self) -> ShapeProfile:
        """As the model's NetSpec states."""
        return self._profile

    @property
    def warm_up(self) -> tuple[Shape, ...]:
        """What its sessions still have to run, each in its own shape."""
        return tuple(dict.fromkeys(shape for net in self._nets for shape in net.warm_up))

    def __call__(self, batch: Pixels) -> tuple[NDArray[Any], ...]:
        """Run one batch in the smallest shape that holds it; see Net."""
        count, height, width, _ = batch.shape
        size = next(size for size in self._sizes if height <= size[0] and width <= size[1])
        net = self._sizes[size]
        if count > net.batch:
            parts = [self(batch[start : start + net.batch]) for start in range(0, count, net.batch)]
            return tuple(np.concatenate(outputs) for outputs in zip(*parts, strict=True))
        outputs = net(batch if (height, width) == size else self._padded(batch, size))
        if self._role == "detection":
            return tuple(output[:, :height, :width] for output in outputs)
        if self._role == "recognition":
            return tuple(output[:, : math.ceil(output.shape[1] * width / size[1])] for output in outputs)
        return outputs

    def _padded(self, batch: Pixels, size: tuple[int, int]) -> Pixels:
        """Fill up with grey beside lines, and with the page's own edge around pages: grey moved boxes by 8 pixels."""
        count, height, width, channels = batch.shape
        padded = np.empty((count, *size, channels), np.uint8)
        if self._role == "detection":
            for page, filled in zip(batch, padded, strict=True):
                edges = (0, size[0] - height, 0, size[1] - width)
                cv2.copyMakeBorder(page, *edges, cv2.BORDER_REPLICATE, dst=filled)
        else:
            padded.fill(PADDING)
            padded[:, :height, :width] = batch
        return padded
