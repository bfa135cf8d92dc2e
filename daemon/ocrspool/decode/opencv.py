"""JPEG images with arithmetic coding, by OpenCV: of the libraries that are installed, the one whose libjpeg knows it.

OpenCV and numpy take a fifth of a second and 70 MB, and such files are rare. So they are loaded only by a decoder that
is started for such a file, before it is confined (`{"op": "limits", "opencv": true}`).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from PIL import Image

from ocrspool.errors import DocumentError

if TYPE_CHECKING:
    from types import ModuleType

NEEDED = "needs-opencv"
"""The kind of the error that asks for a decoder with OpenCV; the service never lets anybody see it."""

_modules: list[ModuleType] = []


def load() -> None:
    """Import OpenCV, without threads: those would not be confined."""
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    import cv2  # noqa: PLC0415 - only in a process that is started for it
    import numpy as np  # noqa: PLC0415

    cv2.setNumThreads(0)
    _modules[:] = [cv2, np]


class OpenCvJpeg(Image.Image):
    """A JPEG image whose header Pillow has read, and whose pixels OpenCV decodes."""

    def __init__(self, header: Image.Image, data: bytes) -> None:
        """Raise DocumentError of kind `NEEDED` where OpenCV is not loaded."""
        super().__init__()
        if not _modules:
            raise DocumentError(NEEDED, "This file needs OpenCV.")
        self._data, self._size, self._mode, self.info = data, header.size, header.mode, header.info
        self._exif = header.getexif()
        self._decoded = False

    def load(self) -> Any:  # noqa: ANN401 - as Pillow declares it
        """Decode the pixels. Raise EOFError where that fails."""
        if not self._decoded:
            cv2, np = _modules
            upright = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
            found = cv2.imdecode(np.frombuffer(self._data, np.uint8), upright)
            if found is None or found.shape[1::-1] != self._size:
                raise EOFError("broken data stream")
            color = Image.frombuffer("RGB", self._size, found.tobytes(), "raw", "BGR", 0, 1)
            plain = color.convert("L") if self._mode == "L" else color
            self._mode, self.im, self._decoded = plain.mode, plain.im, True
        return super().load()
