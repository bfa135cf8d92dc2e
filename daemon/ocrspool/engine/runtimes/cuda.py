"""The CUDA driver's functions, called by ctypes: memory, streams, events and graphs on one GPU.

The driver's own library (libcuda.so.1) is used, and not CUDA's runtime library: it is there wherever a driver is, in
one version, and runtimes that bring a runtime library of their own share its primary context.
"""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ocrspool.errors import EngineError

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

_LIBRARY = "libcuda.so.1"

# Constants of cuda.h.
_BLOCKING_SYNC = 4  # CU_CTX_SCHED_BLOCKING_SYNC
_NON_BLOCKING = 1  # CU_STREAM_NON_BLOCKING: no waiting for the default stream, and none of it for this one
_EVENT_SLEEPS = 3  # CU_EVENT_BLOCKING_SYNC | CU_EVENT_DISABLE_TIMING
_THREAD_LOCAL = 1  # CU_STREAM_CAPTURE_MODE_THREAD_LOCAL: other threads go on allocating meanwhile
_PORTABLE = 1  # CU_MEMHOSTALLOC_PORTABLE

_ALREADY_ACTIVE = 708  # CUDA_ERROR_PRIMARY_CONTEXT_ACTIVE


class CudaError(Exception):
    """A function of the driver failed; the text names the error's number, which `device_error` understands."""


class Memory:
    """Some bytes, on the device or pinned on the host; freed when nobody has them any more."""

    def __init__(self, address: int, size: int, free: Callable[[], object]) -> None:
        self.address = address
        self.size = size
        weakref.finalize(self, free).atexit = False  # the driver frees all memory of a process that ends


class Cuda:
    """One GPU, by the number that CUDA gives it. Every method may be called by any thread."""

    def __init__(self, device: int) -> None:
        try:
            self._library = ctypes.CDLL(_LIBRARY)
        except OSError as error:
            raise EngineError(
                f"the NVIDIA driver's library cannot be loaded: {error}", "`ocrspool doctor` tells what is missing"
            ) from error
        self._call("cuInit", ctypes.c_uint(0))
        handle = ctypes.c_int()
        self._call("cuDeviceGet", ctypes.byref(handle), ctypes.c_int(device))
        code = self._library.cuDevicePrimaryCtxSetFlags_v2(handle, ctypes.c_uint(_BLOCKING_SYNC))
        if code not in {0, _ALREADY_ACTIVE}:
            raise self._error("cuDevicePrimaryCtxSetFlags_v2", code)
        self._context = ctypes.c_void_p()
        self._call("cuDevicePrimaryCtxRetain", ctypes.byref(self._context), handle)
        self.enter()

    def enter(self) -> None:
        """Make this GPU the calling thread's, for the driver and for every runtime library."""
        self._call("cuCtxSetCurrent", self._context)

    def device_memory(self, size: int) -> Memory:
        """Return memory on the GPU."""
        address = ctypes.c_uint64()
        self._call("cuMemAlloc_v2", ctypes.byref(address), ctypes.c_size_t(size))
        return Memory(address.value, size, partial(self._library.cuMemFree_v2, address))

    def pinned_memory(self, size: int) -> Memory:
        """Return memory of the host that the GPU copies from and to by itself."""
        address = ctypes.c_void_p()
        self._call("cuMemHostAlloc", ctypes.byref(address), ctypes.c_size_t(size), ctypes.c_uint(_PORTABLE))
        return Memory(address.value or 0, size, partial(self._library.cuMemFreeHost, address))

    def stream(self) -> int:
        """Return a new stream, which lives as long as the process."""
        stream = ctypes.c_void_p()
        self._call("cuStreamCreate", ctypes.byref(stream), ctypes.c_uint(_NON_BLOCKING))
        return stream.value or 0

    def event(self) -> int:
        """Return a new event, whose waiting threads sleep."""
        event = ctypes.c_void_p()
        self._call("cuEventCreate", ctypes.byref(event), ctypes.c_uint(_EVENT_SLEEPS))
        return event.value or 0

    def copy_up(self, target: int, source: int, size: int, stream: int) -> None:
        """Begin to copy from pinned memory to the device."""
        arguments = ctypes.c_uint64(target), ctypes.c_void_p(source), ctypes.c_size_t(size)
        self._call("cuMemcpyHtoDAsync_v2", *arguments, ctypes.c_void_p(stream))

    def copy_down(self, target: int, source: int, size: int, stream: int) -> None:
        """Begin to copy from the device to pinned memory."""
        arguments = ctypes.c_void_p(target), ctypes.c_uint64(source), ctypes.c_size_t(size)
        self._call("cuMemcpyDtoHAsync_v2", *arguments, ctypes.c_void_p(stream))

    def wait(self, stream: int, event: int) -> None:
        """Sleep until the stream has done what it was given."""
        self._call("cuEventRecord", ctypes.c_void_p(event), ctypes.c_void_p(stream))
        self._call("cuEventSynchronize", ctypes.c_void_p(event))

    def captured(self, stream: int, work: Callable[[], None]) -> int:
        """Return what `work` puts into the stream as a graph, ready to be launched; none of it is run."""
        self._call("cuStreamBeginCapture_v2", ctypes.c_void_p(stream), ctypes.c_int(_THREAD_LOCAL))
        graph = ctypes.c_void_p()
        try:
            work()
        finally:
            code = self._library.cuStreamEndCapture(ctypes.c_void_p(stream), ctypes.byref(graph))
        if code:
            raise self._error("cuStreamEndCapture", code)
        ready = ctypes.c_void_p()
        self._call("cuGraphInstantiateWithFlags", ctypes.byref(ready), graph, ctypes.c_ulonglong(0))
        self._call("cuGraphDestroy", graph)
        return ready.value or 0

    def launch(self, graph: int, stream: int) -> None:
        """Put a captured graph into the stream."""
        self._call("cuGraphLaunch", ctypes.c_void_p(graph), ctypes.c_void_p(stream))

    def _call(self, name: str, *arguments: object) -> None:
        code = getattr(self._library, name)(*arguments)
        if code:
            raise self._error(name, code)

    def _error(self, name: str, code: int) -> CudaError:
        word = ctypes.c_char_p()
        self._library.cuGetErrorName(ctypes.c_int(code), ctypes.byref(word))
        return CudaError(f"{name}: CUDA error {code} ({(word.value or b'unknown').decode('ascii', 'replace')})")


@cache
def cuda(device: int) -> Cuda:
    """Return a GPU; making its context takes some tenths of a second, once in a process. Raise EngineError."""
    return Cuda(device)


def array(memory: Memory, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Return the beginning of pinned memory as an array. It is valid for as long as the memory is."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    buffer = (ctypes.c_uint8 * size).from_address(memory.address)
    return np.ctypeslib.as_array(buffer).view(dtype).reshape(shape)
