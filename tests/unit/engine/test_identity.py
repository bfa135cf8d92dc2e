"""What the runtimes resolve settings to, and on what their engines depend. GPUs and TensorRT are stand-ins."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from ocrspool.engine import identity
from ocrspool.engine.runtimes.base import runtime_spec
from ocrspool.engine_request import Precision, Provider, Runtime, Settings
from ocrspool.errors import ConfigError, EngineError, NoGpuError
from ocrspool.machine import installation
from support.nvidia_stubs import FakeGpu, compiled, driver, needs_compiler, python, tensorrt

FACTS = """
import dataclasses, json
from ocrspool.engine import identity
from ocrspool.engine_request import Settings
from ocrspool.errors import OcrspoolError
try:
    settings = identity.resolved({runtime!r}, Settings(**{settings!r}))
    print(json.dumps(dataclasses.asdict(identity.facts({runtime!r}, settings))))
except OcrspoolError as error:
    print(json.dumps({{"error": type(error).__name__, "message": error.message, "hint": error.hint}}))
"""

PADDLE_2 = """\
# As in the GPU wheel of 2.6.2; the rest of the real file is functions.
full_version     = '2.6.2'
cuda_version     = '11.8'
cudnn_version    = '8.6.0'
commit           = '8ce0de584c570589117e403322f3d1a0de6554e5'
raise SystemExit('this must not be run')
"""


def facts(
    runtime: str,
    device: str = "cpu",
    provider: str = "auto",
    *,
    libraries: Path | None = None,
    packages: Path | None = None,
    **variables: str,
) -> Any:  # noqa: ANN401 - as JSON is
    """Facts found by a process of its own, with these libraries and packages before all others."""
    code = FACTS.format(runtime=runtime, settings={"device": device, "provider": provider})
    return json.loads(python(code, libraries=libraries, packages=packages, variables=variables))


@pytest.mark.parametrize(
    ("runtime", "asked", "expected"),
    [
        ("openvino", Settings(precision="f32"), ("cpu", "f32", 4, 3200)),
        ("openvino", Settings(precision="f32", batch_lines=1), ("cpu", "f32", 1, 3200)),
        ("onnxruntime", Settings(), ("cpu", "f32", 1, 3200)),
        ("onnxruntime", Settings(provider="tensorrt"), ("cpu", "f32", 1, 3200)),
        ("onnxruntime", Settings(batch_lines=4, line_width=960), ("cpu", "f32", 4, 960)),
        ("onnxruntime", Settings("gpu:0"), ("tensorrt", "f16", 32, 1600)),
        ("onnxruntime", Settings("gpu:1", precision="f32"), ("tensorrt", "f32", 32, 1600)),
        ("onnxruntime", Settings("gpu:0", "cuda"), ("cuda", "f32", 32, 1600)),
        ("onnxruntime", Settings("gpu:0", "cuda", "f16"), ("cuda", "f16", 32, 1600)),
        ("onnxruntime", Settings("gpu:0", batch_lines=8, line_width=2400), ("tensorrt", "f16", 8, 2400)),
        ("paddle", Settings(), ("cpu", "f32", 1, 3200)),
        ("paddle", Settings("gpu:0"), ("tensorrt", "f16", 16, 1600)),
        ("paddle", Settings("gpu:0", "cuda"), ("cuda", "f32", 16, 1600)),
        ("tensorrt", Settings("gpu:0", "tensorrt"), ("tensorrt", "f16", 32, 1600)),
        ("tensorrt", Settings("gpu:0", "rtx", "f32"), ("rtx", "f32", 32, 1600)),
    ],
)
def test_what_is_left_to_the_machine_is_decided(
    runtime: Runtime, asked: Settings, expected: tuple[Provider, Precision, int, int]
) -> None:
    found = identity.resolved(runtime, asked)
    assert (found.provider, found.precision, found.batch_lines, found.line_width) == expected
    assert found.threads > 0
    assert identity.resolved(runtime, found) == found or found.provider == "cpu", "resolved settings stay as they are"


@pytest.mark.parametrize(
    ("runtime", "device", "provider", "precision"),
    [
        ("onnxruntime", "cpu", "auto", "f16"),
        ("onnxruntime", "cpu", "auto", "bf16"),
        ("onnxruntime", "gpu:0", "auto", "bf16"),
        ("onnxruntime", "gpu:0", "cuda", "bf16"),
        ("paddle", "cpu", "auto", "f16"),
        ("paddle", "cpu", "auto", "bf16"),
        ("paddle", "gpu:0", "auto", "bf16"),
        ("paddle", "gpu:0", "cuda", "bf16"),
        ("paddle", "gpu:0", "cuda", "f16"),
        ("tensorrt", "gpu:0", "tensorrt", "bf16"),
        ("tensorrt", "gpu:0", "rtx", "bf16"),
    ],
)
def test_a_precision_that_cannot_be_had_is_refused(
    runtime: Runtime, device: str, provider: Provider, precision: Precision
) -> None:
    with pytest.raises(ConfigError) as caught:
        identity.resolved(runtime, Settings(device, provider, precision))
    assert "engine.precision" in caught.value.message
    assert precision in caught.value.message
    assert 'engine.precision = "auto"' in caught.value.hint


def test_openvino_is_for_the_cpu() -> None:
    with pytest.raises(ConfigError, match="gpu:0"):
        identity.resolved("openvino", Settings("gpu:0"))


@pytest.mark.parametrize(
    ("runtime", "asked", "told", "hint"),
    [
        ("tensorrt", Settings("cpu"), "does not run on the CPU", 'engine.runtime = "openvino"'),
        ("tensorrt", Settings("gpu:0", "cuda"), 'does not compute by "cuda"', '"tensorrt" or "rtx"'),
        ("onnxruntime", Settings("gpu:0", "rtx"), 'does not compute by "rtx"', '"cuda" or "tensorrt"'),
    ],
)
def test_a_provider_that_a_runtime_does_not_have_is_refused(
    runtime: Runtime, asked: Settings, told: str, hint: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        identity.resolved(runtime, asked)
    assert told in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime", "paddle"])
def test_facts_on_a_cpu(runtime: Runtime) -> None:
    """The versions are those of the packages installed here; the variable for GPUs has no say."""
    name = {"paddle": "paddlepaddle"}.get(runtime, runtime)
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        pytest.skip(f"{name} is not installed")
    found = facts(runtime, NVIDIA_TF32_OVERRIDE="0")
    assert found["hard"]["runtime"] == runtime
    assert found["hard"]["runtime_version"] == version
    assert found["hard"]["device"] == "cpu"
    assert found["hard"]["cpu"]
    assert "environment" not in found["hard"]
    assert found["soft"]["python"].startswith("3.")


def test_no_runtime_is_imported() -> None:
    """The facts of all runtimes cost no import of one, of numpy, or of pynvml while no GPU is asked for."""
    code = """
import sys
from ocrspool.engine import identity
from ocrspool.engine_request import Settings
from ocrspool.errors import EngineError
for runtime in ("openvino", "onnxruntime", "paddle"):
    try:
        identity.facts(runtime, identity.resolved(runtime, Settings()))
    except EngineError:
        pass
print(*sorted({"numpy", "openvino", "onnxruntime", "paddle", "pynvml"} & set(sys.modules)))
"""
    assert python(code).strip() == ""


def test_a_missing_package_is_named_with_the_way_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Python is made to look for packages in an empty folder, and to forget what another test has imported."""
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "paddle", raising=False)
    with pytest.raises(EngineError, match="needs the package paddlepaddle") as caught:
        identity.facts("paddle", identity.resolved("paddle", Settings()))
    assert caught.value.hint == installation.find().add("paddle")


def test_a_runtime_for_the_cpu_is_told_apart_from_a_missing_gpu(tmp_path: Path) -> None:
    """No GPU comes first: that is what engine.on_no_gpu is about."""
    found = facts("onnxruntime", libraries=tmp_path, device="gpu:0")
    if "made for the CPU" in found.get("message", ""):
        pytest.skip("this machine has an NVIDIA driver")
    assert found["error"] == NoGpuError.__name__


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A folder of libraries with a driver that knows two like GPUs, and a TensorRT 10."""
    driver(tmp_path / "lib", FakeGpu(), FakeGpu(uuid="GPU-2"))
    tensorrt(tmp_path / "lib", 101_303)
    return tmp_path / "lib"


def onnxruntime_gpu(folder: Path, *, tensorrt_name: str = "libnvinfer.so.10") -> Path:
    """A package like onnxruntime-gpu, as far as its facts go: a note of its build, two providers that need others."""
    capi = folder / "site/onnxruntime/capi"
    asked = ("libcudnn.so.9", "libcublas.so.13", tensorrt_name)
    needs = [compiled(folder / "needs" / name, "int unused;") for name in asked]
    capi.mkdir(parents=True)
    (capi.parent / "__init__.py").write_text("raise SystemExit('this must not be imported')", "utf-8")
    note = "package_name = 'onnxruntime-gpu'\n__version__ = '1.31.1'\ncuda_version = '13.0'\n"
    (capi / "build_and_package_info.py").write_text(note, "utf-8")
    link = (f"-L{folder}/needs", "-Wl,--no-as-needed")
    names = [f"-l:{path.name}" for path in needs]
    compiled(capi / "libonnxruntime_providers_cuda.so", "int a;", *link, *names[:2])
    compiled(capi / "libonnxruntime_providers_tensorrt.so", "int b;", *link, *names)
    return folder / "site"


@needs_compiler
def test_facts_on_a_gpu(tmp_path: Path, machine: Path) -> None:
    site = onnxruntime_gpu(tmp_path)
    cudnn = compiled(machine / "libcudnn.so.9.5.1", "int cudnn;")
    (machine / "libcudnn.so.9").symlink_to(cudnn.name)
    found = facts("onnxruntime", libraries=machine, packages=site, device="gpu:1")
    assert found["hard"] == {
        "runtime": "onnxruntime",
        "runtime_version": "1.31.1",
        "device": "gpu",
        "provider": "tensorrt",
        "precision": "f16",
        "runtime_cuda": "13.0",
        "gpu": "NVIDIA H200",
        "compute_capability": "9.0",
        "tensorrt": "10.13.3",
        "workspace_mb": "1024",
    }
    soft = found["soft"]
    assert (soft["driver"], soft["cuda_driver"], soft["gpu_uuid"]) == ("580.95.05", "13.0", "GPU-2")
    assert soft["gpu_memory_mb"] == "143771"
    assert soft["cudnn"] == f"9.5.1 {machine / 'libcudnn.so.9'}"
    assert "cublas" not in soft, "the stand-in for it is where nobody looks"


@needs_compiler
def test_which_of_several_like_gpus_is_no_hard_fact(tmp_path: Path, machine: Path) -> None:
    site = onnxruntime_gpu(tmp_path)
    first, second = (facts("onnxruntime", libraries=machine, packages=site, device=f"gpu:{n}") for n in (0, 1))
    assert first["hard"] == second["hard"]
    assert first["soft"]["gpu_uuid"] != second["soft"]["gpu_uuid"]


@needs_compiler
def test_by_cuda_no_tensorrt_is_asked_for(tmp_path: Path) -> None:
    driver(tmp_path / "lib", FakeGpu())
    site = onnxruntime_gpu(tmp_path)
    found = facts("onnxruntime", libraries=tmp_path / "lib", packages=site, device="gpu:0", provider="cuda")
    assert "tensorrt" not in found["hard"]
    assert "workspace_mb" not in found["hard"]
    assert found["hard"]["precision"] == "f32"


def test_engines_of_cuda_in_f16_differ_from_those_of_0_1_0() -> None:
    """Their classifier was in f16 too. Those in f32 are as they were."""
    spec = runtime_spec("onnxruntime")
    cuda = Settings("gpu:0", "cuda", "f32")
    assert [spec.edits_for(replace(cuda, precision=precision)) for precision in ("f32", "f16")] == [1, 2]
    assert spec.edits_for(replace(cuda, provider="tensorrt", precision="f16")) == 1


@needs_compiler
def test_the_tensorrt_that_the_runtime_asks_for_is_what_counts(tmp_path: Path, machine: Path) -> None:
    """The machine has version 10; the runtime was linked with 8."""
    site = onnxruntime_gpu(tmp_path, tensorrt_name="libnvinfer.so.8")
    found = facts("onnxruntime", libraries=machine, packages=site, device="gpu:0")
    assert found["error"] == EngineError.__name__
    assert "asks for libnvinfer.so.8" in found["message"]
    assert 'engine.provider = "cuda"' in found["hint"]


@needs_compiler
def test_variables_that_change_kernels_are_hard_facts(tmp_path: Path, machine: Path) -> None:
    """Paths, logs and the other runtime's variables are not: they change no number."""
    site = onnxruntime_gpu(tmp_path)
    found = facts(
        "onnxruntime",
        libraries=machine,
        packages=site,
        device="gpu:0",
        ORT_TENSORRT_MAX_PARTITION_ITERATIONS="10",
        ORT_TENSORRT_CACHE_PATH="/elsewhere",
        ORT_TENSORRT_DUMP_SUBGRAPHS="1",
        FLAGS_use_mkldnn="1",
        NVIDIA_TF32_OVERRIDE="0",
    )
    assert found["hard"]["environment"] == "NVIDIA_TF32_OVERRIDE=0 ORT_TENSORRT_MAX_PARTITION_ITERATIONS=10"


def test_variables_of_paddle_are_hard_facts_on_a_cpu(tmp_path: Path) -> None:
    site = paddle(tmp_path)
    more: dict[str, Any] = {
        "FLAGS_cudnn_deterministic": "1",
        "FLAGS_minloglevel": "2",
        "FLAGS_tensorrt_dir": "/x",
        "FLAGS_v": "3",
    }
    assert facts("paddle", packages=site, **more)["hard"]["environment"] == "FLAGS_cudnn_deterministic=1"


def paddle(folder: Path) -> Path:
    """A package like paddlepaddle-gpu, as far as its facts go."""
    version = folder / "site/paddle/version/__init__.py"
    version.parent.mkdir(parents=True)
    version.write_text(PADDLE_2, "utf-8")
    (version.parents[1] / "__init__.py").write_text("raise SystemExit('this must not be imported')", "utf-8")
    return folder / "site"


@needs_compiler
@pytest.mark.parametrize("by_flag", [False, True], ids=["found by the loader", "by FLAGS_tensorrt_dir"])
def test_paddle_opens_tensorrt_by_a_name_without_a_number(tmp_path: Path, *, by_flag: bool) -> None:
    site = paddle(tmp_path)
    driver(tmp_path / "lib", FakeGpu())
    tensorrt(tmp_path / "lib", 8601 if by_flag else 8503, name="libnvinfer.so")
    tensorrt(tmp_path / "flag", 8503, name="libnvinfer.so")
    flag: dict[str, Any] = {"FLAGS_tensorrt_dir": str(tmp_path / "flag")} if by_flag else {}
    found = facts("paddle", libraries=tmp_path / "lib", packages=site, device="gpu:0", **flag)
    assert found["hard"]["tensorrt"] == "8.5.3"
    assert found["hard"]["runtime_version"] == "2.6.2"
    assert found["hard"]["runtime_commit"] == "8ce0de584c57"
    assert found["hard"]["runtime_cuda"] == "11.8"


@needs_compiler
def test_a_runtime_for_the_cpu_is_refused_on_a_gpu(tmp_path: Path, machine: Path) -> None:
    site = paddle(tmp_path)
    version = site / "paddle/version/__init__.py"
    version.write_text(PADDLE_2.replace("'11.8'", "'False'").replace("'8.6.0'", "'False'"), "utf-8")
    found = facts("paddle", libraries=machine, packages=site, device="gpu:0")
    assert "made for the CPU" in found["message"]
    assert found["hint"] == installation.find().replace("paddlepaddle", "paddle-gpu")


def test_only_paddles_newer_models_on_tensorrt_are_bound_to_a_place(tmp_path: Path) -> None:
    on_gpu = identity.resolved("paddle", Settings("gpu:0"))
    new, old = [Path("inference.json")], [Path("inference.pdmodel")]
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    assert identity.bound_to_place("paddle", on_gpu, new, link) == {"path": str(tmp_path)}
    assert identity.bound_to_place("paddle", on_gpu, old, tmp_path) == {}
    assert identity.bound_to_place("paddle", replace(on_gpu, provider="cuda"), new, tmp_path) == {}
    assert identity.bound_to_place("onnxruntime", on_gpu, new, tmp_path) == {}
