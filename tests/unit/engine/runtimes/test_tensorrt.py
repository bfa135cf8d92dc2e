"""The runtime tensorrt with stand-ins for TensorRT, TensorRT for RTX and the CUDA driver: see tensorrt_stubs.py."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from support import tensorrt_stubs
from support.nvidia_stubs import FakeGpu, driver, needs_compiler, python

pytestmark = needs_compiler

NETS = """
import ctypes, json, logging, sys
from functools import cache
from pathlib import Path
import numpy as np
from ocrspool.engine import identity
from ocrspool.engine.models import model_set
from ocrspool.engine.shapes import profiled
from ocrspool.engine.runtimes.tensorrt import runtime
from ocrspool.engine_request import Settings
from ocrspool.errors import OcrspoolError
logging.basicConfig(level=logging.INFO, stream=sys.stderr)
settings = identity.resolved("tensorrt", Settings("gpu:0", batch_lines=4, line_width=320, **{settings!r}))
specs = profiled(model_set.bundled(), settings)
cuda = ctypes.CDLL("libcuda.so.1")

def folder_of(spec):
    folder = Path({folder!r}) / "engines" / "f" / spec.name
    folder.mkdir(parents=True, exist_ok=True)
    return folder

def noise(*shape):
    return np.random.default_rng(1).integers(0, 256, shape, np.uint8)

@cache
def openvino_net(name):
    from ocrspool.engine.runtimes.openvino import net as openvino
    (spec,) = (spec for spec in specs if spec.name == name)
    folder = Path({folder!r}) / "openvino" / name
    folder.mkdir(parents=True, exist_ok=True)
    on_cpu = identity.resolved("openvino", Settings(precision="f32"))
    openvino.build(spec, folder, on_cpu)
    return openvino.load(spec, folder, on_cpu)

def by_openvino(spec, pixels):
    return openvino_net(spec.name)(pixels)

answer = {{}}
try:
{code}
except OcrspoolError as error:
    answer = {{"error": type(error).__name__, "message": error.message}}
print(json.dumps(answer))
"""


def run(
    folder: Path,
    code: str,
    version: str = "10.13.3.9",
    *,
    rtx: bool = False,
    memory_mb: int = 1 << 20,
    **variables: str,
) -> Any:  # noqa: ANN401 - as JSON is
    """Run code in a process of its own that finds the stand-ins."""
    capability = variables.setdefault("STANDIN_CAPABILITY", "8.9")
    major, minor = map(int, capability.split("."))
    driver(folder / "lib", FakeGpu(capability=(major, minor)))
    tensorrt_stubs.cuda(folder / "lib", memory_mb)
    tensorrt_stubs.tensorrt(folder / "site", version, rtx=rtx)
    indented = "\n".join(f"    {line}" for line in code.strip().splitlines())
    text = NETS.format(settings={"precision": "f32"}, folder=str(folder / "cache"), code=indented)
    return json.loads(
        python(text, libraries=folder / "lib", packages=folder / "site", variables=variables, seconds=240)
    )


BUILT = """
spec = specs.classifier
runtime.build(spec, folder_of(spec), settings)
"""

LOAD = "runtime.load(spec, folder_of(spec), settings)"


@pytest.mark.slow
@pytest.mark.parametrize("version", ["8.5.3.1", "10.13.3.9", "11.4.0.106"])
def test_every_net_gives_what_openvino_gives(tmp_path: Path, version: str) -> None:
    """Names and order of outputs, types of pixels, shapes: of all three roles, in calls of several shapes."""
    code = """
calls = ([(1, 64, 96, 3), (1, 96, 64, 3)], [(1, 48, 96, 3), (4, 48, 320, 3)], [(3, 48, 192, 3)])
for spec, shapes in zip(specs, calls):
    runtime.build(spec, folder_of(spec), settings)
    net = runtime.load(spec, folder_of(spec), settings)
    for shape in shapes:
        pixels = noise(*shape)
        for one, other in zip(net(pixels), by_openvino(spec, pixels), strict=True):
            assert (one.dtype, one.shape) == (other.dtype, other.shape)
            answer[f"{spec.role} {shape}"] = float(np.mean(np.abs(one.astype(float) - other)))
"""
    found = run(tmp_path, code, version)
    assert len(found) == 5
    assert max(found.values()) < 0.01, found


@pytest.mark.slow
def test_a_shape_that_comes_again_becomes_a_graph(tmp_path: Path) -> None:
    """And its answers stay right, for other pixels, and beside calls of other shapes. TensorRT 8.5 has none."""
    code = (
        BUILT
        + """
net = runtime.load(spec, folder_of(spec), settings)
for _ in range(8):
    for count in (4, 4, 2):
        pixels = noise(count, 48, 192, 3) + np.uint8(_)
        answer["off"] = max(answer.get("off", 0.0), float(np.abs(net(pixels)[0] - by_openvino(spec, pixels)[0]).max()))
answer["launched"] = ctypes.c_int.in_dll(cuda, "standin_launched").value
"""
    )
    new = run(tmp_path / "new", code)
    assert new["off"] < 1e-3
    assert new["launched"] >= 8
    assert run(tmp_path / "old", code, "8.5.3.1")["launched"] == 0


@pytest.mark.parametrize("version", ["8.5.3.1", "10.13.3.9"])
def test_calls_at_once_get_lanes_of_their_own(tmp_path: Path, version: str) -> None:
    """A net is loaded with one lane. More are made when calls wait, from what was read when it was loaded."""
    code = (
        BUILT
        + """
from concurrent.futures import ThreadPoolExecutor
from ocrspool.engine.runtimes.tensorrt import net as nets
path = runtime.engine_path(spec, folder_of(spec))
net = nets.load_engine(runtime.Library(settings.provider), spec, path, settings)
batches = [noise(1 + index % 4, 48, 192, 3) for index in range(60)]
alone = [net(batch)[0] for batch in batches]
answer["alone"] = net._count
path.unlink()
with ThreadPoolExecutor(6) as threads:
    for _ in range(50):
        together = list(threads.map(lambda batch: net(batch)[0], batches))
        answer["same"] = all(np.allclose(one, other, atol=1e-5) for one, other in zip(alone, together))
        if not answer["same"] or net._count == net.parallel:
            break
answer["lanes"] = net._count
"""
    )
    assert run(tmp_path, code, version) == {"alone": 1, "same": True, "lanes": 2}


def test_a_lane_that_does_not_fit_costs_nothing_but_itself(tmp_path: Path) -> None:
    """Calls go on with the lanes that there are, and no more is tried."""
    code = (
        BUILT
        + """
from ocrspool.engine.runtimes.tensorrt import net as nets
net = nets.load_engine(runtime.Library(settings.provider), spec, runtime.engine_path(spec, folder_of(spec)), settings)
ctypes.c_int.in_dll(cuda, "standin_memory").value = 0
net._adding.acquire()
net._add()
answer["shape"] = list(net(noise(3, 48, 192, 3))[0].shape)
answer["lanes"] = [net._count, net._most]
"""
    )
    assert run(tmp_path, code) == {"shape": [3, 2], "lanes": [1, 1]}


@pytest.mark.parametrize("version", ["8.5.3.1", "10.13.3.9"])
def test_calls_for_lines_are_joined(tmp_path: Path, version: str) -> None:
    """Each gets the answers for its own lines, however many others came beside it."""
    code = (
        BUILT
        + """
from concurrent.futures import ThreadPoolExecutor
net = runtime.load(spec, folder_of(spec), settings)
batches = [noise(1 + index % 4, 48, 192, 3) + np.uint8(index) for index in range(60)]
with ThreadPoolExecutor(6) as threads:
    together = list(threads.map(lambda batch: net(batch)[0], batches))
answer["off"] = max(float(np.abs(one - by_openvino(spec, batch)[0]).max()) for one, batch in zip(together, batches))
answer["counts"] = sorted({len(one) for one in together})
"""
    )
    found = run(tmp_path, code, version)
    assert found["counts"] == [1, 2, 3, 4]
    assert found["off"] < 1e-3


def test_what_the_builder_refuses_is_told(tmp_path: Path) -> None:
    found = run(tmp_path, BUILT, STANDIN_REFUSES="1")
    assert found["error"] == "EngineError"
    assert "Could not find any implementation for node Conv_3" in found["message"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("path.write_bytes(path.read_bytes()[:1000])", "deserialization failed"),
        ("path.unlink()", "no engine of ch_ppocr_mobile_v2_cls"),
        ('path.write_bytes(path.read_bytes().replace(b"10.13.3.9", b"10.7.0.23"))', "made by 10.7.0.23"),
        ('path.write_bytes(path.read_bytes().replace(b"8.9", b"9.0"))', "made for compute capability 9.0"),
    ],
)
def test_an_engine_that_does_not_fit_is_missing(tmp_path: Path, change: str, told: str) -> None:
    """TensorRT's own reason is repeated; nothing is built in its place."""
    code = f"{BUILT}\npath = runtime.engine_path(spec, folder_of(spec))\n{change}\n{LOAD}"
    found = run(tmp_path, code)
    assert found["error"] == "EngineMissingError"
    assert told in found["message"]


@pytest.mark.parametrize(("number", "error"), [(2, "DeviceMemoryError"), (700, "DeviceLostError"), (1, "EngineError")])
def test_errors_of_the_driver_have_their_kinds(tmp_path: Path, number: int, error: str) -> None:
    code = (
        BUILT
        + f"""
net = runtime.load(spec, folder_of(spec), settings)
cuda.standin_fail({number})
net(noise(2, 48, 192, 3))
"""
    )
    found = run(tmp_path, code)
    assert found["error"] == error
    assert f"CUDA error {number}" in found["message"]


def test_too_little_memory_when_loading(tmp_path: Path) -> None:
    assert run(tmp_path, BUILT, memory_mb=0)["error"] == "DeviceMemoryError"


def test_timings_of_a_build_are_kept_for_this_gpu(tmp_path: Path) -> None:
    """A second build of the model begins with them; one for another GPU begins anew. TensorRT says whose they are."""
    code = (
        BUILT
        + """
(kept,) = (Path(folder_of(spec)).parents[2] / "timings").iterdir()
answer = {"name": kept.name, "text": kept.read_text()}
"""
    )
    assert run(tmp_path, code) == {"name": "ch_ppocr_mobile_v2_cls-10.13.3.9", "text": "timings of 8.9"}
    (tmp_path / "cache" / "timings" / "ch_ppocr_mobile_v2_cls-10.13.3.9").write_text("timings of 9.0")
    runs_anew = "folder = folder_of(specs.classifier)\nruntime.engine_path(specs.classifier, folder).unlink()\n" + code
    assert run(tmp_path, runs_anew)["text"] == "timings of 8.9"


@pytest.mark.parametrize("version", ["8.5.3.1", "10.13.3.9"])
def test_an_old_version_needs_cublas_for_products(tmp_path: Path, version: str) -> None:
    """Without it TensorRT 8.5.3 fails after minutes, and does not say why. It may lie in a wheel."""
    found = run(tmp_path, BUILT, version, STANDIN_PRODUCTS="1")
    assert ("cuBLAS" in found.get("message", "")) == version.startswith("8")
    wheel = tmp_path / "site" / "nvidia" / "cublas" / "lib"
    wheel.mkdir(parents=True)
    for name in ("libcublasLt.so.11", "libcublas.so.11"):
        shutil.copy(tmp_path / "lib" / "libcuda.so.1", wheel / name)
    assert run(tmp_path, BUILT, version, STANDIN_PRODUCTS="1") == {}


def test_rtx_compiles_kernels_once_and_then_only_loads_them(tmp_path: Path) -> None:
    """Every shape of serving is among them; an engine without them, or with too few, is not loaded."""
    code = (
        BUILT
        + """
folder = folder_of(spec)
answer["kernels"] = json.loads((folder / f"{spec.name}.kernels").read_text())
net = runtime.load(spec, folder, settings)
answer["shape"] = list(net(noise(3, 48, 192, 3))[0].shape)
"""
    )
    found = run(tmp_path, code, "1.7.1.116", rtx=True)
    assert found == {"kernels": ["8.9", [[4, 48, 192, 3]]], "shape": [3, 2]}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("path.unlink()", "compiled ahead only"),
        ('path.write_text("[\\"8.9\\", []]")', "loading compiled some"),
        ('path.write_text("[\\"8.6\\", [[4, 48, 192, 3]]]")', "does not take the kernels"),
        ('path.write_text("damaged")', "does not take the kernels"),
    ],
)
def test_rtx_never_compiles_when_it_should_load(tmp_path: Path, change: str, told: str) -> None:
    code = f"{BUILT}\npath = folder_of(spec) / f'{{spec.name}}.kernels'\n{change}\n{LOAD}"
    found = run(tmp_path, code, "1.7.1.116", rtx=True)
    assert found["error"] == "EngineMissingError"
    assert told in found["message"]
