"""Paddle on a CPU, with its real models: the reference that engines of other kinds are compared with."""

from __future__ import annotations

import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ocrspool.engine.ocr.recognizer import Nets, Recognizer
from ocrspool.engine.runtimes.openvino import net as openvino
from ocrspool.engine.spec import Net, Role
from ocrspool.errors import EngineError, EngineMissingError
from support import drawn_pages
from support.sealed_pages import ReadingOnly

pytest.importorskip("ocrspool.engine.runtimes.paddle.library", exc_type=ImportError)  # Paddle itself, and its libgomp

from ocrspool.engine.runtimes.paddle import predictor, program, runtime
from ocrspool.engine.runtimes.paddle.library import inference, paddle
from support.paddle_specs import CPU, GPU, characters, spec

pytestmark = pytest.mark.engine

ROLES: tuple[Role, ...] = ("detection", "recognition", "classifier")
LINES = ("Invoice 20471", "Total 183.50 EUR")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    for role in ROLES:
        (folder / role).mkdir()
        runtime.build(spec(role), folder / role, CPU)
    return folder


@pytest.fixture(scope="module")
def nets(built: Path) -> dict[Role, Net]:
    return {role: ReadingOnly(runtime.load(spec(role), built / role, CPU)) for role in ROLES}


def _page() -> NDArray[np.uint8]:
    return np.asarray(drawn_pages.page(*LINES))


def _pixels(role: Role, seed: int = 0) -> NDArray[np.uint8]:
    """Part of a page with text, in the shape that the net is best at, and noise, so that all channels differ."""
    count, height, width, _ = spec(role).profile.optimum
    noise = np.random.default_rng(seed).integers(0, 60, (count, height, width, 3))
    page = np.zeros((height, width), np.uint8)
    drawn = _page()[20 : 20 + height, :width]
    page[: drawn.shape[0], : drawn.shape[1]] = drawn
    pixels: NDArray[np.uint8] = np.maximum(page[None, :, :, None].astype(int) - noise, 0).astype(np.uint8)
    return pixels


def test_the_text_of_a_page_is_read(nets: dict[Role, Net]) -> None:
    with Recognizer(Nets(*(nets[role] for role in ROLES)), characters()) as recognizer:
        (found,) = recognizer.recognize([_page()])
    assert [drawn_pages.squeezed(line.text) for line in found.lines] == [drawn_pages.squeezed(line) for line in LINES]
    assert min(line.confidence for line in found.lines) > 0.9


@pytest.mark.parametrize("role", ROLES)
def test_openvino_computes_the_same_from_the_same_files(role: Role, nets: dict[Role, Net], tmp_path: Path) -> None:
    openvino.build(spec(role), tmp_path, CPU)
    other = openvino.load(spec(role), tmp_path, CPU)(_pixels(role))
    ours = nets[role](_pixels(role))
    for one, two in zip(ours, other, strict=True):
        assert (one.shape, one.dtype) == (two.shape, two.dtype)
        np.testing.assert_allclose(one, two, atol=2e-3)
    if role == "detection":
        assert ours[0].max() > 0.9, "the comparison would show nothing if no text were there"


def test_the_best_class_is_that_of_the_model_itself(nets: dict[Role, Net]) -> None:
    """What is appended to the program changes nothing before it: the same classes, and the same bits."""
    source = spec("recognition").files[0]
    whole = predictor.created(predictor.configured(source, CPU))
    pixels = _pixels("recognition")
    planes = ((pixels.astype(np.float64) - 127.5) / 127.5).astype(np.float32).transpose(0, 3, 1, 2)
    (scores,) = predictor.run(whole, np.ascontiguousarray(planes))
    assert scores.shape[2] == len(characters())
    np.testing.assert_allclose(scores.sum(axis=2), 1.0, atol=1e-4)  # probabilities, not logits
    best, probability = nets["recognition"](pixels)
    assert best.dtype == np.int32
    assert len(set(best.ravel().tolist())) > 5, "the comparison would show nothing if all were blank"
    np.testing.assert_array_equal(best, scores.argmax(axis=2))
    np.testing.assert_array_equal(probability, scores.max(axis=2))


def test_a_classifier_gives_probabilities(nets: dict[Role, Net]) -> None:
    (found,) = nets["classifier"](_pixels("classifier"))
    assert found.shape == (2, 2)
    np.testing.assert_allclose(found.sum(axis=1), 1.0, atol=1e-5)


def test_shapes_are_free_on_a_cpu(nets: dict[Role, Net]) -> None:
    """Also beyond the profile; so nothing needs to be run beforehand."""
    assert nets["recognition"].warm_up == ()
    for width in (32, 800, 96):
        best, probability = nets["recognition"](np.full((3, 48, width, 3), 255, np.uint8))
        assert best.shape == probability.shape
        assert best.shape[0] == 3


def test_each_channel_is_normalized_by_its_own_numbers() -> None:
    one = spec("detection")
    pixels = np.random.default_rng(1).integers(0, 256, (2, 5, 7, 3), dtype=np.uint8)
    expected = ((pixels - np.array(one.mean)) / np.array(one.std)).transpose(0, 3, 1, 2)
    tables = predictor.tables(one)
    found = predictor.normalized(pixels, tables)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(predictor.normalized(pixels[:, ::-1, ::2], tables), found[:, :, ::-1, ::2])


def test_threads_get_each_their_own_answer(nets: dict[Role, Net]) -> None:
    """A predictor keeps inputs and outputs in itself, so calls must not meet in it."""
    net = nets["recognition"]
    batches = [np.roll(_pixels("recognition", seed), 40 * seed, axis=2)[:, :, : 160 + 32 * seed] for seed in range(5)]
    alone = [net(batch) for batch in batches]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(net, batches * 4))
    for index, found in enumerate(together):
        for one, two in zip(found, alone[index % len(batches)], strict=True):
            np.testing.assert_array_equal(one, two)


def test_results_stay_when_the_net_is_called_again(nets: dict[Role, Net]) -> None:
    net = nets["recognition"]
    best, probability = net(_pixels("recognition"))
    before = best.copy(), probability.copy()
    net(np.zeros_like(_pixels("recognition")))
    np.testing.assert_array_equal(best, before[0])
    np.testing.assert_array_equal(probability, before[1])


def test_an_engine_may_be_copied_and_its_model_removed(built: Path, tmp_path: Path) -> None:
    shutil.copytree(built / "classifier", tmp_path / "elsewhere")
    gone = spec("classifier", tmp_path / "no-such-folder")
    (found,) = runtime.load(gone, tmp_path / "elsewhere", CPU)(_pixels("classifier"))
    assert found.shape == (2, 2)


@pytest.mark.parametrize("name", ["inference.pdmodel", "inference.pdiparams"])
@pytest.mark.parametrize("kept", [None, 0, 5000])
def test_a_file_that_is_missing_or_cut_is_no_engine(built: Path, tmp_path: Path, name: str, kept: int | None) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(built / "recognition", folder)
    if kept is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes((folder / name).read_bytes()[:kept])
    with pytest.raises(EngineMissingError) as raised:
        runtime.load(spec("recognition"), folder, CPU)
    assert "prebuild" in raised.value.hint
    assert kept is not None or name in raised.value.message


@pytest.mark.parametrize("role", ["detection", "recognition"])
@pytest.mark.parametrize("name", ["inference.pdmodel", "inference.pdiparams"])
def test_a_damaged_model_is_told_when_it_is_built(tmp_path: Path, role: Role, name: str) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    shutil.copytree(spec(role).files[0].parent, source)
    target.mkdir()
    (source / name).write_bytes((source / name).read_bytes()[:5000])
    with pytest.raises(EngineError) as raised:
        runtime.build(spec(role, source), target, CPU)
    assert not isinstance(raised.value, EngineMissingError), "building it once more would not help"
    assert str(source) in raised.value.message


@pytest.mark.parametrize("provider", ["cuda", "tensorrt"])
def test_a_paddle_for_the_cpu_says_that_it_has_no_gpu(tmp_path: Path, provider: str) -> None:
    """It would compute on the CPU without a word."""
    if paddle.is_compiled_with_cuda():
        pytest.skip("this Paddle was made for a GPU")
    settings = replace(GPU, provider=provider)  # type: ignore[arg-type]  # one of the two
    with pytest.raises(EngineError, match=f"CPU only.*{provider}") as raised:
        runtime.build(spec("classifier"), tmp_path, settings)
    assert "paddlepaddle-gpu" in raised.value.hint
    assert list(tmp_path.iterdir()) == []


def test_other_roles_keep_their_program() -> None:
    data = spec("detection").files[0].read_bytes()
    assert program.edited(data, "detection") == data


def test_editing_leaves_paddle_in_the_mode_it_was_in() -> None:
    program.edited(spec("recognition").files[0].read_bytes(), "recognition")
    assert paddle.in_dynamic_mode()


@pytest.fixture(scope="module")
def newer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recognition model in the newer kind of file, translated by Paddle itself."""
    if not hasattr(paddle, "pir_utils"):
        pytest.skip("Paddle 2 does not know the newer kind of model")
    folder = tmp_path_factory.mktemp("newer")
    source = spec("recognition").files[0].with_suffix("")
    config = inference.Config(f"{source}.pdmodel", f"{source}.pdiparams")
    config.disable_gpu()
    executor = paddle.static.Executor(paddle.CPUPlace())
    with paddle.static.scope_guard(paddle.static.Scope()), pytest.MonkeyPatch.context() as patch:
        with paddle.pir_utils.OldIrGuard():
            patch.setenv("FLAGS_enable_pir_in_executor", "1")  # makes it translate what it reads
            paddle.enable_static()
            translated, _, _ = paddle.static.load_inference_model(str(source), executor)
        with paddle.pir_utils.IrGuard():
            operators = translated.global_block().ops
            inputs = [one.result(0) for one in operators if one.name() == "pd_op.data"]
            outputs = [one.operand_source(0) for one in operators if one.name() == "pd_op.fetch"]
            paddle.static.save_inference_model(str(folder / "inference"), inputs, outputs, executor, program=translated)
        paddle.disable_static()
    return folder


def test_a_model_of_the_newer_kind_reads_the_same(newer: Path, nets: dict[Role, Net], tmp_path: Path) -> None:
    one = spec("recognition", newer, ".json")
    runtime.build(one, tmp_path, CPU)
    found = runtime.load(one, tmp_path, CPU)(_pixels("recognition"))
    expected = nets["recognition"](_pixels("recognition"))
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_allclose(found[1], expected[1], atol=1e-4)
    assert found[0].dtype == np.int32
    assert paddle.in_dynamic_mode()


def test_the_import_is_silent_and_leaves_signals_alone() -> None:
    """Paddle takes SIGTERM when imported; a worker ignores it, since the service alone decides when it ends."""
    code = (
        "import faulthandler, os, pathlib, signal\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "faulthandler.enable()\n"
        "def handled():\n"
        "    status = pathlib.Path('/proc/self/status').read_text().splitlines()\n"
        "    masks = [line.split()[1] for line in status if line.startswith(('SigIgn', 'SigCgt'))]\n"
        # Above are those of the C library; SIGWINCH is readline's, which Python 3.13 imports with its debugger.
        "    return [int(mask, 16) & 0x7fffffff & ~(1 << (signal.SIGWINCH - 1)) for mask in masks]\n"
        "before = handled()\n"
        "import ocrspool.engine.runtimes.paddle.runtime\n"
        "assert handled() == before, (before, handled())\n"
        "os.kill(os.getpid(), signal.SIGTERM)\n"
        "print('alive')\n"
    )
    environment = {"PYTHONPATH": ":".join(sys.path), "HOME": "/nonexistent"}
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert (done.stdout, done.stderr, done.returncode) == ("alive\n", "", 0)
