"""Sessions that become CUDA graphs: with a session of the test's own, and a stand-in for the CUDA driver."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support import tensorrt_stubs
from support.nvidia_stubs import needs_compiler, python

pytestmark = needs_compiler

NET = """
import ctypes, json, threading
import numpy as np
from ocrspool.engine.runtimes.cuda import CudaError
from ocrspool.engine.runtimes.onnxruntime.captured import CapturedNet
from ocrspool.engine.spec import NetSpec, ShapeProfile
from ocrspool.engine_request import Settings
from ocrspool.errors import OcrspoolError

cuda = ctypes.CDLL("libcuda.so.1")
SHAPE = (2, 4, 8, 3)

class Doubling:
    '''Like a session of ONNX Runtime: one answer, in memory it is told of, and a graph for the thread that made it.'''
    errors = (CudaError, RuntimeError)
    fails = {fails!r}

    def __init__(self):
        self.thread, self.runs = threading.get_ident(), 0

    def tried(self, shape):
        assert threading.get_ident() == self.thread
        return [np.zeros(shape[:3], np.float32)]

    def bind_input(self, shape, address):
        self.input = address

    def bind_output(self, index, answer, address):
        self.output = address

    def run(self):
        assert threading.get_ident() == self.thread, "a graph belongs to the thread that captured it"
        self.runs += 1
        if self.fails and self.runs >= self.fails:
            raise RuntimeError({text!r})
        pixels = np.frombuffer(ctypes.string_at(self.input, int(np.prod(SHAPE))), np.uint8).reshape(SHAPE)
        twice = np.ascontiguousarray(pixels[..., 0] * np.float32(2))
        ctypes.memmove(self.output, twice.ctypes.data, twice.nbytes)

class Plain:
    def __call__(self, batch):
        return (batch[..., 0] * np.float32(2) + 1,)

spec = NetSpec("detection", "net", (), (0, 0, 0), (1, 1, 1), ShapeProfile(SHAPE, SHAPE, SHAPE))
answer = {{}}
try:
    net = CapturedNet(spec, Settings("gpu:0"), SHAPE, Doubling, Plain)
    {code}
except OcrspoolError as error:
    answer = {{"error": type(error).__name__, "message": error.message}}
print(json.dumps(answer))
"""


def run(folder: Path, code: str, *, fails: int = 0, text: str = "", memory_mb: int = 1024) -> Any:  # noqa: ANN401 - as JSON is
    tensorrt_stubs.cuda(folder, memory_mb)
    indented = "\n    ".join(code.strip().splitlines())
    return json.loads(python(NET.format(code=indented, fails=fails, text=text), libraries=folder))


CALL = "answer['first'] = net(np.full(SHAPE, 5, np.uint8))[0].ravel().tolist()[0]"


def test_every_call_is_made_by_the_thread_of_the_session(tmp_path: Path) -> None:
    """From several threads at once, each with pixels of its own."""
    code = """
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(8) as threads:
    found = list(threads.map(lambda value: net(np.full(SHAPE, value, np.uint8))[0], range(60)))
answer = [float(one.max()) for one in found] == [2.0 * value for value in range(60)]
"""
    assert run(tmp_path, code) is True


def test_what_comes_back_is_not_overwritten(tmp_path: Path) -> None:
    code = """
first = net(np.full(SHAPE, 1, np.uint8))[0]
net(np.full(SHAPE, 2, np.uint8))
answer = float(first.max())
"""
    assert run(tmp_path, code) == 2.0


def test_a_graph_that_cannot_be_captured_is_done_without(tmp_path: Path) -> None:
    assert run(tmp_path, CALL, fails=1, text="operation not permitted when stream is capturing") == {"first": 11.0}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("CUDA failure 700: an illegal memory access", "DeviceLostError"),
        ("CUDA failure 2: out of memory", "DeviceMemoryError"),
    ],
)
def test_the_device_is_not_done_without(tmp_path: Path, text: str, kind: str) -> None:
    assert run(tmp_path, CALL, fails=1, text=text)["error"] == kind


def test_a_failure_after_the_capture_is_the_engines(tmp_path: Path) -> None:
    """The net does not go on without its graph in silence, half as fast."""
    found = run(tmp_path, f"{CALL}\n{CALL}", fails=2, text="something new")
    assert found["error"] == "EngineError"
    assert "something new" in found["message"]
