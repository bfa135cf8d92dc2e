"""How ONNX Runtime is made to build a TensorRT engine once, and how its files are judged. Imports no runtime.

An engine folder holds the edited model, the engine, and from ONNX Runtime 1.20 on a context model, which stands for the
engine. session.py makes the sessions.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ocrspool.engine.runtimes.onnxruntime import execution_providers
from ocrspool.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocrspool.engine.runtimes.onnxruntime.graph import PixelType
    from ocrspool.engine.spec import Net, NetSpec

_log = logging.getLogger(__name__)

HINT = "`ocrspool doctor` tells what is missing"


class SessionError(Exception):
    """A session could not be made, and the device is not the reason."""


class Editor(Protocol):
    """Edits models (graph.py, which imports onnx)."""

    def edit(self, spec: NetSpec, target: Path, pixels: PixelType) -> None:
        """Write the edited model, whose input has pixels of this type."""

    def holds_whole(self, context: Path, model: Path) -> bool:
        """Tell whether the context model stands for the whole model."""


def model_path(spec: NetSpec, folder: Path) -> Path:
    """Return the place of the edited model."""
    return folder / f"{spec.name}.onnx"


def engines(folder: Path) -> list[Path]:
    """Return TensorRT's engine files, without empty ones."""
    return [path for path in folder.glob("*.engine") if path.stat().st_size]


def build(spec: NetSpec, folder: Path, editor: Editor, create: Callable[[], Net], *, modern: bool) -> None:
    """Build the engine, uint8 in where TensorRT takes that, and run the ends and the middle of its profile.

    `create` makes a session of the edited model, which builds; it raises SessionError. `modern` is what
    `execution_providers.modern` says.

    TensorRT knows uint8 as the type of an input since 8.5, ONNX Runtime passes it on since it comes with TensorRT 10.
    Where the cast is not taken, ONNX Runtime gives it to CUDA, and the profile names no input of TensorRT's part. Then
    nothing is built when the session is created. In that case pixels travel as floats, four times the bytes.
    """
    net, reason = None, ""
    kinds: tuple[PixelType, ...] = ("uint8", "float32") if modern else ("float32",)
    for kind in kinds:
        editor.edit(spec, model_path(spec, folder), kind)
        try:
            net, reason = create(), ""
        except SessionError as error:
            net, reason = None, str(error)
        if engines(folder):
            break
        _log.info("%s: no TensorRT engine that takes %s. %s", spec.name, kind, reason)
    if net is None or not engines(folder):
        raise EngineError(f"TensorRT did not build {spec.name}: {reason or 'it took no part of it'}", HINT)
    for shape in (spec.profile.minimum, spec.profile.optimum, spec.profile.maximum):
        net(np.zeros(shape, np.uint8))
    _verify(spec, folder, editor, modern=modern)


def _verify(spec: NetSpec, folder: Path, editor: Editor, *, modern: bool) -> None:
    """Raise EngineError unless there is one engine, and it stands for the whole model."""
    context = execution_providers.context_path(spec, folder)
    whole = not modern or (context.is_file() and editor.holds_whole(context, model_path(spec, folder)))
    if len(engines(folder)) != 1 or not whole:
        names = ", ".join(path.name for path in sorted(folder.iterdir()))
        raise EngineError(
            f"TensorRT did not take the whole of {spec.name} into one engine; it left {names}",
            'set engine.provider = "cuda", or use other models',
        )
