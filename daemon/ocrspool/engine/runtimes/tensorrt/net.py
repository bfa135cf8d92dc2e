"""A compiled engine as a net: pinned buffers, a stream for each call at a time, and CUDA graphs of shapes in use.

A call copies its pixels into pinned memory, lets the GPU copy them up, runs the engine, lets it copy the answers down,
and sleeps until that is done: no thread spins, and none holds Python's lock meanwhile.

What one call at a time needs is a lane. A net is loaded with one lane. A call that finds none free asks for one more,
and waits for the next that is free, so that more calls run at once where there is work for them. A start does not wait
for lanes that it does not need.

A shape that comes again is captured as a graph, copies included, so that some hundred kernels are one launch. Each
graph has a context of its own, because a context's state belongs to the shape that it was given last. The contexts of a
lane share their memory, since a lane runs one call at a time. TensorRT 8.5 has one context for a profile. So there are
no graphs with it, and each lane has the engine loaded for itself.
"""

from __future__ import annotations

import logging
import queue
import threading
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ocrspool.engine.runtimes.compiled_net import CompiledNet
from ocrspool.engine.runtimes.cuda import Cuda, CudaError, array, cuda
from ocrspool.engine.runtimes.device_errors import device_error
from ocrspool.engine.runtimes.onnxruntime.execution_providers import INPUT
from ocrspool.errors import DeviceLostError, DeviceMemoryError, EngineError, EngineMissingError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from ocrspool.engine.runtimes.cuda import Memory
    from ocrspool.engine.runtimes.tensorrt.library import Library
    from ocrspool.engine.spec import NetSpec, Pixels, Shape
    from ocrspool.engine_request import Settings

_log = logging.getLogger(__name__)

_LANES = 2
"""Calls at once, at most: while one computes, the other copies and launches. With TensorRT 8.5 on an H100, 32 lines of
512 pixels take 4.2 ms a call with one lane, 2.7 with two, and 1.9 with four. With four, six workers took 18 GB of the
GPU and read no more, because a change of shape costs more than the kernels do (docs/lab/gpu.md)."""
_MOST_GRAPHS = 48
"""Of a lane; shapes beyond are run without."""

_HINT = "run `ocrspool prebuild`"


@dataclass(frozen=True)
class OpenEngine:
    """A compiled engine on a GPU."""

    engine: Any
    """TensorRT's ICudaEngine."""
    library: Library
    device: Cuda
    config: Any = None
    """TensorRT for RTX's IRuntimeConfig, for every context; it holds the kernels."""


def load_engine(library: Library, spec: NetSpec, path: Path, settings: Settings) -> TensorRtNet:
    """Return the net of an engine file. Raise EngineMissingError where it does not fit, EngineError."""
    if library.needs_cublas:
        library.find_cublas()
    # Each time from the bytes that are proven at the start, whatever becomes of the file.
    opened = partial(open_engine, library, path, path.read_bytes(), settings)
    if library.shares_profiles:
        engine = opened()
        return TensorRtNet(spec, settings, lambda: engine)
    return TensorRtNet(spec, settings, opened)


def open_engine(library: Library, path: Path, compiled: bytes, settings: Settings) -> OpenEngine:
    """Return an engine on the GPU; `compiled` is what its file has.

    Raise EngineMissingError with TensorRT's reason, or the device's error.
    """
    try:
        device = cuda(settings.gpu or 0)
        device.enter()
    except CudaError as error:
        raise device_error(path.stem, (), str(error)) from error
    engine = library.module.Runtime(library.log).deserialize_cuda_engine(compiled)
    if engine is not None:
        return OpenEngine(engine, library, device)
    told = library.errors()
    failed = device_error(path.stem, (), told)
    if isinstance(failed, (DeviceLostError, DeviceMemoryError)):
        raise failed
    raise EngineMissingError(f"TensorRT {library.version} does not load {path}: {told}", _HINT)


class TensorRtNet(CompiledNet):
    """Looks like every net: safe to call from several threads, of which `parallel` run at once."""

    def __init__(
        self, spec: NetSpec, settings: Settings, opened: Callable[[], OpenEngine], *, all_now: bool = False
    ) -> None:
        """Make one lane, or all of them now. Each is of what `opened` returns."""
        super().__init__(spec, settings, _LANES)
        self._opened, self._most, self._count = opened, _LANES, _LANES if all_now else 1
        self.warm_up: tuple[Shape, ...] = self.ends * self._count
        self._adding = threading.Lock()
        """Held while one more lane is made."""
        self._lanes: queue.SimpleQueue[_Lane] = queue.SimpleQueue()
        for _ in range(self._count):
            self._lanes.put(self._lane())

    def try_shapes(self) -> None:
        """Run the ends and the middle of the profile. Raise EngineError."""
        for shape in (self.profile.minimum, self.profile.optimum, self.profile.maximum):
            self(np.zeros(shape, np.uint8))

    def __call__(self, batch: Pixels) -> tuple[NDArray[Any], ...]:
        """Run one batch; see Net."""
        lane = self._free()
        try:
            return lane.run(batch)
        except (CudaError, _CallError) as error:
            raise device_error(self.name, batch.shape, str(error)) from error
        finally:
            self._lanes.put(lane)

    def _free(self) -> _Lane:
        """Return a free lane. Where there is none, wait for one, and let one more be made meanwhile."""
        try:
            return self._lanes.get_nowait()
        except queue.Empty:
            if self._count < self._most and self._adding.acquire(blocking=False):
                try:
                    threading.Thread(target=self._add, name=f"lane of {self.name}", daemon=True).start()
                except RuntimeError:  # no thread could be started; another call may be luckier
                    self._adding.release()
            return self._lanes.get()

    def _add(self) -> None:
        """Make one more lane, and run it at the ends of its shapes before others use it."""
        try:
            if self._count < self._most:
                lane = self._lane()
                for shape in self.ends:
                    lane.run(np.zeros(shape, np.uint8))
                self._lanes.put(lane)
                self._count += 1
        except (EngineError, CudaError, _CallError) as error:
            self._most = self._count
            _log.warning("%s: %s; it goes on with %d calls at a time", self.name, error, self._count)
        finally:
            self._adding.release()

    def _lane(self) -> _Lane:
        opened = self._opened()
        try:
            return _Lane(opened, self.profile.maximum)
        except (CudaError, _CallError) as error:
            raise device_error(self.name, (), str(error)) from error


class _CallError(Exception):
    """TensorRT refused a call; the text is its log's."""


class _Output:
    """One of the engine's outputs, with memory for the largest answer."""

    def __init__(self, device: Cuda, name: str, kind: np.dtype[Any], items: int) -> None:
        self.name = name
        self.kind = kind
        self.below = device.device_memory(items * kind.itemsize)
        self.above = device.pinned_memory(items * kind.itemsize)


class _Lane:
    """What one call at a time needs: a stream, buffers, contexts, graphs."""

    def __init__(self, opened: OpenEngine, most: Shape) -> None:
        self._library, self._device, self._engine, self._config = (
            opened.library,
            opened.device,
            opened.engine,
            opened.config,
        )
        device = self._device
        device.enter()
        self._stream, self._event = device.stream(), device.event()
        self._memory: Memory | None = None
        self._context = self._new_context()
        self._input = _kind(self._engine.get_tensor_dtype(INPUT))
        size = int(np.prod(most)) * self._input.itemsize
        self._below, self._above = device.device_memory(size), device.pinned_memory(size)
        self._set_shape(self._context, most)
        self._outputs = [
            _Output(device, name, kind, int(np.prod(self._context.get_tensor_shape(name))))
            for name, kind in self._named_outputs()
        ]
        self._graphs: dict[Shape, tuple[int, Any]] = {}
        self._last: Shape | None = None

    def run(self, batch: Pixels) -> tuple[NDArray[Any], ...]:
        """Run one batch, in the calling thread."""
        self._device.enter()
        shape: Shape = batch.shape
        np.copyto(array(self._above, shape, self._input), batch, casting="unsafe")
        if (known := self._graphs.get(shape)) is not None:
            graph, context = known
            self._device.launch(graph, self._stream)
        else:
            context = self._context
            self._enqueue(context, shape)
        self._device.wait(self._stream, self._event)
        answers = tuple(
            array(output.above, tuple(context.get_tensor_shape(output.name)), output.kind).copy()
            for output in self._outputs
        )
        if known is None and shape == self._last and self._library.shares_profiles and not self._library.rtx:
            self._capture(shape)
        self._last = shape
        return answers

    def _capture(self, shape: Shape) -> None:
        if len(self._graphs) >= _MOST_GRAPHS:
            return
        context = self._new_context()
        self._enqueue(context, shape)  # once as it is: what a context prepares for a shape is no part of a graph
        self._device.wait(self._stream, self._event)
        graph = self._device.captured(self._stream, lambda: self._enqueue(context, shape))
        self._graphs[shape] = graph, context

    def _enqueue(self, context: Any, shape: Shape) -> None:  # noqa: ANN401  # IExecutionContext
        """Put the copies and the engine into the stream."""
        self._set_shape(context, shape)
        size = int(np.prod(shape)) * self._input.itemsize
        self._device.copy_up(self._below.address, self._above.address, size, self._stream)
        context.set_tensor_address(INPUT, self._below.address)
        for output in self._outputs:
            context.set_tensor_address(output.name, output.below.address)
        if not context.execute_async_v3(self._stream):
            raise _CallError(self._library.errors())
        for output in self._outputs:
            size = int(np.prod(context.get_tensor_shape(output.name))) * output.kind.itemsize
            self._device.copy_down(output.above.address, output.below.address, size, self._stream)

    def _set_shape(self, context: Any, shape: Shape) -> None:  # noqa: ANN401  # IExecutionContext
        if not context.set_input_shape(INPUT, shape):
            raise _CallError(f"shape {shape} is refused: {self._library.errors()}")

    def _new_context(self) -> Any:  # noqa: ANN401  # IExecutionContext
        """Return a context whose memory is this lane's. Raise _CallError."""
        if self._config is not None:
            context = self._engine.create_execution_context(self._config)
        elif not self._library.shares_profiles:
            context = self._engine.create_execution_context()
        else:
            strategy = self._library.module.ExecutionContextAllocationStrategy.USER_MANAGED
            context = self._engine.create_execution_context(strategy)
            if self._memory is None:
                size = getattr(self._engine, "device_memory_size_v2", 0) or self._engine.device_memory_size
                self._memory = self._device.device_memory(max(size, 1))
            if context is not None:
                context.set_device_memory(self._memory.address, self._memory.size)
        if context is None:
            raise _CallError(self._library.errors())
        return context

    def _named_outputs(self) -> list[tuple[str, np.dtype[Any]]]:
        """Return the outputs with their types, by name: "best" comes before "probability", as a net's answer does."""
        engine, trt = self._engine, self._library.module
        names = sorted(engine.get_tensor_name(index) for index in range(engine.num_io_tensors))
        return [
            (name, _kind(engine.get_tensor_dtype(name)))
            for name in names
            if engine.get_tensor_mode(name) == trt.TensorIOMode.OUTPUT
        ]


def _kind(tensor_type: Any) -> np.dtype[Any]:  # noqa: ANN401  # TensorRT's DataType
    """Return numpy's type. TensorRT 8.5 has a function for it that needs numpy 1."""
    names = {"FLOAT": "float32", "HALF": "float16", "BOOL": "bool"}
    kind: np.dtype[Any] = np.dtype(names.get(tensor_type.name, tensor_type.name.lower()))
    return kind
