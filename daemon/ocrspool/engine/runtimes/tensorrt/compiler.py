"""From a model to a compiled engine: TensorRT's ONNX parser and builder.

Where a version computes in the types of the model, the model is put into f16 first. The older kind is told that f16 is
allowed, and which sums have to stay in f32: squares within a layer normalization pass what f16 holds (65,504), and so
may means over a page.
"""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ocrspool.engine.runtimes.onnxruntime.execution_providers import INPUT
from ocrspool.errors import EngineError
from ocrspool.machine import installation

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

    from ocrspool.engine.runtimes.tensorrt.library import Library
    from ocrspool.engine.spec import NetSpec
    from ocrspool.engine_request import Settings

_log = logging.getLogger(__name__)

_TIMINGS = "timings"
"""Folder in the cache of engines' parent: how fast kernels were, so that the next build of a model tries fewer."""


def compiled(library: Library, spec: NetSpec, folder: Path, settings: Settings) -> bytes:
    """Return the compiled engine of a model. Raise EngineError."""
    trt = library.module
    builder = trt.Builder(library.log)
    network = builder.create_network(library.network_flags())
    _parse(library, network, _edited(library, spec, folder, settings), spec)
    config = builder.create_builder_config()
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, settings.workspace_mb << 20)
    profile = builder.create_optimization_profile()
    shapes = spec.profile
    profile.set_shape(INPUT, shapes.minimum, shapes.optimum, shapes.maximum)
    config.add_optimization_profile(profile)
    if not library.typed:
        config.set_tactic_sources(_sources(library, network, spec))
        _allow_half(trt, network, config, settings)
    if hasattr(trt, "IProgressMonitor"):
        config.progress_monitor = _monitor(trt, spec.name)
    timings = None if library.rtx else _with_timings(config, _timings_path(library, spec, folder))
    engine = builder.build_serialized_network(network, config)
    if engine is None:
        raise EngineError(
            f"TensorRT did not build {spec.name}: {library.errors()}",
            "set smaller engine.batch_lines, engine.line_width or engine.detection_side, or a larger "
            'engine.workspace_mb; or set engine.runtime = "onnxruntime" and engine.provider = "cuda"',
        )
    if timings is not None:
        _keep_timings(config, timings)
    return bytes(engine)


def _edited(library: Library, spec: NetSpec, folder: Path, settings: Settings) -> bytes:
    """Return the model as TensorRT gets it, as bytes of an ONNX file."""
    halve = None
    if library.typed and settings.precision == "f16":
        halve = _module("half").halved
    path = folder / f"{spec.name}.onnx"
    _module("graph").edit(spec, path, "uint8" if library.takes_bytes else "float32", halve=halve, lean=True)
    try:
        return path.read_bytes()
    finally:
        path.unlink()


def _module(name: str) -> ModuleType:
    """Import what edits models, and with it onnx: large, and of no use to a worker. Raise EngineError."""
    try:
        return import_module(f"ocrspool.engine.runtimes.onnxruntime.{name}")
    except ImportError as error:
        raise EngineError(f"building needs the package onnx: {error}", installation.find().add("onnx")) from error


def _parse(library: Library, network: Any, model: bytes, spec: NetSpec) -> None:  # noqa: ANN401  # INetworkDefinition
    parser = library.module.OnnxParser(network, library.log)
    if not parser.parse(model):
        told = "; ".join(str(parser.get_error(index).desc()) for index in range(parser.num_errors))
        raise EngineError(f"{spec.files[0]}: TensorRT cannot read it ({told})", "name another model")


def _sources(library: Library, network: Any, spec: NetSpec) -> int:  # noqa: ANN401  # INetworkDefinition
    """Return whose kernels an old version may use, as bits: only its own, as new ones do, and cuBLAS for products.

    That spares cuDNN, and cuBLAS for nets that multiply no matrices. Raise EngineError where cuBLAS is missing.
    """
    trt = library.module
    layers = (network.get_layer(index) for index in range(network.num_layers))
    if not library.needs_cublas or all(layer.type != trt.LayerType.MATRIX_MULTIPLY for layer in layers):
        return 0
    if not library.find_cublas():
        raise EngineError(
            f"TensorRT {library.version} needs cuBLAS for {spec.name}, and libcublas.so is not here",
            "install cuBLAS of the CUDA that TensorRT was built for: for 8.5 the package nvidia-cublas-cu11",
        )
    return 1 << int(trt.TacticSource.CUBLAS) | 1 << int(trt.TacticSource.CUBLAS_LT)


def _allow_half(trt: Any, network: Any, config: Any, settings: Settings) -> None:  # noqa: ANN401  # TensorRT's own
    """Allow f16 where it is asked for, and keep sums and squares in f32."""
    if settings.precision != "f16":
        return
    config.set_flag(trt.BuilderFlag.FP16)
    config.set_flag(trt.BuilderFlag.PREFER_PRECISION_CONSTRAINTS)
    products = {trt.LayerType.CONVOLUTION, trt.LayerType.DECONVOLUTION, trt.LayerType.MATRIX_MULTIPLY}
    for index in range(network.num_layers):
        layer = network.get_layer(index)
        if layer.type in products:
            layer.precision = trt.float16  # half as many kernels to try
        elif _sums(trt, layer) and layer.get_output(0).dtype == trt.float32:
            layer.precision = trt.float32
            layer.set_output_type(0, trt.float32)


def _sums(trt: Any, layer: Any) -> bool:  # noqa: ANN401  # TensorRT's own
    if layer.type == trt.LayerType.ELEMENTWISE:
        layer.__class__ = trt.IElementWiseLayer  # the parser gives layers of the base class
        return bool(layer.op == trt.ElementWiseOperation.POW)
    return bool(layer.type == trt.LayerType.REDUCE)


def _timings_path(library: Library, spec: NetSpec, folder: Path) -> Path:
    """Return where the timings of this model are kept: TensorRT itself looks whether they are of this GPU."""
    return folder.parents[2] / _TIMINGS / f"{spec.name}-{library.version}"


def _with_timings(config: Any, path: Path) -> Path:  # noqa: ANN401  # IBuilderConfig
    """Let the builder begin with what it knows of an earlier build."""
    known = b""
    with suppress(OSError):
        known = path.read_bytes()
    if not config.set_timing_cache(config.create_timing_cache(known), False):  # noqa: FBT003  # not for another GPU
        config.set_timing_cache(config.create_timing_cache(b""), False)  # noqa: FBT003
    return path


def _keep_timings(config: Any, path: Path) -> None:  # noqa: ANN401  # IBuilderConfig
    """Keep what the builder has measured. That it cannot be kept does no harm."""
    new = path.with_suffix(f"{path.suffix}.{os.getpid()}")
    try:
        path.parent.mkdir(exist_ok=True)
        new.write_bytes(bytes(config.get_timing_cache().serialize()))
        new.replace(path)
    except OSError as error:
        _log.warning("timings of the build cannot be kept in %s: %s", path, error)


def _monitor(trt: Any, name: str) -> Any:  # noqa: ANN401  # IProgressMonitor
    """Return what tells the log how far a build is."""

    class Monitor(trt.IProgressMonitor):  # type: ignore[misc]  # the package has no types
        """Tells of each phase; a build cannot be stopped by it."""

        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)

        def phase_start(self, phase: str, parent: str | None, steps: int) -> None:
            if parent is None:
                _log.info("%s: %s, %d steps", name, phase, steps)

        def phase_finish(self, phase: str) -> None:
            _log.debug("%s: %s is done", name, phase)

        def step_complete(self, _phase: str, _step: int) -> bool:
            return True

    return Monitor()
