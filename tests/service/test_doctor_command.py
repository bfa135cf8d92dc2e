"""`ocrspool doctor` as people and scripts use it, on this machine and with stand-ins for what it does not have."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ocrspool.formatting import counted
from support.daemon_process import COMMAND, ocrspool
from support.nvidia_stubs import FakeGpu, compiled, driver, needs_compiler, tensorrt

_INBOX = "[inbox.default]\nroot = 'spool'\n"


def written(folder: Path, engine: str = "", cache: Path | str = "cache") -> Path:
    """A configuration in a folder of its own."""
    path = folder / "ocrspool.toml"
    path.write_text(f"[paths]\ncache = '{cache}'\nruntime = 'run'\n[engine]\n{engine}\n{_INBOX}", "utf-8")
    return path


def findings(*arguments: str | Path, **variables: Any) -> tuple[int, list[dict[str, Any]]]:  # noqa: ANN401 - as `ocrspool`
    """Exit code and findings of `ocrspool doctor --json`."""
    answer = ocrspool("doctor", "--json", *arguments, **variables)
    told = json.loads(answer.stdout)
    assert told["well"] == (answer.returncode == 0)
    return answer.returncode, told["findings"]


def problems(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [finding for finding in found if finding["level"] == "problem"]


def test_all_is_well_with_a_sound_installation(tmp_path: Path, engine_cache: Path) -> None:
    """Nothing is a problem, the engine is there, and nothing was made in the folders."""
    config = written(tmp_path, cache=engine_cache)
    code, found = findings("--config", config)
    assert (code, problems(found)) == (0, [])
    (engine,) = (finding for finding in found if finding["name"] == "engine for cpu")
    assert engine["level"] == "ok"
    assert (engine_cache / "engines" / engine["found"].partition(",")[0] / "manifest.json").is_file()
    assert list(tmp_path.iterdir()) == [config]


def test_people_read_the_same(tmp_path: Path, engine_cache: Path) -> None:
    """Every finding and advice of the JSON is in the text, whole, on a line of its own."""
    config = written(tmp_path, "devices = ['gpu:0']\nruntime = 'onnxruntime'", engine_cache)
    _, found = findings("--config", config)
    answer = ocrspool("doctor", "--config", config)
    assert answer.returncode == 69
    lines = answer.stdout.splitlines()
    for finding in found:
        if "MB free" not in finding["found"]:
            assert any(line.endswith(finding["found"]) for line in lines), finding
        assert not finding["advice"] or any(line.endswith(f"→ {finding['advice']}") for line in lines)
    assert counted(len(problems(found)), "problem") in lines[-1]


def test_no_configuration(tmp_path: Path) -> None:
    """The machine is looked at all the same."""
    code, found = findings("--config", tmp_path / "gone.toml")
    assert code == 78
    (problem,) = problems(found)
    assert "gone.toml" in problem["found"]
    assert {"program", "processor", "gpu", "runtimes", "combinations"} <= {finding["group"] for finding in found}


def test_a_wrong_configuration(tmp_path: Path) -> None:
    """Each of its problems is told."""
    code, found = findings("--config", written(tmp_path, "runtime = 'openvino '\nbatch = 3"))
    assert code == 78
    told = " ".join(problem["found"] for problem in problems(found))
    assert "engine.runtime" in told
    assert "engine.batch" in told


def test_an_engine_of_another_precision_is_told_by_what_differs(tmp_path: Path, engine_cache: Path) -> None:
    """The engine in the cache was made with other settings: the item is named, and what to do."""
    config = written(tmp_path, "detection_side = 960", engine_cache)
    code, found = findings("--config", config)
    assert code == 69
    (problem,) = problems(found)
    assert problem["name"] == "engine for cpu"
    assert "detection.shapes" in problem["found"]
    assert "ocrspool prebuild" in problem["advice"]


def test_a_gpu_that_is_not_there(tmp_path: Path) -> None:
    """An empty folder first in the loader's path does not hide a real driver: then there is nothing to test."""
    config = written(tmp_path, "devices = ['gpu:0']\nruntime = 'onnxruntime'")
    code, found = findings("--config", config)
    driver_found = next(finding for finding in found if finding["name"] == "driver")
    if driver_found["level"] == "ok":
        pytest.skip("this machine has an NVIDIA driver")
    assert code == 69
    assert "does not answer" in driver_found["found"]
    assert 'on_no_gpu = "cpu"' in driver_found["advice"]


@needs_compiler
def test_what_does_not_fit_together_is_named(tmp_path: Path) -> None:
    """Stand-ins: a driver for CUDA 12, two GPUs, an onnxruntime-gpu for CUDA 13 without cuDNN, a TensorRT of it."""
    libraries = tmp_path / "lib"
    driver(libraries, FakeGpu(), FakeGpu("Tesla V100", "GPU-9", (7, 0)), cuda=12_020)
    tensorrt(libraries, name="libnvinfer.so.10")
    capi = tmp_path / "site/onnxruntime/capi"
    capi.mkdir(parents=True)
    (capi.parent / "__init__.py").write_text("raise SystemExit('this must not be imported')", "utf-8")
    note = "package_name = 'onnxruntime-gpu'\n__version__ = '1.31.1'\ncuda_version = '13.0'\n"
    (capi / "build_and_package_info.py").write_text(note, "utf-8")
    cudnn = compiled(tmp_path / "elsewhere/libcudnn.so.9", "int unused;")
    link = (f"-L{cudnn.parent}", f"-L{libraries}", "-Wl,--no-as-needed")
    compiled(capi / "libonnxruntime_providers_cuda.so", "int a;", *link, "-l:libcudnn.so.9")
    compiled(capi / "libonnxruntime_providers_tensorrt.so", "int b;", *link, "-l:libnvinfer.so.10")
    config = written(tmp_path, "devices = ['gpu:0', 'gpu:1']\nruntime = 'onnxruntime'")
    code, found = findings(
        "--config",
        config,
        LD_LIBRARY_PATH=str(libraries),
        PYTHONPATH=str(tmp_path / "site"),
        CUDA_DEVICE_ORDER="FASTEST_FIRST",
    )
    assert code == 69
    by_name = {finding["name"]: finding for finding in found}
    assert by_name["driver"]["found"] == "580.95.05, supports CUDA 12.2"
    assert by_name["gpu:1"]["found"].startswith("Tesla V100, compute capability 7.0")
    assert by_name["onnxruntime"]["found"] == "onnxruntime-gpu 1.31.1, for CUDA 13.0"
    for name in ("CUDA newer than the driver", "GPU too old for CUDA 13", "CUDA libraries missing"):
        assert by_name[name]["level"] == "problem"
    assert "libcudnn.so.9" in by_name["CUDA libraries missing"]["found"]
    assert by_name["order of the GPUs"]["level"] == "note"
    assert "TensorRT missing for onnxruntime" not in by_name
    assert by_name["libnvinfer.so.10"]["found"].endswith(str(libraries / "libnvinfer.so.10"))


def test_no_runtime_is_imported(tmp_path: Path, engine_cache: Path) -> None:
    """With an engine to be found: versions come from files, so nothing in a runtime can crash or delay it."""
    config = written(tmp_path, cache=engine_cache)
    code = (
        "import sys; from ocrspool.cli.main import main\n"
        f"code = main(['doctor', '--config', {str(config)!r}])\n"
        "print(code, *sorted({'numpy', 'cv2', 'openvino', 'onnxruntime', 'paddle'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [COMMAND.with_name("python"), "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.splitlines()[-1] == "0"
