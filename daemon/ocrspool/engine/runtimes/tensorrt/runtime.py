"""The runtime tensorrt: builds engines, and loads them. The package says what is in an engine's folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocrspool.engine.runtimes.gathered import JoiningNet
from ocrspool.engine.runtimes.tensorrt import compiler, kernels
from ocrspool.engine.runtimes.tensorrt.library import Library
from ocrspool.engine.runtimes.tensorrt.net import load_engine
from ocrspool.errors import EngineMissingError

if TYPE_CHECKING:
    from pathlib import Path

    from ocrspool.engine.spec import Net, NetSpec
    from ocrspool.engine_request import Settings


def build(spec: NetSpec, folder: Path, settings: Settings) -> None:
    """Make the engine of a model in `folder`, and run it at the ends of its shapes. Raise EngineError."""
    library = Library(settings.provider)
    compile_ahead(spec, folder, settings)
    if library.rtx:
        kernels.fill(library, spec, folder, settings)
    else:
        load_engine(library, spec, engine_path(spec, folder), settings).try_shapes()


def compile_ahead(spec: NetSpec, folder: Path, settings: Settings) -> None:
    """Compile the engine where it is not there yet, and run nothing: RTX needs no GPU for that. Raise EngineError."""
    path = engine_path(spec, folder)
    if not path.is_file():
        path.write_bytes(compiler.compiled(Library(settings.provider), spec, folder, settings))


def load(spec: NetSpec, folder: Path, settings: Settings) -> Net:
    """Load what `build` left in `folder`; nothing is ever built here. Raise EngineMissingError, EngineError."""
    path = engine_path(spec, folder)
    if not path.is_file():
        raise EngineMissingError(f"no engine of {spec.name} in {folder}", "run `ocrspool prebuild`")
    library = Library(settings.provider)
    if library.rtx:
        return kernels.load(library, spec, folder, settings)
    net = load_engine(library, spec, path, settings)
    return net if spec.role == "detection" else JoiningNet(net)  # a page is a call of its own


def engine_path(spec: NetSpec, folder: Path) -> Path:
    """Return the place of a model's engine."""
    return folder / f"{spec.name}.engine"
