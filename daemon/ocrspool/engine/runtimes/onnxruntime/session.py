"""Builds and loads engines of ONNX Runtime: on a CPU, with CUDA's kernels, or with engines that TensorRT builds once.

This is the only module that imports onnxruntime. An engine folder holds the edited model `<name>.onnx`. The CPU and
CUDA need nothing more: what ONNX Runtime can prepare beyond it is bound to this very processor, and saved 0.05 s of a
start (measured, all three nets). For TensorRT the folder also holds the engine and, where ONNX Runtime knows such, a
context model: one node that stands for the engine. A session of it can load the engine and nothing else, because it
holds nothing to build one from. Older ONNX Runtimes (below 1.20) are given the edited model and the engine's folder.
They build when the engine's name or profile differs from what they expect. Both follow from items of the fingerprint. A
build that happens all the same is noticed afterwards, because the folder has changed.

Read in ONNX Runtime's sources and not run when this was written: everything about CUDA and TensorRT.
"""

from __future__ import annotations

import logging
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ocrspool.engine.runtimes import fixed_shapes
from ocrspool.engine.runtimes.compiled_net import CompiledNet
from ocrspool.engine.runtimes.cuda import CudaError, cuda
from ocrspool.engine.runtimes.device_errors import device_error
from ocrspool.engine.runtimes.fixed_shapes import FixedShapesNet
from ocrspool.engine.runtimes.onnxruntime import SPEC, capture_refusals, execution_providers, tensorrt_engine
from ocrspool.engine.runtimes.onnxruntime.captured import CapturedNet
from ocrspool.engine.runtimes.onnxruntime.libraries import preload
from ocrspool.engine.runtimes.onnxruntime.tensorrt_engine import HINT as DOCTOR
from ocrspool.engine.runtimes.onnxruntime.tensorrt_engine import SessionError, engines, model_path
from ocrspool.errors import DeviceLostError, DeviceMemoryError, EngineError, EngineMissingError
from ocrspool.machine import installation

# Wheels for Linux send telemetry from 1.32 on; read once, at import. Workers have it set; tests and tools may not.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as native

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

    from numpy.typing import NDArray

    from ocrspool.engine.spec import Net, NetSpec, Pixels, Shape
    from ocrspool.engine_request import Settings

_log = logging.getLogger(__name__)

_VERSION = cast("execution_providers.Version", tuple(int(part) for part in onnxruntime.__version__.split(".")[:2]))
_ERROR = 3
"""The level of its own log. Its warnings are about what is intended, for instance arithmetic on shapes on the CPU."""
onnxruntime.set_default_logger_severity(_ERROR)

# Its exceptions have no common base, and some of what its C++ code throws arrives as one of Python's own.
_ERRORS: tuple[type[Exception], ...] = (
    MemoryError,
    RuntimeError,
    ValueError,
    *(found for found in vars(native).values() if isinstance(found, type) and issubclass(found, Exception)),
)

_ON_GPU = 2
"""Calls at once on a GPU: while one computes (one at a time: TensorRT's provider holds a lock, and CUDA's kernels fill
the device), the other copies its pixels up or its results down. More would hold memory and gain nothing."""

_SLOWER_WITH_CUDA = ["ConvAddFusion"]
"""Steps of its optimizer. This one makes a bias part of a convolution, and cuDNN's kernel for a bias takes longer than
ONNX Runtime's for a sum: 32 lines of 512 pixels 4.37 and 4.15 ms, a page of 1088 by 768 2.27 and 2.16 ms (an H100)."""

_IN_F16 = ("detection", "recognition")
"""Roles of nets that become f16 on a GPU. The classifier gains nothing: 128 lines take 2.12 ms in f32 and 2.15 in f16
(an H200), because 18 of its operators need casts around them."""

_HINT = "run `ocrspool prebuild`"


def build(spec: NetSpec, folder: Path, settings: Settings) -> None:
    """Make in `folder` what `load` loads; with TensorRT this takes minutes. Raise EngineError."""
    if settings.provider == "tensorrt":
        _build_for_tensorrt(spec, folder, settings)
        return
    path = model_path(spec, folder)
    halve = _halved if settings.precision == "f16" and spec.role in _IN_F16 else None
    _editor().edit(spec, path, halve=halve)
    _session(spec, path, settings, execution_providers.to_load(spec, folder, settings, _VERSION))


def load(spec: NetSpec, folder: Path, settings: Settings) -> Net:
    """Load what `build` left in `folder`. Raise EngineMissingError where it is not there or does not fit."""
    if settings.provider != "cuda":
        return _load(spec, folder, settings)

    chosen = fixed_shapes.shapes(spec)
    with ThreadPoolExecutor(len(chosen)) as threads:
        nets = threads.map(lambda shape: _of_shape(spec, folder, settings, shape), chosen)
        return FixedShapesNet(spec, dict(zip(chosen, nets, strict=True)))


def _of_shape(spec: NetSpec, folder: Path, settings: Settings, shape: Shape) -> Net:
    """Return a net of one shape, its kernels chosen: as a graph, or call by call where this ONNX Runtime has none."""
    path = model_path(spec, folder)
    if execution_providers.has_graphs(_VERSION):
        if not path.is_file():
            raise EngineMissingError(f"no engine of {spec.name} in {folder}", _HINT)
        try:
            with suppress(EngineError):  # without a driver, the session says what is missing
                cuda(settings.gpu or 0)  # before the session: it says how threads wait for the GPU
            providers = execution_providers.to_capture(settings)
            return CapturedNet(
                spec,
                settings,
                shape,
                lambda: _OneShape(_session(spec, path, settings, providers, shape)),
                lambda: _load(spec, folder, settings),
            )
        except _FAILURES as error:
            failed = device_error(spec.name, shape, str(error))
            if isinstance(failed, (DeviceMemoryError, DeviceLostError)):
                raise failed from error
            _log.warning("%s runs without a CUDA graph, which is slower: %s", spec.name, error)
    net = _load(spec, folder, settings)
    net(np.zeros(shape, np.uint8))
    return net


_FAILURES: tuple[type[Exception], ...] = (SessionError, CudaError, *_ERRORS)
"""What may go wrong with a session that becomes a graph."""


class _OneShape:
    """A session that is bound to buffers; see captured.Session."""

    errors = _FAILURES

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session = session
        self._binding = session.io_binding()
        self._outputs = [output.name for output in session.get_outputs()]

    def tried(self, shape: Shape) -> list[NDArray[Any]]:
        options = onnxruntime.RunOptions()
        options.add_run_config_entry("gpu_graph_id", "-1")  # no capture
        # cuDNN's search for kernels takes gigabytes, and a session would keep them.
        options.add_run_config_entry("memory.enable_memory_arena_shrinkage", f"gpu:{self._device}")
        pixels = {execution_providers.INPUT: np.zeros(shape, np.uint8)}
        return list(capture_refusals.again(lambda: self._session.run(None, pixels, options), _ERRORS))

    def bind_input(self, shape: Shape, address: int) -> None:
        self._binding.bind_input(execution_providers.INPUT, "cuda", self._device, np.uint8, shape, address)

    def bind_output(self, index: int, answer: NDArray[Any], address: int) -> None:
        name = self._outputs[index]
        self._binding.bind_output(name, "cuda", self._device, answer.dtype.type, answer.shape, address)

    def run(self) -> None:
        self._session.run_with_iobinding(self._binding)

    @property
    def _device(self) -> int:
        return int(self._session.get_provider_options()[execution_providers.NAMES["cuda"]]["device_id"])


def _load(spec: NetSpec, folder: Path, settings: Settings) -> OnnxNet:
    path = model_path(spec, folder)
    if settings.provider == "tensorrt":
        if execution_providers.modern(_VERSION):
            path = execution_providers.context_path(spec, folder)
        if len(engines(folder)) != 1:  # without one, an older ONNX Runtime would build it here and now
            raise EngineMissingError(f"no TensorRT engine of {spec.name} in {folder}", _HINT)
    if not path.is_file():
        raise EngineMissingError(f"no engine of {spec.name} in {folder}", _HINT)
    try:
        session = _session(spec, path, settings, execution_providers.to_load(spec, folder, settings, _VERSION))
    except SessionError as error:
        raise EngineMissingError(f"the engine of {spec.name} in {folder} is damaged: {error}", _HINT) from error
    return OnnxNet(spec, settings, session)


class OnnxNet(CompiledNet):
    """A session of one model. Sessions may be called by several threads at once; each call has memory of its own."""

    def __init__(self, spec: NetSpec, settings: Settings, session: onnxruntime.InferenceSession) -> None:
        super().__init__(spec, settings, settings.streams if settings.gpu is None else _ON_GPU)
        # Both ends of TensorRT's profile. CUDA's sessions are for one shape each, and have run already.
        self.warm_up: tuple[Shape, ...] = self.ends if settings.provider == "tensorrt" else ()
        self._calls = threading.BoundedSemaphore(self.parallel)
        self._session = session
        self._floats = session.get_inputs()[0].type == "tensor(float)"

    def __call__(self, batch: Pixels) -> tuple[NDArray[Any], ...]:
        """Run one batch; see Net."""
        pixels = np.ascontiguousarray(batch, np.float32 if self._floats else np.uint8)
        try:
            with self._calls:
                return tuple(self._session.run(None, {execution_providers.INPUT: pixels}))
        except _ERRORS as error:
            raise device_error(self.name, batch.shape, str(error)) from error


def _editor() -> ModuleType:
    """Import what edits models, and with it onnx: large, and of no use to a worker. Raise EngineError."""
    try:
        return import_module("ocrspool.engine.runtimes.onnxruntime.graph")
    except ImportError as error:
        raise EngineError(
            f"building for onnxruntime needs the package onnx: {error}", installation.find().add("onnx")
        ) from error


def _halved(model: Any) -> Any:  # noqa: ANN401  # onnx's ModelProto
    """Return the model in f16. Imports the converter, which only builds need."""
    return import_module("ocrspool.engine.runtimes.onnxruntime.half").halved(model, for_cuda=True)


def _build_for_tensorrt(spec: NetSpec, folder: Path, settings: Settings) -> None:
    """Build the engine by creating a session. See tensorrt_engine.py."""

    def create() -> Net:
        providers = execution_providers.to_build(spec, folder, settings, _VERSION)
        return OnnxNet(spec, settings, _session(spec, model_path(spec, folder), settings, providers))

    editor = cast("tensorrt_engine.Editor", _editor())
    tensorrt_engine.build(spec, folder, editor, create, modern=execution_providers.modern(_VERSION))


def _session(
    spec: NetSpec,
    path: Path,
    settings: Settings,
    providers: list[tuple[str, execution_providers.Options]],
    shape: Shape | None = None,
) -> onnxruntime.InferenceSession:
    """Create a session that runs where the settings say, and nowhere else; with a shape, for pixels of that shape only.

    Raise EngineError where the provider cannot be had, DeviceMemoryError or DeviceLostError, SessionError otherwise.
    """
    asked = providers[0][0]
    available = onnxruntime.get_available_providers()
    if asked not in available:
        raise EngineError(
            f"the {settings.provider} provider was asked for, and this onnxruntime {onnxruntime.__version__} has only "
            f"{', '.join(available)}",
            DOCTOR,
        )
    missing = preload(SPEC.installed(), settings) if settings.gpu is not None else []
    try:
        # In words of its own it "falls back": to other providers when created, and later when a call fails.
        session = capture_refusals.again(
            lambda: onnxruntime.InferenceSession(
                str(path),
                _session_options(settings, shape),
                providers=providers,
                enable_fallback=0,
                disabled_optimizers=_SLOWER_WITH_CUDA if settings.provider == "cuda" else None,
            ),
            _ERRORS,
        )
        session.disable_fallback()
    except _ERRORS as error:
        failed = device_error(spec.name, (), str(error))
        if isinstance(failed, (DeviceMemoryError, DeviceLostError)):
            raise failed from error
        if missing:
            raise EngineError(f"{failed.message}{_among(missing)}", DOCTOR) from error
        raise SessionError(failed.message) from error
    got = session.get_providers()
    if got[0] != asked:
        raise EngineError(
            f"{spec.name}: {asked} was asked for and {got[0]} was got{_among(missing)}; its reason is in the log",
            DOCTOR,
        )
    return session


def _session_options(settings: Settings, shape: Shape | None) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    for name, length in zip("nhw", shape or (), strict=False):  # as graph.py names them; arithmetic on shapes goes away
        options.add_free_dimension_override_by_name(name, length)
    options.log_severity_level = _ERROR
    # Streams rather than threads within a call: nobody waits for the slowest part. On a GPU it is a few shapes.
    options.intra_op_num_threads = max(1, settings.threads // settings.streams) if settings.gpu is None else 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Both keep memory for the shapes that came by, and every page has another.
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    if settings.provider == "tensorrt":
        # Not for CUDA, which itself leaves the arithmetic on shapes to the CPU (GetCpuPreferredNodes).
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    return options


def _among(missing: list[str]) -> str:
    return f" (not found: {', '.join(missing)})" if missing else ""
