"""What the doctor says of machines that we do not have: facts are made up, rules and checks are real."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ocrspool.config.schema import Config, Inbox
from ocrspool.config.sections import Engine, Paths
from ocrspool.doctor import config_checks, machine_checks, problem_check
from ocrspool.doctor.conditions import OPENMP
from ocrspool.doctor.findings import Finding
from ocrspool.doctor.inventory import Inventory, look
from ocrspool.doctor.known_problems import RULES
from ocrspool.engine.runtimes.installed_packages import Package
from ocrspool.errors import ConfigError, NoGpuError
from ocrspool.machine import installation
from ocrspool.machine.gpu import Gpu
from support.forked_code import as_nobody

H200 = Gpu(0, "NVIDIA H200", "GPU-1", "9.0", 143_771, 143_000, "580.95.05", "13.0", persistent=True)
A10 = replace(H200, name="NVIDIA A10", capability="8.6")
V100 = replace(H200, name="Tesla V100", capability="7.0")
OLD_DRIVER = replace(A10, driver="535.1", cuda_driver="12.2")

ORT = Package(
    "onnxruntime-gpu",
    "1.31.1",
    Path("/site/onnxruntime"),
    cuda="13.0",
    cuda_libraries=("libcudart.so.13", "libcudnn.so.9"),
    nvinfer="libnvinfer.so.10",
)
ORT_CPU = Package("onnxruntime", "1.32.0", Path("/site/onnxruntime"))
PADDLE_2 = Package(
    "paddlepaddle-gpu",
    "2.6.2",
    Path("/site/paddle"),
    cuda="11.8",
    cudnn="8.6.0",
    cuda_libraries=("libcublas.so", "libcudnn.so"),
    nvinfer="libnvinfer.so",
)
PADDLE_3 = replace(PADDLE_2, version="3.2.0", capabilities=("7.0", "7.5", "8.0", "8.6", "9.0"))
RTX = Package("tensorrt-rtx-cu12", "1.7.1.116", Path("/site/tensorrt_rtx"), cuda="12")
PADDLE_CPU = Package("paddlepaddle", "3.3.1", Path("/site/paddle"))
PADDLE_3_2 = replace(PADDLE_CPU, version="3.2.2")

FOUND: dict[str, Path | None] = {
    name: Path("/lib") / name
    for name in ("libcudart.so.13", "libcudnn.so.9", "libnvinfer.so.10", "libnvinfer.so", "libcublas.so", "libcudnn.so")
}


def configured(runtime: Any, *devices: str, **more: Any) -> Config:  # noqa: ANN401 - as the configuration checks
    return Config(engine=Engine(runtime=runtime, devices=devices or ("gpu:0",), **more))


def seen(config: Config | None, package: Package, *gpus: Gpu, **more: Any) -> Inventory:  # noqa: ANN401 - as Seen states
    runtime = next((name for name in ("paddle", "tensorrt") if name in package.name), "onnxruntime")
    facts = {"packages": {runtime: package}, "libraries": FOUND, "gpus": gpus, **more}
    return Inventory(config, **facts)


def levels(facts: Inventory) -> dict[str, str]:
    return {finding.name: finding.level for finding in problem_check.check(facts)}


ONNX = configured("onnxruntime")
PADDLE = configured("paddle")
PADDLE_CUDA = configured("paddle", provider="cuda")
PADDLE_ON_CPU = configured("paddle", "cpu")
WITHOUT_CUDNN = {**FOUND, "libcudnn.so.9": None}
WITHOUT_TENSORRT = {**FOUND, "libnvinfer.so": None, "libnvinfer.so.10": None}
TENSORRT_10 = {**FOUND, "libnvinfer.so": Path("/lib/libnvinfer.so.10.7.0")}
TENSORRT_8 = {**FOUND, "libnvinfer.so": Path("/lib/libnvinfer.so.8.6.1")}
BOTH = {"onnxruntime": "1.32.0", "onnxruntime-gpu": "1.31.1"}

BAD: list[tuple[str, str, Inventory]] = [
    ("two onnxruntimes", "problem", seen(ONNX, ORT, H200, noted=BOTH)),
    ("old ONNX format", "note", seen(configured("onnxruntime", "cpu"), replace(ORT_CPU, version="1.16.3"))),
    ("runtime made for the CPU", "problem", seen(ONNX, ORT_CPU, H200)),
    ("runtime made for the CPU", "problem", seen(PADDLE, PADDLE_CPU, H200)),
    ("TensorRT for RTX on another GPU", "problem", seen(configured("tensorrt"), RTX, H200)),
    ("CUDA newer than the driver", "problem", seen(ONNX, ORT, OLD_DRIVER)),
    ("GPU too old for CUDA 13", "problem", seen(ONNX, ORT, V100)),
    ("CUDA libraries missing", "problem", seen(ONNX, ORT, H200, libraries=WITHOUT_CUDNN)),
    ("TensorRT missing for onnxruntime", "problem", seen(ONNX, ORT, H200, libraries=WITHOUT_TENSORRT)),
    ("TensorRT missing for paddle", "problem", seen(PADDLE, PADDLE_2, A10, libraries=WITHOUT_TENSORRT)),
    ("paddle without kernels for this GPU", "problem", seen(PADDLE_CUDA, PADDLE_2, H200)),
    (
        "paddle without kernels for this GPU",
        "problem",
        seen(PADDLE_CUDA, replace(PADDLE_3, capabilities=("8.0",)), V100),
    ),
    ("paddle 3 and TensorRT on CUDA 12 or newer", "problem", seen(PADDLE, replace(PADDLE_3, cuda="12.6"), H200)),
    ("paddle 3 and TensorRT 10", "problem", seen(PADDLE, PADDLE_3, H200, libraries=TENSORRT_10)),
    ("paddle 3.3 and oneDNN", "note", seen(PADDLE_ON_CPU, PADDLE_CPU)),
    ("paddle 2 and numpy 2", "problem", seen(PADDLE, PADDLE_2, A10, noted={"numpy": "2.4.6"})),
    ("paddle without OpenMP", "problem", seen(PADDLE_ON_CPU, PADDLE_3_2, libraries={OPENMP: None})),
    ("order of the GPUs", "note", seen(ONNX, ORT, H200, A10)),
]


@pytest.mark.parametrize(("name", "level", "facts"), BAD, ids=lambda value: value if isinstance(value, str) else "")
def test_a_bad_combination_is_named(name: str, level: str, facts: Inventory, monkeypatch: pytest.MonkeyPatch) -> None:
    """It, and nothing else, is found; with what was found and what to do."""
    monkeypatch.setenv("CUDA_DEVICE_ORDER", "FASTEST_FIRST")
    assert levels(facts) == {name: level}
    (finding,) = problem_check.check(facts)
    assert finding.found
    assert finding.advice


def test_every_rule_is_tried() -> None:
    assert {rule.name for rule in RULES} == {name for name, _, _ in BAD}


@pytest.mark.parametrize(
    "facts",
    [
        Inventory(Config()),
        Inventory(None),
        seen(ONNX, ORT, H200),
        seen(ONNX, replace(ORT, cuda="12.8"), OLD_DRIVER),  # an older minor version of the same major one
        seen(ONNX, replace(ORT, cuda="12.4"), V100),
        seen(configured("onnxruntime", provider="cuda"), replace(ORT, nvinfer=""), H200),
        seen(PADDLE, PADDLE_2, A10, noted={"numpy": "1.26.4"}, libraries=TENSORRT_8),
        seen(PADDLE, PADDLE_3, H200, libraries=TENSORRT_8, noted={"numpy": "2.4.6"}),
        seen(PADDLE_CUDA, PADDLE_3, replace(A10, capability="8.9")),  # kernels for 8.6 run on it
        seen(PADDLE_ON_CPU, PADDLE_3_2),
        seen(PADDLE_ON_CPU, PADDLE_3_2, libraries={OPENMP: Path("/lib/libgomp.so.1")}),
        seen(ONNX, ORT, H200, replace(H200, number=1)),
        seen(Config(), PADDLE_CPU),  # a note about what nothing uses is left out
    ],
)
def test_what_works_is_left_alone(facts: Inventory) -> None:
    assert levels(facts) == {"known bad combinations": "ok"}


@pytest.mark.parametrize(
    ("config", "package", "libraries", "name"),
    [
        (Config(), ORT, WITHOUT_TENSORRT, "TensorRT missing for onnxruntime"),
        (None, ORT, WITHOUT_CUDNN, "CUDA libraries missing"),
        (configured("onnxruntime", provider="cuda"), ORT, WITHOUT_TENSORRT, "TensorRT missing for onnxruntime"),
        (PADDLE, PADDLE_2, FOUND, "paddle without kernels for this GPU"),  # TensorRT's own kernels are right
    ],
)
def test_what_is_not_configured_is_only_a_note(
    config: Config | None, package: Package, libraries: dict[str, Path | None], name: str
) -> None:
    assert levels(seen(config, package, H200, libraries=libraries)) == {name: "note"}


def test_a_cpu_in_place_of_a_gpu_counts_as_used() -> None:
    """The rule about CPUs applies where the configuration lets one stand in and the GPU is not there."""
    config = configured("paddle", on_no_gpu="cpu")
    assert "paddle 3.3 and oneDNN" in levels(seen(config, PADDLE_CPU))
    assert "paddle 3.3 and oneDNN" not in levels(seen(config, replace(PADDLE_3, version="3.3.1"), H200))


@pytest.fixture
def dev(open_folder: Path) -> Path:
    """A folder like /dev with the nodes of one GPU."""
    for name in ("nvidiactl", "nvidia-uvm", "nvidia0"):
        (open_folder / name).touch()
        (open_folder / name).chmod(0o666)
    return open_folder


def gpu_findings(facts: Inventory, dev: Path) -> dict[str, Finding]:
    return {finding.name: finding for finding in machine_checks.gpus(facts, dev, dev / "no-driver")}


def test_a_gpu_is_told_with_its_memory(dev: Path) -> None:
    found = gpu_findings(Inventory(ONNX, (H200,)), dev)
    assert found["driver"].found == "580.95.05, supports CUDA 13.0"
    assert found["gpu:0"].found == "NVIDIA H200, compute capability 9.0, 143000 of 143771 MB free"
    assert {finding.level for finding in found.values()} == {"ok"}


@pytest.mark.parametrize(
    ("gpu", "word"), [(replace(H200, free_mb=100), "nvidia-smi"), (replace(H200, persistent=False), "persistenced")]
)
def test_a_gpu_that_could_do_better_is_noted(dev: Path, gpu: Gpu, word: str) -> None:
    finding = gpu_findings(Inventory(ONNX, (gpu,)), dev)["gpu:0"]
    assert finding.level == "note"
    assert word in finding.advice


@pytest.mark.parametrize(
    ("config", "level"),
    [(ONNX, "problem"), (configured("onnxruntime", on_no_gpu="cpu"), "note"), (Config(), "ok"), (None, "ok")],
)
def test_a_missing_gpu_is_a_problem_where_one_is_wanted(dev: Path, config: Config | None, level: str) -> None:
    facts = Inventory(config, no_gpu=NoGpuError("the NVIDIA driver does not answer: made up", "install it"))
    found = gpu_findings(facts, dev)
    assert found["driver"].level == level
    assert ("made up" in found["driver"].found) == (level != "ok")


def test_a_number_that_no_gpu_has(dev: Path) -> None:
    found = gpu_findings(Inventory(configured("onnxruntime", "gpu:0", "gpu:2"), (H200,)), dev)
    assert found["gpu:2"].level == "problem"
    assert found["gpu:2"].found == "gpu:2 is configured; there are 1"


@pytest.mark.parametrize("missing", ["nvidiactl", "nvidia-uvm", "nvidia0"])
def test_a_missing_node_is_named(dev: Path, missing: str) -> None:
    (dev / missing).unlink()
    finding = gpu_findings(Inventory(ONNX, (H200,)), dev)["device nodes"]
    assert (finding.level, finding.found) == ("problem", f"/dev/{missing} is missing")


def test_a_node_that_this_user_may_not_open_is_named(dev: Path) -> None:
    """Looked at by a user without rights, in a process of its own."""
    (dev / "nvidia-uvm").chmod(0o600)

    def found() -> list[str]:
        finding = gpu_findings(Inventory(ONNX, (H200,)), dev)["device nodes"]
        return [finding.level, finding.found]

    level, text = as_nobody(found)
    assert level == "problem"
    assert text.endswith("may not read and write /dev/nvidia-uvm")


def test_units_that_hide_the_gpu(tmp_path: Path) -> None:
    """The project's own unit does, until its drop-in for NVIDIA is there."""
    shipped = Path(__file__).parents[3] / "systemd"
    lib, etc = tmp_path / "lib", tmp_path / "etc"
    (lib / "system").mkdir(parents=True)
    for unit in ("ocrspool.service", "ocrspool-prebuild.service"):
        (lib / "system" / unit).write_text((shipped / unit).read_text("utf-8"), "utf-8")
    hidden = [finding.found for finding in machine_checks.hidden_devices(Inventory(ONNX, (H200,)), (lib, etc))]
    assert [text.partition(" ")[0] for text in hidden] == ["ocrspool.service", "ocrspool-prebuild.service"]
    for unit in ("ocrspool.service", "ocrspool-prebuild.service"):
        drop_in = etc / "system" / f"{unit}.d/nvidia.conf"
        drop_in.parent.mkdir(parents=True)
        drop_in.write_text((shipped / "nvidia.conf").read_text("utf-8"), "utf-8")
    assert list(machine_checks.hidden_devices(Inventory(ONNX, (H200,)), (lib, etc))) == []
    assert list(machine_checks.hidden_devices(Inventory(Config()), (lib,))) == []


def test_a_missing_runtime_matters_where_it_is_configured() -> None:
    found = {finding.name: finding for finding in machine_checks.runtimes(Inventory(PADDLE))}
    assert found["paddle"].level == "problem"
    assert found["paddle"].advice == f"{installation.find().add('paddle')}; for a GPU paddle-gpu in its place"
    assert found["onnxruntime"].level == "ok"


def test_a_runtime_is_told_with_what_it_was_made_for() -> None:
    facts = seen(PADDLE, PADDLE_3, libraries={"libnvinfer.so": Path("/opt/trt/libnvinfer.so.8.6.1"), "libx.so": None})
    found = {finding.name: finding.found for finding in machine_checks.runtimes(facts)}
    assert found["paddle"] == "paddlepaddle-gpu 3.2.0, for CUDA 11.8, cuDNN 8.6.0, kernels for 7.0 7.5 8.0 8.6 9.0"
    assert found["libnvinfer.so"] == "8.6.1 /opt/trt/libnvinfer.so.8.6.1"
    assert "libx.so" not in found


def test_this_machine_can_be_looked_at() -> None:
    """Whatever it has: the openvino that the project needs is there, and every finding is complete."""
    facts = look(Config())
    assert facts.packages["openvino"].version
    for finding in (
        *machine_checks.program(),
        *machine_checks.cpu(),
        *machine_checks.gpus(facts),
        *machine_checks.runtimes(facts),
    ):
        assert finding.name
        assert finding.found
        assert finding.level != "problem"


def test_every_problem_of_a_configuration_is_a_finding(tmp_path: Path) -> None:
    error = ConfigError(["a: wrong", "b: wrong"])
    found = list(config_checks.configuration(tmp_path / "gone.toml", None, error))
    assert [finding.found for finding in found] == ["a: wrong", "b: wrong"]
    assert "write it" in found[0].advice


def in_folder(root: Path, **engine: Any) -> Config:  # noqa: ANN401 - as the configuration checks
    return Config(
        paths=Paths(cache=root / "cache", runtime=root / "run"),
        engine=Engine(**engine),
        inbox={"default": Inbox(root=root / "spool")},
    )


def test_folders_that_cannot_be_used_are_a_problem(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("a file", "utf-8")
    found = list(config_checks.permissions(in_folder(tmp_path), tmp_path / "ocrspool.toml"))
    assert found[0].level == "problem"
    assert "paths.runtime" in found[0].found


@pytest.mark.parametrize(("on_missing", "level"), [("fail", "problem"), ("build", "note")])
def test_a_missing_engine_is_a_problem_unless_it_will_be_built(tmp_path: Path, on_missing: str, level: str) -> None:
    found = {finding.name: finding for finding in config_checks.engines(in_folder(tmp_path, on_missing=on_missing))}
    assert found["engine for cpu"].level == level
    assert "ocrspool prebuild" in found["engine for cpu"].advice
    assert found["models"].level == "ok"
    assert "no engine" in found["cache"].found
    assert not (tmp_path / "cache").exists(), "looking makes no folder"


def test_models_that_are_not_there_are_a_problem(tmp_path: Path) -> None:
    found = {
        finding.name: finding for finding in config_checks.engines(in_folder(tmp_path, models=str(tmp_path / "gone")))
    }
    assert found["models"].level == found["engine for cpu"].level == "problem"


def test_leftovers_are_told_with_the_way_to_be_rid_of_them(tmp_path: Path) -> None:
    left = tmp_path / "cache/engines/0123456789abcdef/PP-OCRv6_small_det"
    left.mkdir(parents=True)
    (left / "half.bin").write_bytes(bytes(1_500_000))
    found = {finding.name: finding for finding in config_checks.engines(in_folder(tmp_path))}
    assert found["leftovers"].found == "0123456789abcdef: 1.5 MB of no use"
    assert found["leftovers"].advice == "ocrspool engines gc"
    assert found["cache"].found.endswith("1.5 MB (1 leftover)")


def _nothing() -> list[Finding]:
    raise PermissionError(13, "made up", "/somewhere")


def test_a_check_that_fails_is_a_finding_and_stops_no_other() -> None:
    from ocrspool.doctor.run import _made  # noqa: PLC0415 - the one thing of it that is tested alone

    failing: Callable[[], list[Finding]] = _nothing
    (finding,) = _made("engines", failing)
    assert finding.level == "problem"
    assert "/somewhere" in finding.found
