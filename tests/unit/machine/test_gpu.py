"""Which GPUs there are, asked of the real pynvml; the driver's library below it is a stand-in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ocrspool.machine.gpu import Gpu, order_is_certain
from support.nvidia_stubs import FakeGpu, driver, needs_compiler, python

ONE = FakeGpu()
TWO = FakeGpu(uuid="GPU-22222222-0000-0000-0000-000000000000")
OLD = FakeGpu("Tesla T4", "GPU-2aaaaaaa-0000-0000-0000-000000000000", (7, 5), 15_360, 15_000)

ALL = """
import dataclasses, json, sys
from ocrspool.machine import gpu
from ocrspool.errors import NoGpuError
try:
    found = [gpu.gpu(int(sys.argv[1]))] if len(sys.argv) > 1 else gpu.gpus()
    print(json.dumps([dataclasses.asdict(each) for each in found]))
except NoGpuError as error:
    print(json.dumps({"message": error.message, "hint": error.hint}))
"""


def ask(libraries: Path | None, code: str = ALL, **variables: str) -> Any:  # noqa: ANN401 - as JSON is
    return json.loads(python(code, libraries=libraries, variables=variables))


def number(wanted: int) -> str:
    return f"import sys; sys.argv.append('{wanted}')\n{ALL}"


def uuids(libraries: Path, visible: str) -> list[str]:
    return [found["uuid"] for found in ask(libraries, CUDA_VISIBLE_DEVICES=visible)]


@pytest.fixture
def three(tmp_path: Path) -> Path:
    """A folder with a driver that knows three GPUs, two of them alike."""
    driver(tmp_path, ONE, TWO, OLD)
    return tmp_path


def test_without_a_driver_the_reason_is_told(tmp_path: Path) -> None:
    """The real pynvml finds no library of the driver: on this machine, or because an empty folder hides it."""
    answer = ask(tmp_path)
    if isinstance(answer, list):
        pytest.skip("this machine has an NVIDIA driver")
    assert "libnvidia-ml.so.1" in answer["message"]
    assert "install the NVIDIA driver" in answer["hint"]
    assert 'on_no_gpu = "cpu"' in answer["hint"]


@needs_compiler
def test_what_is_known_of_a_gpu(three: Path) -> None:
    found = ask(three)
    assert found[2] == {
        "number": 2,
        "name": "Tesla T4",
        "uuid": OLD.uuid,
        "capability": "7.5",
        "memory_mb": 15_360,
        "free_mb": 15_000,
        "driver": "580.95.05",
        "cuda_driver": "13.0",
        "persistent": True,
    }
    assert [each["number"] for each in found] == [0, 1, 2]


@needs_compiler
@pytest.mark.parametrize(
    ("answer", "advice"), [(9, "modprobe nvidia"), (18, "restart the machine"), (4, "/dev/nvidia")]
)
def test_a_driver_in_trouble_is_told_with_advice(tmp_path: Path, answer: int, advice: str) -> None:
    """The numbers are NVML's: driver not loaded, library and module of different versions, no permission."""
    driver(tmp_path, ONE, answer=answer)
    told = ask(tmp_path)
    assert "does not answer" in told["message"]
    assert advice in told["hint"]


@needs_compiler
def test_a_number_out_of_range_tells_which_there_are(tmp_path: Path) -> None:
    driver(tmp_path, ONE)
    told = ask(tmp_path, number(1))
    assert told["message"] == "there is no gpu:1; there is 1: gpu:0 NVIDIA H200"
    assert ask(tmp_path, number(0))[0]["name"] == "NVIDIA H200"


@needs_compiler
def test_no_gpu_behind_a_driver(tmp_path: Path) -> None:
    driver(tmp_path)
    assert ask(tmp_path, number(0))["message"] == "there is no gpu:0; there is none"


@needs_compiler
def test_hidden_gpus_are_not_there_and_the_variable_is_named(three: Path) -> None:
    told = ask(three, number(1), CUDA_VISIBLE_DEVICES="2")
    assert told["message"] == 'there is no gpu:1; there is 1: gpu:0 Tesla T4 (CUDA_VISIBLE_DEVICES is "2")'


@needs_compiler
@pytest.mark.parametrize(
    ("visible", "expected"),
    [
        ("2,0", [OLD, ONE]),
        (" 1 , 2 ", [TWO, OLD]),
        ("0,2,-1,1", [ONE, OLD]),  # the programming guide's own example: an invalid entry ends the list
        ("0,7,1", [ONE]),
        ("", []),
        ("-1", []),
        ("GPU-22", [TWO]),
        (f"{OLD.uuid},GPU-1", [OLD, ONE]),
        ("GPU-2,0", []),  # begins two of them
        ("22222222", []),
        ("1,1", []),
    ],
)
def test_visible_devices_are_cudas_choice(three: Path, visible: str, expected: list[FakeGpu]) -> None:
    assert uuids(three, visible) == [each.uuid for each in expected]


@needs_compiler
def test_a_gpu_that_a_container_may_not_use_does_not_count(tmp_path: Path) -> None:
    driver(tmp_path, FakeGpu(allowed=False), TWO)
    assert [each["uuid"] for each in ask(tmp_path)] == [TWO.uuid]


@needs_compiler
@pytest.mark.parametrize("visible", ["0", "MIG-5"])
def test_a_gpu_cut_into_slices_is_its_slice(tmp_path: Path, visible: str) -> None:
    """CUDA shows the first slice, or the one named; its name and memory count, and the whole GPU's capability."""
    driver(tmp_path, FakeGpu(slice_uuid="MIG-5"))
    (found,) = ask(tmp_path, CUDA_VISIBLE_DEVICES=visible)
    assert found["name"] == "NVIDIA H200 MIG 1g.18gb"
    assert found["uuid"] == "MIG-5"
    assert found["capability"] == "9.0"
    assert found["memory_mb"] == 16_384


def made(number: int, name: str) -> Gpu:
    return Gpu(number, name, "", "9.0", 1, 1, "", "", None)


def test_the_order_of_different_gpus_is_certain_only_by_bus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_DEVICE_ORDER", "FASTEST_FIRST")
    assert order_is_certain([made(0, "A"), made(1, "A")])
    assert not order_is_certain([made(0, "A"), made(1, "B")])
    monkeypatch.setenv("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
    assert order_is_certain([made(0, "A"), made(1, "B")])
