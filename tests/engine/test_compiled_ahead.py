"""TensorRT for RTX without a GPU: engines are compiled ahead, carried away, and finished where the GPU is.

With the real package where it is installed, or where OCRSPOOL_TENSORRT_RTX names a folder that `pip install --target`
made of it; with the stand-in everywhere.
"""

from __future__ import annotations

import json
import os
import tarfile
from importlib import util
from pathlib import Path
from typing import Any

import pytest

from support import tensorrt_stubs
from support.nvidia_stubs import FakeGpu, driver, needs_compiler, python

pytestmark = [pytest.mark.engine, needs_compiler]

COMMON = """
import json
from dataclasses import replace
from pathlib import Path
from ocrspool.engine.build import ahead
from ocrspool.engine.build.builder import build
from ocrspool.engine.cache import archive
from ocrspool.engine.plan import plan
from ocrspool.engine_request import EngineRequest, Settings
from ocrspool.errors import OcrspoolError

def request(cache, **more):
    settings = Settings("gpu:0", "rtx", batch_lines=4, line_width=320, **more)
    return EngineRequest("tensorrt", cache=cache, settings=settings)

answer = {{}}
try:
    {code}
except OcrspoolError as error:
    answer = {{"error": type(error).__name__, "message": error.message, "hint": error.hint}}
print(json.dumps(answer))
"""

BUILD = """
stages = []
made = plan(request({cache!r}), ahead=True)
manifest, new = build(made, stages.append)
answer["new"] = [new, build(made, stages.append)[1]]
answer["identity"] = manifest.identity
answer["files"] = sorted(manifest.files)
answer["known"] = manifest.known_text
"""

TAKE = """
wanted, stages = plan(request({cache!r})), []
for spec in wanted.models:
    (wanted.folder / spec.name).mkdir(parents=True, exist_ok=True)
ahead.copied(wanted, list(wanted.models), stages.append)
answer["stages"] = stages
answer["folder"] = wanted.folder.name
answer["gpu"] = wanted.identity["gpu"]
answer["taken"] = sorted(path.name for path in wanted.folder.rglob("*.engine"))
"""


def run(code: str, packages: Path, libraries: Path, **variables: str) -> Any:  # noqa: ANN401 - as JSON is
    text = COMMON.format(code="\n    ".join(code.strip().splitlines()))
    return json.loads(python(text, libraries=libraries, packages=packages, variables=variables, seconds=240))


@pytest.fixture(params=["real", "stand-in"])
def packages(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder in which Python finds tensorrt_rtx."""
    if request.param == "stand-in":
        tensorrt_stubs.cuda(tmp_path / "lib")
        return tensorrt_stubs.tensorrt(tmp_path / "site", "1.7.1.116", rtx=True)
    if folder := os.environ.get("OCRSPOOL_TENSORRT_RTX"):
        return Path(folder)
    if (found := util.find_spec("tensorrt_rtx")) is None or found.origin is None:
        pytest.skip("tensorrt_rtx is not installed, and OCRSPOOL_TENSORRT_RTX names no folder that has it")
    return Path(found.origin).parents[1]


def test_the_bundled_models_are_compiled_without_a_gpu(packages: Path, tmp_path: Path) -> None:
    """Three engines of an identity that names no GPU; nothing of it has been read, and it is not built twice."""
    (tmp_path / "lib").mkdir(exist_ok=True)
    found = run(BUILD.format(cache=str(tmp_path / "cache")), packages, tmp_path / "lib")
    assert found["new"] == [True, False]
    assert found["identity"]["gpu"] == "any"
    assert found["identity"]["compute_capability"].startswith("8.0 8.6 8.9")
    assert found["identity"]["precision"] == "f16"
    assert [name.rpartition(".")[2] for name in found["files"]] == ["engine"] * 3
    assert found["known"] == []


def test_it_is_not_what_a_service_wants(packages: Path, tmp_path: Path) -> None:
    """Without a GPU a service says so, as with every other engine; or OpenVINO reads in its place."""
    (tmp_path / "lib").mkdir(exist_ok=True)
    found = run(f"plan(request({str(tmp_path)!r}))", packages, tmp_path / "lib")
    assert found["error"] == "NoGpuError"
    instead = f"""
instead = plan(replace(request({str(tmp_path)!r}), on_no_gpu="cpu"), ahead=True)
answer = [instead.runtime, instead.settings.device]
"""
    assert run(instead, packages, tmp_path / "lib") == ["openvino", "cpu"]


def test_a_build_on_the_gpu_begins_with_it(tmp_path: Path) -> None:
    """Exported here, imported there; an altered file of it is not taken. With the stand-in: there is no GPU."""
    tensorrt_stubs.cuda(tmp_path / "lib")
    packages = tensorrt_stubs.tensorrt(tmp_path / "site", "1.7.1.116", rtx=True)
    here, there = tmp_path / "here", tmp_path / "there"
    carry = (
        BUILD.format(cache=str(here))
        + f"""
with open({str(tmp_path / "engine.tar")!r}, "wb") as target:
    archive.write(made.folder, manifest, target, lambda _: None)
answer["folder"] = made.folder.name
"""
    )
    exported = run(carry, packages, tmp_path / "lib")
    driver(tmp_path / "lib", FakeGpu(name="NVIDIA L4", capability=(8, 9)))
    with tarfile.open(tmp_path / "engine.tar") as archive:
        archive.extractall(there / "engines")  # noqa: S202 - made a moment ago
    taken = run(TAKE.format(cache=str(there)), packages, tmp_path / "lib")
    assert taken["gpu"] == "NVIDIA L4"
    assert taken["folder"] != exported["folder"]
    assert taken["stages"] == [f"taking what was compiled ahead from engine {exported['folder']}"]
    assert len(taken["taken"]) == 3
    engine = next((there / "engines" / exported["folder"]).rglob("*.engine"))
    engine.write_bytes(b"x" + engine.read_bytes()[1:])
    assert run(TAKE.format(cache=str(there)), packages, tmp_path / "lib")["stages"] == []


def test_hopper_is_refused_by_name(tmp_path: Path) -> None:
    packages = tensorrt_stubs.tensorrt(tmp_path / "site", "1.7.1.116", rtx=True)
    driver(tmp_path / "lib", FakeGpu(name="NVIDIA H100 80GB HBM3", capability=(9, 0)))
    found = run(f"plan(request({str(tmp_path)!r}), ahead=True)", packages, tmp_path / "lib")
    assert found["error"] == "EngineError"
    assert "does not run on gpu:0 NVIDIA H100 80GB HBM3, which has compute capability 9.0" in found["message"]
    assert 'engine.provider = "tensorrt"' in found["hint"]
