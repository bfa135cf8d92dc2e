"""Pages as a worker gets them, in a decoder's sealed memory, and nets that get no other pixels."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ocrspool.decoding.child.page import memory_file
from ocrspool.engine.ocr.shared_image import pixels
from ocrspool.engine.runtimes.wrapped_net import WrappedNet

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ocrspool.engine.spec import Pixels
    from ocrspool.pages import PageImage


def mapped(page: Pixels) -> Pixels:
    """Return the same page [h, w] or [h, w, 3] out of a decoder's memory file."""
    descriptor = memory_file([page.tobytes()])
    try:
        return pixels(descriptor, page.shape[0], page.shape[1], 1 if page.ndim == 2 else page.shape[2])
    finally:
        os.close(descriptor)


def taken(image: PageImage) -> Pixels:
    """Return the pixels of a page that a decoder has handed out, and let go of its memory file."""
    try:
        return pixels(image.fd, image.height, image.width, image.channels)
    finally:
        os.close(image.fd)


class ReadingOnly(WrappedNet):
    """A net that gets pixels which nobody may write, whoever calls it: what a page that needs no scaling is."""

    def __call__(self, batch: Pixels) -> tuple[NDArray[Any], ...]:
        batch = batch.view()
        batch.flags.writeable = False
        return super().__call__(batch)
