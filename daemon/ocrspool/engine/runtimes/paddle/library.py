"""Imports Paddle without its side effects. No other module imports Paddle.

The import warns of a compiler that it does not find, logs to stderr, and installs handlers for six signals. SIGTERM is
one of them, which a worker ignores, because a terminal and systemd send it to a whole group of processes.
"""

from __future__ import annotations

import ctypes
import os
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ocrspool.errors import EngineError

if TYPE_CHECKING:
    from ocrspool.engine_request import Provider

_TAKEN = (signal.SIGILL, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGSEGV, signal.SIGTERM)
"""The signals for which Paddle's InitGLOG installs handlers (paddle/fluid/platform/init.cc)."""
_SIGACTION_BYTES = 256
"""More than a struct sigaction has on any Linux (152 on x86-64)."""


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Restore the handlers of signals at the end. This works in any thread, unlike signal.signal."""
    libc = ctypes.CDLL(None)
    kept = {number: ctypes.create_string_buffer(_SIGACTION_BYTES) for number in _TAKEN}
    for number, action in kept.items():
        libc.sigaction(int(number), None, action)
    try:
        yield
    finally:
        for number, action in kept.items():
            libc.sigaction(int(number), action, None)


@contextmanager
def quiet() -> Iterator[None]:
    """Suppress the Python warnings of Paddle: none is of use to a user, and some do not say what they are about."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


os.environ.setdefault("GLOG_minloglevel", "2")  # read once, when the library is loaded: errors only

with _signals_kept(), quiet():
    import paddle
    from paddle import inference

__all__ = ["inference", "paddle", "quiet", "require"]


def require(provider: Provider, *, pir: bool) -> None:
    """Raise EngineError where this Paddle has no part for the provider, or does not read the newer kind of model."""
    version = paddle.__version__
    if pir and int(version.partition(".")[0]) < 3:  # noqa: PLR2004
        raise EngineError(
            f"Paddle {version} does not read models of the newer kind (inference.json)",
            "use models with an inference.pdmodel (PP-OCRv4 and older), or Paddle 3",
        )
    if provider == "cpu":
        return
    if not paddle.is_compiled_with_cuda():
        raise EngineError(
            f"the installed Paddle {version} computes on the CPU only, and the engine asks for {provider}",
            'install paddlepaddle-gpu in its place, or set engine.devices = ["cpu"]',
        )
    if provider == "tensorrt":
        _require_tensorrt(version)


def _require_tensorrt(version: str) -> None:
    built, found = inference.get_trt_compile_version(), inference.get_trt_runtime_version()
    if not any(built):
        raise EngineError(
            f"the installed Paddle {version} was built without TensorRT",
            'install one built with it, or set engine.provider = "cuda"',
        )
    if not any(found):
        raise EngineError(
            f"Paddle {version} does not find TensorRT {'.'.join(map(str, built))} (libnvinfer.so)",
            'install it and name its folder in LD_LIBRARY_PATH, or set engine.provider = "cuda"',
        )
