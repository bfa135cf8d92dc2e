"""Page images where the decoder left them: pixels mapped from a memory file, without a copy."""

from __future__ import annotations

import mmap
import os
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ocrspool.engine.spec import Pixels


def pixels(descriptor: int, height: int, width: int, channels: int) -> Pixels:
    """Return the page [height, width] or [height, width, channels]; the caller keeps the descriptor.

    Mapped privately, because older kernels refuse to share a sealed file even for reading only. The size is checked
    first: what lies beyond the end of a file cannot be read without SIGBUS. Raise ValueError where it is another one.
    """
    size = height * width * channels
    if os.fstat(descriptor).st_size != size:
        raise ValueError("a page image is not as large as it was said to be")
    mapped = mmap.mmap(descriptor, size, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ)
    return np.frombuffer(mapped, np.uint8).reshape((height, width) if channels == 1 else (height, width, channels))
