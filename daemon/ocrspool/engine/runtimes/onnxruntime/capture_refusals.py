"""Calls that CUDA refuses while another thread of this process captures a graph are made again.

Our own graphs are captured when every session is loaded. Libraries below ONNX Runtime capture too while sessions are
loaded, in their search for kernels as it seems. CUDA then refuses calls like `cudaDeviceSynchronize` in all threads of
the process: error 900, cudaErrorStreamCaptureUnsupported. A session is created with such a call. Seen on an H100 and an
H200 (ONNX Runtime 1.31, CUDA 13.0, cuDNN 9.19), in two of about eighty starts of a worker, a second after the start.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    Answer = TypeVar("Answer")

_REFUSED = ("not permitted when stream is capturing", "due to a previous error during capture")
"""Errors 900 and 901 of CUDA. The second comes to the one that captured, where another thread has spoiled it."""
_SECONDS, _PAUSE_SECONDS = 10.0, 0.02
"""A capture takes milliseconds."""


def again(call: Callable[[], Answer], errors: tuple[type[Exception], ...], seconds: float = _SECONDS) -> Answer:
    """Return what `call` returns. While CUDA refuses it for a capture, make it again, for so many seconds at most."""
    until = time.monotonic() + seconds
    while True:
        try:
            return call()
        except errors as error:
            if not any(refused in str(error) for refused in _REFUSED) or time.monotonic() > until:
                raise
        time.sleep(_PAUSE_SECONDS)
