"""How a TensorRT engine is built by ONNX Runtime, with sessions that do as they are told: no library, no GPU."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ocrspool.engine.runtimes.onnxruntime import tensorrt_engine
from ocrspool.engine.runtimes.onnxruntime.tensorrt_engine import SessionError
from ocrspool.engine.spec import NetSpec, Shape, ShapeProfile
from ocrspool.errors import EngineError

PROFILE = ShapeProfile((1, 32, 32, 3), (1, 64, 64, 3), (1, 96, 96, 3))
SPEC = NetSpec("detection", "det", (Path("det.onnx"),), (0, 0, 0), (1, 1, 1), PROFILE)


class Runtime:
    """Edits a model, and makes sessions of it: a net, and what TensorRT leaves in the folder."""

    parallel, batch, profile, warm_up = 1, 1, PROFILE, ()

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.edited: list[str] = []
        self.run: list[Shape] = []
        self.leaves: dict[str, list[str]] = {"uint8": ["det.engine", "det_ctx.onnx"], "float32": ["det.engine"]}
        """The files that a session leaves, by the type of the pixels."""
        self.refuses: dict[str, str] = {}
        """Why there is no session, by the type of the pixels."""
        self.whole = True

    def edit(self, spec: NetSpec, path: Path, pixels: Any = "uint8") -> None:  # noqa: ANN401
        assert spec is SPEC
        self.edited.append(pixels)
        path.write_bytes(b"model")

    def holds_whole(self, context: Path, edited: Path) -> bool:
        assert context.is_file()
        assert edited.is_file()
        return self.whole

    def create(self) -> Runtime:
        pixels = self.edited[-1]
        for name in self.leaves.get(pixels, []):
            (self.folder / name).write_bytes(b"engine")
        if pixels in self.refuses:
            raise SessionError(self.refuses[pixels])
        return self

    def __call__(self, batch: Any) -> tuple[Any, ...]:  # noqa: ANN401
        assert batch.dtype == np.uint8
        self.run.append(batch.shape)
        return ()


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    """A runtime that builds into an empty folder."""
    return Runtime(tmp_path)


@pytest.fixture
def build(runtime: Runtime) -> Callable[..., None]:
    """Build with it."""

    def run(*, modern: bool = True) -> None:
        tensorrt_engine.build(SPEC, runtime.folder, runtime, runtime.create, modern=modern)

    return run


def test_an_engine_that_takes_bytes_is_built_at_once(runtime: Runtime, build: Callable[..., None]) -> None:
    """It has run in the smallest, the usual and the largest shape."""
    build()
    assert runtime.edited == ["uint8"]
    assert runtime.run == [PROFILE.minimum, PROFILE.optimum, PROFILE.maximum]


@pytest.mark.parametrize("refused", [True, False])
def test_where_bytes_are_not_taken_pixels_are_floats(
    runtime: Runtime, build: Callable[..., None], *, refused: bool
) -> None:
    """Whether ONNX Runtime says so, or builds nothing in silence."""
    runtime.leaves = {"uint8": [], "float32": ["det.engine", "det_ctx.onnx"]}
    runtime.refuses = {"uint8": "no cast"} if refused else {}
    build()
    assert runtime.edited == ["uint8", "float32"]
    assert len(runtime.run) == 3


def test_an_older_runtime_is_given_floats_and_no_context_model(runtime: Runtime, build: Callable[..., None]) -> None:
    runtime.whole = False  # nobody asks
    build(modern=False)
    assert runtime.edited == ["float32"]


def test_the_reason_of_the_last_attempt_is_told(runtime: Runtime, build: Callable[..., None]) -> None:
    runtime.leaves = {}
    runtime.refuses = {"uint8": "no cast", "float32": "out of workspace"}
    with pytest.raises(EngineError, match="did not build det: out of workspace"):
        build()
    assert runtime.run == []


def test_a_runtime_that_builds_nothing_is_an_error(runtime: Runtime, build: Callable[..., None]) -> None:
    runtime.leaves = {}
    with pytest.raises(EngineError, match="it took no part of it"):
        build()


def test_an_engine_whose_session_failed_is_of_no_use(runtime: Runtime, build: Callable[..., None]) -> None:
    """The file is there, and what made it has failed: the next attempt would find the file."""
    runtime.refuses = {"uint8": "crashed late"}
    with pytest.raises(EngineError, match="crashed late"):
        build()
    assert runtime.edited == ["uint8"]


def test_an_empty_file_is_no_engine(tmp_path: Path) -> None:
    (tmp_path / "det.engine").touch()
    assert tensorrt_engine.engines(tmp_path) == []
    (tmp_path / "det.engine").write_bytes(b"engine")
    assert tensorrt_engine.engines(tmp_path) == [tmp_path / "det.engine"]


@pytest.mark.parametrize(
    ("leaves", "whole"),
    [
        (["a.engine", "b.engine", "det_ctx.onnx"], True),
        (["det.engine"], True),
        (["det.engine", "det_ctx.onnx"], False),
    ],
    ids=["two engines", "no context model", "a part of the model is outside"],
)
def test_an_engine_of_a_part_of_the_model_is_refused(
    runtime: Runtime, build: Callable[..., None], leaves: list[str], *, whole: bool
) -> None:
    """The rest of it would be computed by other kernels, in silence."""
    runtime.leaves, runtime.whole = {"uint8": leaves}, whole
    with pytest.raises(EngineError, match="did not take the whole of det into one engine; it left ") as caught:
        build()
    assert all(name in caught.value.message for name in leaves)
    assert 'engine.provider = "cuda"' in caught.value.hint
