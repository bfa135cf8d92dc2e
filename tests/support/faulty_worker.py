"""A worker whose engine fails on pages that say so: what a fault of ours, or of a library, looks like to the service.

Its `main` is run in place of `python -m ocrspool.recognition.child FD` (see worker_replacement). The engine is the real
one; the net that finds lines fails where a page has a spot of one of the colors below. Such a page needs no scaling:
its sides are multiples of 32.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from ocrspool.engine.runtimes.openvino import net as openvino
from ocrspool.engine.runtimes.wrapped_net import WrappedNet
from ocrspool.errors import EngineError
from ocrspool.recognition.child import __main__ as child

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ocrspool.engine.spec import Net, NetSpec, Pixels
    from ocrspool.engine_request import Settings

ALWAYS, ONCE, REFUSED, DISORDER = (240, 255, 255), (255, 240, 255), (255, 255, 240), (240, 240, 255)
"""Red, green, blue of a spot at which an error of Python's is raised; at which it is raised once in each process; at
which the runtime raises an error; after which the engine finds nothing any more. Nearly white: no net sees them."""
_SPOT = 12
"""Pixels of its sides, so that it has its color also where the page is scaled."""


def marked(page: Image.Image, color: tuple[int, int, int]) -> Image.Image:
    """Return a page that has a spot of this color at its corner, cut to a size that needs no scaling."""
    page = page.convert("RGB").crop((0, 0, page.width // 32 * 32, page.height // 32 * 32))
    page.paste(color, (0, 0, _SPOT, _SPOT))
    return page


class Faulty(WrappedNet):
    """The net that finds lines."""

    def __init__(self, net: Net) -> None:
        super().__init__(net)
        self._failed = self._disorder = False

    def __call__(self, batch: Pixels) -> tuple[NDArray[Any], ...]:
        if _has(batch, ALWAYS) or (_has(batch, ONCE) and not self._failed):
            self._failed = True
            raise ValueError("array is not writeable")
        if _has(batch, REFUSED):
            raise EngineError("the net takes no such shape")
        if _has(batch, DISORDER):
            self._disorder = True
            raise IndexError("list index out of range")
        (map_,) = super().__call__(batch)
        return (map_ * (not self._disorder),)


def _has(batch: Pixels, color: tuple[int, int, int]) -> bool:
    """Tell whether any pixel has this color; in a batch blue comes first."""
    return bool((batch == color[::-1]).all(axis=3).any())


def main() -> None:
    """Answer the service as the worker does."""
    load = openvino.load

    def faulty(spec: NetSpec, folder: Path, settings: Settings) -> Net:
        net = load(spec, folder, settings)
        return Faulty(net) if spec.role == "detection" else net

    openvino.load = faulty  # type: ignore[assignment]
    sys.argv = sys.argv[1:]
    child.main()
