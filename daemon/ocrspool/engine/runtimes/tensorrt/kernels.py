"""TensorRT for RTX: what it compiles on the GPU itself, kept beside the engine and proven to be complete.

An engine that was compiled ahead holds no machine code for one GPU. Kernels are compiled when a shape is first run, and
kept in a *runtime cache*, which can be saved. `fill` runs every shape that serving uses and saves it; `load` takes it,
runs them again, and refuses where that made a kernel that was not there. RTX itself checks the cache against its own
version, the GPU and the driver.

Not run yet: there was no GPU of a capability that RTX takes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ocrspool.engine.runtimes import fixed_shapes
from ocrspool.engine.runtimes.fixed_shapes import FixedShapesNet
from ocrspool.engine.runtimes.tensorrt.net import TensorRtNet, open_engine
from ocrspool.errors import EngineError, EngineMissingError

if TYPE_CHECKING:
    from pathlib import Path

    from ocrspool.engine.runtimes.tensorrt.library import Library
    from ocrspool.engine.spec import Net, NetSpec
    from ocrspool.engine_request import Settings

_HINT = "run `ocrspool prebuild`"


def fill(library: Library, spec: NetSpec, folder: Path, settings: Settings) -> None:
    """Compile the kernels of every shape that serving uses, and save them. Raise EngineError."""
    cache = _Cache(library, spec, folder, settings)
    _run_all(cache.net, spec)
    _path(spec, folder).write_bytes(cache.saved())


def load(library: Library, spec: NetSpec, folder: Path, settings: Settings) -> Net:
    """Return the net with its saved kernels. Raise EngineMissingError where one of them is missing."""
    path = _path(spec, folder)
    try:
        saved = path.read_bytes()
    except FileNotFoundError:
        raise EngineMissingError(f"no kernels of {spec.name} in {folder}: it was compiled ahead only", _HINT) from None
    cache = _Cache(library, spec, folder, settings, saved)
    _run_all(cache.net, spec)
    if len(cache.saved()) != len(saved):
        raise EngineMissingError(f"kernels of {spec.name} are missing in {path}: loading compiled some", _HINT)
    return FixedShapesNet(spec, dict.fromkeys(fixed_shapes.shapes(spec), cache.net))


class _Cache:
    """An engine with its runtime cache."""

    def __init__(
        self, library: Library, spec: NetSpec, folder: Path, settings: Settings, saved: bytes | None = None
    ) -> None:
        trt = library.module
        path = folder / f"{spec.name}.engine"
        opened = open_engine(library, path, path.read_bytes(), settings)
        self._config = opened.engine.create_runtime_config()
        self._cache = self._config.create_runtime_cache()
        if saved is not None and not self._cache.deserialize(saved):
            raise EngineMissingError(
                f"TensorRT for RTX {library.version} does not take the kernels of {spec.name} in {folder}: "
                f"{library.errors()}",
                _HINT,
            )
        if not self._config.set_runtime_cache(self._cache):
            raise EngineError(f"{spec.name}: the runtime cache is refused: {library.errors()}", "update tensorrt_rtx")
        self._config.dynamic_shapes_kernel_specialization_strategy = trt.DynamicShapesKernelSpecializationStrategy.EAGER
        self._config.cuda_graph_strategy = trt.CudaGraphStrategy.WHOLE_GRAPH_CAPTURE
        configured = replace(opened, config=self._config)
        self.net = TensorRtNet(spec, settings, lambda: configured, all_now=True)  # each lane's context has its kernels

    def saved(self) -> bytes:
        """Return all kernels there are."""
        return bytes(self._cache.serialize())


def _run_all(net: TensorRtNet, spec: NetSpec) -> None:
    """Run every shape once in every lane: each has a context of its own."""
    for shape in fixed_shapes.shapes(spec):
        for _ in range(net.parallel):
            net(np.zeros(shape, np.uint8))


def _path(spec: NetSpec, folder: Path) -> Path:
    return folder / f"{spec.name}.kernels"
