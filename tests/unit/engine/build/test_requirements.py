"""Too little disk, memory or GPU memory is seen before a build begins. Files are real; GPUs are stand-ins."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from ocrspool.engine.build import requirements
from ocrspool.engine.cache.store import EngineCache
from ocrspool.engine.models.model_set import Models
from ocrspool.engine.plan import Plan
from ocrspool.engine.spec import NetSpec, Role, ShapeProfile
from ocrspool.engine_request import Settings
from ocrspool.errors import EngineError
from support.nvidia_stubs import FakeGpu, driver, needs_compiler, python

SHAPES = ShapeProfile((1, 1, 1, 3), (1, 1, 1, 3), (1, 1, 1, 3))
MIB = 1 << 20


def model(folder: Path, role: Role, size: int) -> NetSpec:
    """A model file of so many MiB that takes no room."""
    file = folder / f"{role}.onnx"
    file.touch()
    os.truncate(file, size * MIB)
    return NetSpec(role, role, (file,), (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), SHAPES)


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """A plan for 30 MiB of models on the CPU."""
    models = Models(
        model(tmp_path, "detection", 10), model(tmp_path, "recognition", 10), model(tmp_path, "classifier", 10)
    )
    (tmp_path / "cache/engines").mkdir(parents=True)
    return Plan("openvino", models, Settings(), {}, {}, EngineCache(tmp_path / "cache"))


def proc(folder: Path, available_mb: int | None) -> Path:
    """A /proc that tells so much of memory, and nothing else."""
    line = "" if available_mb is None else f"MemAvailable:   {available_mb * 1024} kB\n"
    (folder / "meminfo").write_text(f"MemTotal:       24683520 kB\n{line}Buffers:  0 kB\n", "ascii")
    return folder


def check(plan: Plan, available_mb: int | None = 4000, *, with_reference: bool = True) -> None:
    memory = proc(plan.cache.folder({}).parents[2], available_mb)
    requirements.check(plan, tuple(plan.models), with_reference=with_reference, proc=memory)


def test_enough(plan: Plan) -> None:
    """Of everything, on this machine; and by this machine's own figures."""
    check(plan)
    requirements.check(plan, tuple(plan.models), with_reference=True)


def test_too_little_disk(plan: Plan, tmp_path: Path) -> None:
    """Models of 8 TiB: the figures are told, and what to do."""
    huge = model(tmp_path, "recognition", 8 << 20)
    with pytest.raises(EngineError, match=r"needs about 251\d\d\d\d\d MB, \d+ MB are free") as caught:
        check(replace(plan, models=replace(plan.models, recognition=huge)), with_reference=False)
    assert str(tmp_path / "cache/engines") in caught.value.message
    assert "paths.cache" in caught.value.hint


def test_only_what_is_missing_needs_room(plan: Plan, tmp_path: Path) -> None:
    """A build that goes on after the largest model; but not if the reference needs that one, too."""
    huge = model(tmp_path, "recognition", 8 << 20)
    plan = replace(plan, models=replace(plan.models, recognition=huge))
    rest = [plan.models.classifier]
    requirements.check(plan, rest, with_reference=False)
    with pytest.raises(EngineError, match="too little room"):
        requirements.check(plan, rest, with_reference=True)


def test_too_little_memory(plan: Plan) -> None:
    with pytest.raises(EngineError, match="too little memory: the build needs about 496 MB, 495 MB are available"):
        check(plan, 495)
    check(plan, 496)
    check(plan, 376, with_reference=False)


def test_a_machine_that_does_not_tell(plan: Plan, tmp_path: Path) -> None:
    """An old kernel, or no /proc: nothing is refused for that."""
    check(plan, None)
    requirements.check(plan, tuple(plan.models), with_reference=False, proc=tmp_path / "none")


ON_GPU = """
from pathlib import Path
from ocrspool.engine.build import requirements
from ocrspool.engine.cache.store import EngineCache
from ocrspool.engine.models.model_set import Models
from ocrspool.engine.spec import NetSpec
from ocrspool.engine.plan import Plan
from ocrspool.engine_request import Settings
from ocrspool.errors import EngineError
spec = NetSpec("detection", "x", (), None, None, None)
Path({cache!r}, "engines").mkdir(parents=True, exist_ok=True)
settings = Settings("gpu:0", {provider!r}, workspace_mb=1024)
try:
    plan = Plan("onnxruntime", Models(spec, spec, spec), settings, {{}}, {{}}, EngineCache(Path({cache!r})))
    requirements.check(plan, [spec], with_reference=True)
    print("enough")
except EngineError as error:
    print(error.message)
"""


@needs_compiler
@pytest.mark.parametrize(
    ("provider", "free_mb", "said"),
    [
        ("tensorrt", 1536, "enough"),
        ("tensorrt", 1535, "gpu:0 (NVIDIA H200): the build needs about 1536 MB, 1535 of its 143771 MB are free"),
        ("cuda", 512, "enough"),
        ("cuda", 511, "gpu:0 (NVIDIA H200): the build needs about 512 MB, 511 of its 143771 MB are free"),
    ],
)
def test_too_little_gpu_memory(tmp_path: Path, provider: str, free_mb: int, said: str) -> None:
    """TensorRT needs its workspace, too."""
    driver(tmp_path, FakeGpu(free_mb=free_mb))
    code = ON_GPU.format(cache=str(tmp_path / "cache"), provider=provider)
    assert said in python(code, libraries=tmp_path)
