"""TensorRT spoken to directly, by its own Python API: `tensorrt` 8.5, 10 and 11, and `tensorrt_rtx`.

| provider   | package      | compiled                                    | runs on                                     |
|------------|--------------|---------------------------------------------|---------------------------------------------|
| tensorrt   | tensorrt     | on the GPU that it is for, minutes a net     | that GPU model, by that TensorRT version    |
| rtx        | tensorrt_rtx | on any processor, in seconds, without a GPU | capability 8.0, 8.6, 8.9, 12.0 and newer    |

An engine folder holds `<name>.engine`, and for RTX `<name>.kernels` beside it: the runtime cache, which has the kernels
that RTX compiled when the engine first ran on this GPU. library.py is the one place that imports TensorRT, build.py
makes an engine, net.py runs one.

Run on an H100 with TensorRT 8.5.3. Compiled with TensorRT for RTX 1.7 and never run. Written after the documentation
of 10 and 11 and never run with them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocrspool.engine.runtimes.tensorrt import compiler, kernels
from ocrspool.engine.runtimes.tensorrt.library import Library
from ocrspool.engine.runtimes.tensorrt.net import TensorRtNet, load_engine
from ocrspool.errors import EngineMissingError

if TYPE_CHECKING:
    from pathlib import Path

    from ocrspool.engine.settings import Settings
    from ocrspool.engine.spec import NetSpec


def build(spec: NetSpec, folder: Path, settings: Settings) -> None:
    """Make the engine of a model in `folder`, and run it at the ends of its shapes. Raise EngineError."""
    library = Library(settings.provider)
    compile_ahead(spec, folder, settings)
    if library.rtx:
        kernels.fill(library, spec, folder, settings)
    else:
        net = load(spec, folder, settings)
        net.try_shapes()


def compile_ahead(spec: NetSpec, folder: Path, settings: Settings) -> None:
    """Compile the engine where it is not there yet, and run nothing: RTX needs no GPU for that. Raise EngineError."""
    path = engine_path(spec, folder)
    if not path.is_file():
        path.write_bytes(compiler.compiled(Library(settings.provider), spec, folder, settings))


def load(spec: NetSpec, folder: Path, settings: Settings) -> TensorRtNet:
    """Load what `build` left in `folder`; nothing is ever built here. Raise EngineMissingError, EngineError."""
    path = engine_path(spec, folder)
    if not path.is_file():
        raise EngineMissingError(f"no engine of {spec.name} in {folder}", "run `ocrspool prebuild`")
    library = Library(settings.provider)
    if library.rtx:
        return kernels.load(library, spec, folder, settings)
    return load_engine(library, spec, path, settings)


def engine_path(spec: NetSpec, folder: Path) -> Path:
    """Return the place of a model's engine."""
    return folder / f"{spec.name}.engine"
