"""A worker whose engine fails on pages that say so: what a fault of ours, or of a library, looks like to the service.

Run as a process in place of `python -m ocrspool.worker FD`. The engine is the real one; the net that finds lines fails
where the first pixel of a page has one of the colors below. Such a page needs no scaling: its
sides are multiples of 32.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from ocrspool import worker
from ocrspool.engine import openvino
from ocrspool.errors import EngineError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ocrspool.engine.net import Net, NetSpec, Pixels, Shape, ShapeProfile
    from ocrspool.engine.settings import Settings

ALWAYS, ONCE, REFUSED, DISORDER = (250, 1, 2), (250, 1, 3), (250, 1, 4), (250, 1, 5)
"""Red, green, blue of a page that raises an error of Python's; that does so once in each process; at which the runtime
raises an error; after which the engine finds nothing any more."""


def marked(page: Image.Image, color: tuple[int, int, int]) -> Image.Image:
    """Return a page that has this color at its first pixel, cut to a size that needs no scaling."""
    page = page.convert("RGB").crop((0, 0, page.width // 32 * 32, page.height // 32 * 32))
    page.putpixel((0, 0), color)
    return page


class Faulty:
    """The net that finds lines."""

    def __init__(self, net: Net) -> None:
        self._net = net
        self._failed = self._disorder = False

    @property
    def parallel(self) -> int:
        return self._net.parallel

    @property
    def batch(self) -> int:
        return self._net.batch

    @property
    def profile(self) -> ShapeProfile:
        return self._net.profile

    @property
    def warm_up(self) -> tuple[Shape, ...]:
        return self._net.warm_up

    def __call__(self, batch: Pixels) -> tuple[NDArray[Any], ...]:
        blue, green, red = batch[0, 0, 0].tolist()
        color = (red, green, blue)
        if color == ALWAYS or (color == ONCE and not self._failed):
            self._failed = True
            raise ValueError("array is not writeable")
        if color == REFUSED:
            raise EngineError("the net takes no such shape")
        self._disorder = self._disorder or color == DISORDER
        (map_,) = self._net(batch)
        if color == DISORDER:
            raise IndexError("list index out of range")
        return (map_ * (not self._disorder),)


def main() -> None:
    """Answer the service as the worker does."""
    load = openvino.load

    def faulty(spec: NetSpec, folder: Path, settings: Settings) -> Net:
        net = load(spec, folder, settings)
        return Faulty(net) if spec.role == "detection" else net

    openvino.load = faulty  # type: ignore[assignment]
    sys.argv = sys.argv[1:]
    worker.main()


if __name__ == "__main__":
    main()
