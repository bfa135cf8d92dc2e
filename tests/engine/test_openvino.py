"""Building once, loading ever after, and nothing in between."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ocrspool.engine.models import model_set
from ocrspool.engine.runtimes.openvino import net as openvino
from ocrspool.engine_request import Settings
from ocrspool.errors import EngineMissingError
from support.new_interpreter import run_alone

pytestmark = pytest.mark.engine

SPEC = model_set.bundled().classifier
SETTINGS = Settings(precision="f32", streams=1, threads=1)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    openvino.build(SPEC, folder, SETTINGS)
    return folder


def _contents(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


def test_what_was_built_loads_without_a_change(built: Path) -> None:
    before = _contents(built)
    net = openvino.load(SPEC, built, SETTINGS)
    (probability,) = net(np.zeros(SPEC.profile.optimum, np.uint8))
    assert probability.shape == (8, 2)
    assert probability.sum(axis=1) == pytest.approx(np.ones(8), abs=1e-3)
    assert _contents(built) == before


def test_an_engine_may_be_copied(built: Path, tmp_path: Path) -> None:
    """Neither its place nor its files' times are part of it."""
    shutil.copytree(built, tmp_path / "elsewhere", copy_function=shutil.copyfile)
    openvino.load(SPEC, tmp_path / "elsewhere", SETTINGS)


def test_an_empty_folder_is_no_engine(tmp_path: Path) -> None:
    with pytest.raises(EngineMissingError):
        openvino.load(SPEC, tmp_path, SETTINGS)
    assert _contents(tmp_path) == {}


def test_an_engine_of_another_model_is_a_miss_however_often_one_tries(built: Path, tmp_path: Path) -> None:
    """OpenVINO compiles and stores on a miss; that must not make the second attempt a hit."""
    other = replace(SPEC, mean=(0.0, 0.0, 0.0))
    openvino.build(other, tmp_path, SETTINGS)
    (blob,) = tmp_path.glob("*.blob")
    blob.unlink()
    (foreign,) = built.glob("*.blob")
    shutil.copyfile(foreign, tmp_path / foreign.name)
    before = _contents(tmp_path)
    for _ in range(2):
        with pytest.raises(EngineMissingError):
            openvino.load(other, tmp_path, SETTINGS)
    assert _contents(tmp_path) == before


@pytest.mark.parametrize(("streams", "threads"), [(1, 1), (2, 2), (1, 2)])
def test_streams_are_set_when_loading(built: Path, streams: int, threads: int) -> None:
    """The same engine serves any number of them."""
    settings = Settings(precision="f32", streams=streams, threads=threads)
    assert openvino.load(SPEC, built, settings).parallel == streams


@pytest.mark.parametrize("kept", [0, 100, 5000])
def test_a_damaged_blob_is_a_miss(built: Path, tmp_path: Path, kept: int) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(built, folder)
    (blob,) = folder.glob("*.blob")
    blob.chmod(0o600)
    blob.write_bytes(blob.read_bytes()[:kept])
    for _ in range(2):
        with pytest.raises(EngineMissingError):
            openvino.load(SPEC, folder, SETTINGS)


def test_pixels_may_be_a_part_of_larger_ones(built: Path) -> None:
    """A tile of a page is copied; the copy lives while the net looks at it. In a process, because it may die of it."""
    code = (
        "import sys, numpy as np\n"
        "from pathlib import Path\n"
        "from ocrspool.engine.models import model_set; from ocrspool.engine.runtimes.openvino import net as openvino\n"
        "from ocrspool.engine_request import Settings\n"
        "settings = Settings(precision='f32', streams=1, threads=1)\n"
        "net = openvino.load(model_set.bundled().classifier, Path(sys.argv[1]), settings)\n"
        "page = np.random.default_rng(1).integers(0, 255, (64, 48, 250, 3), dtype=np.uint8)\n"
        "part = page[:, :, 20:212]\n"
        "expected = net(np.ascontiguousarray(part))[0]\n"
        "sys.exit(not all(np.array_equal(net(part)[0], expected) for _ in range(5)))\n"
    )
    run_alone(code, built, MALLOC_MMAP_THRESHOLD_="65536")


def test_the_import_brings_no_telemetry() -> None:
    """Its mere import would report over the network and write to the home folder."""
    code = (
        "import sys, ocrspool.engine.runtimes.openvino.net\n"
        "found = [name for name in sys.modules if 'telemetry' in name or name == 'openvino.tools.ovc']\n"
        "sys.exit(f'{found} loaded' if found else 0)\n"
    )
    run_alone(code)
