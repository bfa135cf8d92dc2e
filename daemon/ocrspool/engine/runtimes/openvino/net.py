"""Builds and loads engines of OpenVINO: a model is compiled into a folder once, and loaded from there each time.

This is the only module that knows how OpenVINO's cache works. An engine folder holds the edited model (`<name>.xml`,
`<name>.bin`), and the blob that OpenVINO names after a hash of that model and the settings.
"""

from __future__ import annotations

import queue
from typing import TYPE_CHECKING, Any

import numpy as np

from ocrspool.engine.runtimes.openvino.graph import edited
from ocrspool.engine.runtimes.openvino.library import openvino
from ocrspool.errors import EngineError, EngineMissingError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from ocrspool.engine.spec import NetSpec, Pixels, Shape, ShapeProfile
    from ocrspool.engine_request import Settings


_DETECTION_SHARE = 4
"""One of so many streams searches pages for lines, and never fewer than two of them, if there are two. The search is a
quarter of the work or less, and each stream holds 180 MB for a page of A4."""


def build(spec: NetSpec, folder: Path, settings: Settings) -> None:
    """Compile a model into `folder`, so that `load` finds it there with the same precision.

    The model is edited and saved first and compiled from the saved file: the cache's key is a hash of the model as
    read, and only a file gives the same one every time (editing in memory numbers its nodes differently).
    """
    core = openvino.Core()
    path = _model_path(spec, folder)
    openvino.save_model(edited(core, spec), path, compress_to_fp16=False)
    _compile(core, spec, folder, settings)


def load(spec: NetSpec, folder: Path, settings: Settings) -> OpenVinoNet:
    """Load what `build` left in `folder`. Raise EngineMissingError if it is not there or does not fit."""
    path = _model_path(spec, folder)
    if not path.is_file():
        raise EngineMissingError(f"no engine of {spec.name} in {folder}", "run `ocrspool prebuild`")
    before = _blobs(folder)
    try:
        compiled = _compile(openvino.Core(), spec, folder, settings)
    except RuntimeError as error:
        raise EngineMissingError(
            f"the engine of {spec.name} in {folder} is damaged: {error}", "run `ocrspool prebuild`"
        ) from error
    if not compiled.get_property("LOADED_FROM_CACHE"):
        # On a miss OpenVINO compiles and stores; unless that is undone, the next load would call it a hit.
        for path, _ in _blobs(folder) - before:
            path.unlink(missing_ok=True)
        raise EngineMissingError(
            f"the engine of {spec.name} in {folder} was made of another model or by another OpenVINO",
            "run `ocrspool prebuild`",
        )
    return OpenVinoNet(spec, compiled, settings)


class OpenVinoNet:
    """A compiled model with one inference request per stream, handed out to whoever calls."""

    def __init__(self, spec: NetSpec, compiled: openvino.CompiledModel, settings: Settings) -> None:
        self._profile = spec.profile
        self._name = spec.name
        self.batch = 1 if spec.role == "detection" else max(settings.batch_lines, 1)
        self._parallel = int(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))
        self._requests: queue.SimpleQueue[openvino.InferRequest] = queue.SimpleQueue()
        for _ in range(self._parallel):
            self._requests.put(compiled.create_infer_request())

    @property
    def parallel(self) -> int:
        """One call per stream."""
        return self._parallel

    @property
    def warm_up(self) -> tuple[Shape, ...]:
        """None: the CPU plugin takes any shape, and the largest alone would add half a second to each start."""
        return ()

    @property
    def profile(self) -> ShapeProfile:
        """As the model's NetSpec states."""
        return self._profile

    def __call__(self, batch: Pixels) -> tuple[NDArray[Any], ...]:
        """Run one batch; see Net."""
        # The request uses the memory of this array and does not keep it: the name does. OpenVINO takes writable memory
        # only, and a page that needs no scaling is still the decoder's sealed memory: that is copied.
        pixels = np.require(batch, requirements=("C", "W"))
        request = self._requests.get()
        try:
            request.set_input_tensor(openvino.Tensor(pixels, shared_memory=True))
            request.infer()
            # Copies: the request's own memory is overwritten by the next call.
            return tuple(np.array(output.data) for output in request.output_tensors)
        except RuntimeError as error:
            raise EngineError(
                f"{self._name} failed on shape {batch.shape}: {error}", "the worker is replaced"
            ) from error
        finally:
            self._requests.put(request)


def _model_path(spec: NetSpec, folder: Path) -> Path:
    return folder / f"{spec.name}.xml"


def _blobs(folder: Path) -> set[tuple[Path, int]]:
    """Return path and modification time of each blob."""
    return {(blob, blob.stat().st_mtime_ns) for blob in folder.glob("*.blob")}


def _compile(core: openvino.Core, spec: NetSpec, folder: Path, settings: Settings) -> openvino.CompiledModel:
    """Compile a saved model, or load its blob if `folder` holds the right one.

    Compiling by path would save 0.05 s per net, but then the cache's key holds the absolute path and the modification
    time, and an engine that was copied or restored from a backup would count as missing.
    """
    streams = settings.streams
    if spec.role == "detection":
        streams = min(streams, max(2, -(-streams // _DETECTION_SHARE)))
    return core.compile_model(
        core.read_model(_model_path(spec, folder)),
        "CPU",
        {
            "CACHE_DIR": str(folder),
            "INFERENCE_PRECISION_HINT": settings.precision,
            "NUM_STREAMS": streams,
            "INFERENCE_NUM_THREADS": settings.threads,
        },
    )
