"""A session of ONNX Runtime for one shape, replayed as a CUDA graph between buffers that stay where they are.

Without a graph the CPU launches some hundred small kernels a call, and takes as long as the GPU does. A graph is bound
to the addresses that it was captured with. So pixels are copied to the same place each time, from pinned memory, and
answers are fetched from the same place. While the GPU computes, the calling thread sleeps.

ONNX Runtime keeps a graph for the thread that captured it, so each session has a thread of its own. It captures at the
first call that may: that is one of the warm-up, when every session is loaded and nothing else runs in this process,
because a capture fails if another thread allocates memory on the GPU meanwhile.
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from ocrspool.engine.runtimes.cuda import array, cuda
from ocrspool.engine.runtimes.device_errors import device_error
from ocrspool.errors import DeviceLostError, DeviceMemoryError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from numpy.typing import NDArray

    from ocrspool.engine.runtimes.cuda import Memory
    from ocrspool.engine.spec import Net, NetSpec, Pixels, Shape, ShapeProfile
    from ocrspool.engine_request import Settings

    class Session(Protocol):
        """One session of one shape; only session.py knows ONNX Runtime."""

        errors: tuple[type[Exception], ...]
        """What its calls may raise, and the driver's."""

        def tried(self, shape: Shape) -> list[NDArray[Any]]:
            """Run once without a graph; return the answers."""

        def bind_input(self, shape: Shape, address: int) -> None:
            """Let the pixels be read from here."""

        def bind_output(self, index: int, answer: NDArray[Any], address: int) -> None:
            """Let an answer be written here, which is like that one."""

        def run(self) -> None:
            """Run between what is bound, as a graph."""


_log = logging.getLogger(__name__)

_PARALLEL = 2
"""Calls at once, of different shapes: sessions have streams of their own, and small kernels leave room for others."""


class CapturedNet:
    """A net that takes one shape."""

    def __init__(
        self, spec: NetSpec, settings: Settings, shape: Shape, session: Callable[[], Session], plain: Callable[[], Net]
    ) -> None:
        self._name, self._profile, self._shape = spec.name, spec.profile, shape
        self._make_plain = plain
        self._plain: Net | None = None
        self._captured = False
        self._number = settings.gpu or 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"{spec.role} {shape}")
        self._thread.submit(self._begin, session).result()

    @property
    def parallel(self) -> int:
        """Calls of several such nets at once."""
        return _PARALLEL

    @property
    def batch(self) -> int:
        """As its shape."""
        return self._shape[0]

    @property
    def profile(self) -> ShapeProfile:
        """As the model's NetSpec states; it takes one shape of it."""
        return self._profile

    @property
    def warm_up(self) -> tuple[Shape, ...]:
        """Its shape: the first call captures the graph."""
        return (self._shape,)

    def __call__(self, batch: Pixels) -> tuple[NDArray[Any], ...]:
        """Run one batch; see Net."""
        return self._thread.submit(self._captured_or_plain, batch).result()

    def _begin(self, session: Callable[[], Session]) -> None:
        self._session = session()
        self._device = cuda(self._number)
        self._device.enter()
        self._stream, self._event = self._device.stream(), self._device.event()
        size = int(np.prod(self._shape))
        self._below, self._above = self._device.device_memory(size), self._device.pinned_memory(size)
        self._pixels = array(self._above, self._shape, np.uint8)
        self._session.bind_input(self._shape, self._below.address)
        self._outputs = [self._output(index, answer) for index, answer in enumerate(self._session.tried(self._shape))]

    def _captured_or_plain(self, batch: Pixels) -> tuple[NDArray[Any], ...]:
        if self._plain is not None:
            return self._plain(batch)
        try:
            answers = self._run(batch)
            self._captured = True
        except self._session.errors as error:
            failed = device_error(self._name, batch.shape, str(error))
            if self._captured or isinstance(failed, (DeviceLostError, DeviceMemoryError)):
                raise failed from error
            _log.warning("%s goes on without a CUDA graph, which is slower", failed)
            self._plain = self._make_plain()
            return self._plain(batch)
        return answers

    def _run(self, batch: Pixels) -> tuple[NDArray[Any], ...]:
        device = self._device
        device.enter()
        np.copyto(self._pixels, batch)
        device.copy_up(self._below.address, self._above.address, self._below.size, self._stream)
        device.wait(self._stream, self._event)  # the session has a stream of its own
        self._session.run()
        for below, above, _ in self._outputs:
            device.copy_down(above.address, below.address, below.size, self._stream)
        device.wait(self._stream, self._event)
        return tuple(answer.copy() for _, _, answer in self._outputs)

    def _output(self, index: int, answer: NDArray[Any]) -> tuple[Memory, Memory, NDArray[Any]]:
        """Return memory on the GPU and pinned memory for an answer like this one, and the latter as an array."""
        below, above = self._device.device_memory(answer.nbytes), self._device.pinned_memory(answer.nbytes)
        self._session.bind_output(index, answer, below.address)
        return below, above, array(above, answer.shape, answer.dtype)
