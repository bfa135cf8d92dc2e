"""ONNX Runtime on a CPU with the real models, beside OpenVINO; and that no provider takes another's place."""

from __future__ import annotations

import shutil
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ocrspool.engine.models import model_set
from ocrspool.engine.ocr.recognizer import Nets, Recognizer
from ocrspool.engine.runtimes.onnxruntime import graph, session
from ocrspool.engine_request import Provider, Settings
from ocrspool.errors import EngineError, EngineMissingError
from support import drawn_pages
from support.new_interpreter import run_alone
from support.sealed_pages import ReadingOnly

pytestmark = pytest.mark.engine

SPECS = model_set.bundled()
SETTINGS = Settings("cpu", "cpu", "f32", threads=2, streams=2, batch_lines=1, line_width=3200)
GPU = replace(SETTINGS, device="gpu:0", batch_lines=8)
LIBRARY = sys.modules["onnxruntime"]  # imported by our module of that name, which sets a variable first
LINES = ("The quick brown fox", "jumps over 13 dogs.", "Total: 42.50 EUR")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of all three nets, each in its own."""
    folder = tmp_path_factory.mktemp("built")
    for spec in SPECS:
        (folder / spec.name).mkdir()
        session.build(spec, folder / spec.name, SETTINGS)
    return folder


@pytest.fixture(scope="module")
def nets(built: Path) -> Nets:
    return Nets(*(ReadingOnly(session.load(spec, built / spec.name, SETTINGS)) for spec in SPECS))


def _page(*lines: str) -> NDArray[np.uint8]:
    return np.asarray(drawn_pages.page(*lines).convert("RGB"))


def _framed(page: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """The page's top left corner, white where there is no page."""
    frame = np.full((1, height, width, 3), 255, np.uint8)
    cut = page[:height, :width]
    frame[0, : cut.shape[0], : cut.shape[1]] = cut
    return frame


def _contents(folder: Path) -> dict[str, tuple[int, int]]:
    return {path.name: (path.stat().st_size, path.stat().st_mtime_ns) for path in folder.rglob("*")}


@pytest.mark.parametrize("size", [(288, 544), (96, 1280), (32, 32)])
def test_detection_maps_are_those_of_openvino(nets: Nets, exact_engine: Any, size: tuple[int, int]) -> None:  # noqa: ANN401
    page = _framed(_page(*LINES), *size)
    (found,), (reference,) = nets.detection(page), exact_engine.nets.detection(page)
    assert found.dtype == np.float32
    assert found.shape == reference.shape == (1, *size)
    np.testing.assert_allclose(found, reference, atol=2e-3)


@pytest.mark.parametrize("count", [1, 3])
def test_recognized_classes_are_those_of_openvino(nets: Nets, exact_engine: Any, count: int) -> None:  # noqa: ANN401
    lines = np.concatenate([_framed(_page(line)[20:68, 15:], 48, 480) for line in LINES[:count]])
    (best, probability), (expected, reference) = nets.recognition(lines), exact_engine.nets.recognition(lines)
    assert best.dtype == np.int32
    assert probability.dtype == np.float32
    assert best.shape == probability.shape == (count, 60)
    assert (best > 0).any(), "a line without a character would prove little"
    np.testing.assert_array_equal(best, expected)
    np.testing.assert_allclose(probability, reference, atol=2e-3)


def test_directions_are_those_of_openvino(nets: Nets, exact_engine: Any) -> None:  # noqa: ANN401
    upright = _framed(_page(LINES[0])[20:68, 15:], 48, 192)
    both = np.concatenate([upright, upright[:, ::-1, ::-1]])
    (found,), (reference,) = nets.classifier(both), exact_engine.nets.classifier(both)
    assert found.dtype == np.float32
    assert found[0, 0] > 0.9
    assert found[1, 1] > 0.9
    np.testing.assert_allclose(found, reference, atol=2e-3)


def test_text_of_pages_is_that_of_openvino(nets: Nets, exact_engine: Any) -> None:  # noqa: ANN401
    pages = [_page(*LINES), _page("Upside down")[::-1, ::-1].copy(), _page("")]
    texts = []
    for found in (nets, exact_engine.nets):
        with Recognizer(found, exact_engine.characters) as recognizer:
            texts.append([[line.text for line in page.lines] for page in recognizer.recognize(pages)])
    assert texts[0] == texts[1]
    assert [drawn_pages.squeezed(text) for text in texts[0][0]] == [drawn_pages.squeezed(line) for line in LINES]


def test_calls_side_by_side_do_not_mix_up_their_results(nets: Nets) -> None:
    """More callers than streams, with another shape each: all get what they get when alone."""
    batches = [_framed(_page(LINES[number % 3])[20:68, 15:], 48, 160 + 32 * number) for number in range(8)]
    alone = [nets.recognition(batch) for batch in batches]
    with ThreadPoolExecutor(8) as threads:
        for found, expected in zip(threads.map(nets.recognition, batches), alone, strict=True):
            for one, other in zip(found, expected, strict=True):
                np.testing.assert_array_equal(one, other)


class _Counted:
    """A session that lets calls through in pairs and counts how many are inside."""

    def __init__(self, session: Any) -> None:  # noqa: ANN401  # an untyped library
        self._session = session
        self._pair = threading.Barrier(2)
        self._inside = 0
        self._lock = threading.Lock()
        self.most = 0

    def run(self, *call: Any) -> Any:  # noqa: ANN401
        with self._lock:
            self._inside += 1
            self.most = max(self.most, self._inside)
        self._pair.wait(30)
        found = self._session.run(*call)
        with self._lock:
            self._inside -= 1
        return found


def test_as_many_calls_run_side_by_side_as_there_are_streams(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two and no more: were it one, the pairs would never be full."""
    net = session.load(SPECS.classifier, built / SPECS.classifier.name, SETTINGS)
    assert isinstance(net, session.OnnxNet)
    counted = _Counted(net._session)
    monkeypatch.setattr(net, "_session", counted)
    with ThreadPoolExecutor(8) as threads:
        assert len(list(threads.map(net, [np.zeros((8, 48, 192, 3), np.uint8)] * 32))) == 32
    assert counted.most == 2


def test_results_outlive_the_next_call(nets: Nets) -> None:
    (first,) = nets.classifier(np.zeros((1, 48, 192, 3), np.uint8))
    kept = first.copy()
    nets.classifier(np.full((1, 48, 192, 3), 255, np.uint8))
    np.testing.assert_array_equal(first, kept)


def test_a_slice_of_a_larger_array_will_do(nets: Nets) -> None:
    page = np.ascontiguousarray(_framed(_page(*LINES), 96, 512))
    turned = page[:, ::-1, ::-1]
    np.testing.assert_array_equal(nets.detection(turned)[0], nets.detection(turned.copy())[0])


def test_a_shape_that_no_model_takes_is_an_error_and_no_end(nets: Nets) -> None:
    with pytest.raises(EngineError, match=r"PP-OCRv6_small_rec failed on shape \(1, 32, 320, 3\)"):
        nets.recognition(np.zeros((1, 32, 320, 3), np.uint8))
    assert nets.recognition(np.zeros((1, 48, 320, 3), np.uint8))[0].shape == (1, 40)


@pytest.mark.parametrize(("threads", "streams"), [(1, 1), (4, 2)])
def test_streams_are_set_when_loading(built: Path, threads: int, streams: int) -> None:
    settings = replace(SETTINGS, threads=threads, streams=streams, batch_lines=4)
    net = session.load(SPECS.classifier, built / SPECS.classifier.name, settings)
    assert (net.parallel, net.batch, net.warm_up) == (streams, 4, ())
    assert net(np.zeros((2, 48, 192, 3), np.uint8))[0].shape == (2, 2)


def test_loading_and_running_leave_the_folder_as_it_is(built: Path, nets: Nets) -> None:
    before = _contents(built)
    for spec in SPECS:
        session.load(spec, built / spec.name, SETTINGS)(np.zeros(spec.profile.minimum, np.uint8))
    nets.classifier(np.zeros((1, 48, 192, 3), np.uint8))
    assert _contents(built) == before


def test_an_engine_may_be_copied(built: Path, tmp_path: Path) -> None:
    shutil.copytree(built, tmp_path / "elsewhere", copy_function=shutil.copyfile)
    session.load(SPECS.classifier, tmp_path / "elsewhere" / SPECS.classifier.name, SETTINGS)


def test_an_empty_folder_is_no_engine(tmp_path: Path) -> None:
    with pytest.raises(EngineMissingError, match="no engine of ch_ppocr"):
        session.load(SPECS.classifier, tmp_path, SETTINGS)
    assert _contents(tmp_path) == {}


@pytest.mark.parametrize("kept", [0, 100, 5000, 500_000])
def test_a_truncated_engine_is_no_engine(built: Path, tmp_path: Path, kept: int) -> None:
    name = f"{SPECS.classifier.name}.onnx"
    (tmp_path / name).write_bytes((built / SPECS.classifier.name / name).read_bytes()[:kept])
    for _ in range(2):
        with pytest.raises(EngineMissingError, match="is damaged"):
            session.load(SPECS.classifier, tmp_path, SETTINGS)


def test_pixels_as_floats_give_the_same(built: Path, tmp_path: Path) -> None:
    """The way for a TensorRT that takes no bytes: the net itself turns them into floats."""
    spec = SPECS.classifier
    graph.edit(spec, tmp_path / f"{spec.name}.onnx", "float32")
    batch = _framed(_page(LINES[0])[20:68, 15:], 48, 192)
    (floats,) = session.load(spec, tmp_path, SETTINGS)(batch)
    (integers,) = session.load(spec, built / spec.name, SETTINGS)(batch)
    np.testing.assert_array_equal(floats, integers)


def test_halved_nets_read_the_same(nets: Nets, tmp_path: Path) -> None:
    """They are for CUDA; a CPU computes them too, as slowly as may be."""
    halved = replace(SETTINGS, precision="f16")
    for spec in SPECS:
        (tmp_path / spec.name).mkdir()
        session.build(spec, tmp_path / spec.name, halved)
        size, whole = (path.stat().st_size for path in (tmp_path / spec.name / f"{spec.name}.onnx", spec.files[0]))
        assert (size < 0.75 * whole) == (spec.role != "classifier"), "weights are in f16 too; the classifier stays"
    page = _page(*LINES)
    read: list[list[str]] = []
    for each in (nets, Nets(*(session.load(spec, tmp_path / spec.name, halved) for spec in SPECS))):
        with Recognizer(each, model_set.characters(SPECS.recognition)) as recognizer:
            read.append([line.text for line in recognizer.recognize([page])[0].lines])
    assert read[0] == read[1] == list(LINES)


without_cuda = pytest.mark.skipif(
    "CUDAExecutionProvider" in LIBRARY.get_available_providers(),
    reason="this ONNX Runtime has CUDA",
)


@without_cuda
@pytest.mark.parametrize(
    ("provider", "name"), [("cuda", "CUDAExecutionProvider"), ("tensorrt", "TensorrtExecutionProvider")]
)
def test_a_provider_that_is_not_installed_is_an_error(tmp_path: Path, provider: Provider, name: str) -> None:
    with pytest.raises(EngineError, match=f"{provider} provider.*has only .*CPUExecutionProvider") as raised:
        session.build(SPECS.classifier, tmp_path, replace(GPU, provider=provider))
    assert name not in raised.value.message
    assert "doctor" in raised.value.hint


@without_cuda
def test_the_cpu_never_takes_the_place_of_cuda(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ONNX Runtime itself only warns and computes on the CPU, as it does where CUDA's libraries do not load."""
    claimed = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(LIBRARY, "get_available_providers", lambda: claimed)
    with (
        pytest.warns(UserWarning, match="CUDAExecutionProvider"),
        pytest.raises(
            EngineError, match="CUDAExecutionProvider was asked for and CPUExecutionProvider was got"
        ) as raised,
    ):
        session.load(SPECS.classifier, built / SPECS.classifier.name, replace(GPU, provider="cuda"))
    assert not isinstance(raised.value, EngineMissingError)
    assert "doctor" in raised.value.hint


@pytest.mark.parametrize("files", [[], ["x_ctx.onnx"], ["x.engine"], ["a.engine", "b.engine"]])
def test_without_its_one_engine_tensorrt_is_not_even_asked(tmp_path: Path, files: list[str]) -> None:
    """It might build for a quarter of an hour. An empty file is none."""
    shutil.copyfile(SPECS.classifier.files[0], tmp_path / f"{SPECS.classifier.name}.onnx")
    for name in files:
        (tmp_path / name).write_bytes(b"" if files == ["x.engine"] else b"engine")
    before = _contents(tmp_path)
    with pytest.raises(EngineMissingError, match="no TensorRT engine of ch_ppocr"):
        session.load(SPECS.classifier, tmp_path, replace(GPU, provider="tensorrt", precision="f16"))
    assert _contents(tmp_path) == before


def test_loading_needs_no_onnx_and_sends_no_telemetry() -> None:
    """In an interpreter of its own, without the variables that this one may have."""
    code = (
        "import os, sys, ocrspool.engine.runtimes.onnxruntime.session\n"
        "assert os.environ['ORT_DISABLE_TELEMETRY'] == '1'\n"
        "sys.exit('onnx was imported' if 'onnx' in sys.modules else 0)\n"
    )
    run_alone(code)
