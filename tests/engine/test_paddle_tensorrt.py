"""Paddle with TensorRT, as far as it can be seen without a GPU.

Real: collecting shapes, the model's program, which files an engine must have. Stand-ins, named so: Paddle's `Config`,
which records what it is told, its `create_predictor`, which does to files and says what Paddle 2.6 does and says, and
`paddle.tensorrt.export` of Paddle 3, which the CPU wheel does not have.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from importlib import util
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ocrspool.errors import DeviceMemoryError, EngineError, EngineMissingError
from support.paddle_specs import CPU, GPU, spec

pytest.importorskip("ocrspool.engine.runtimes.paddle.library", exc_type=ImportError)  # Paddle itself, and its libgomp

from ocrspool.engine.runtimes.paddle import pir, predictor, runtime, shapes, tensorrt
from ocrspool.engine.runtimes.paddle.library import inference, paddle

pytestmark = pytest.mark.engine

ENGINE = "tensorrt/trt_serialized_1234567890"

Predictor = Callable[["RecordingConfig"], object]


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the shapes of the recognition model were collected, as a build begins."""
    folder = tmp_path_factory.mktemp("collected")
    runtime.build(spec("recognition"), folder, CPU)
    assert tensorrt.collect(spec("recognition"), folder, GPU) == "x"
    return folder


@pytest.fixture
def engine(collected: Path, tmp_path: Path) -> Path:
    """A folder with all the files of an engine; what is in the engine itself only a GPU could say."""
    folder = tmp_path / "engine"
    shutil.copytree(collected, folder)
    ranges = (folder / "shapes.pbtxt").read_text("ascii")
    (folder / "shapes-load.pbtxt").write_text(shapes.unbuildable(ranges, "x"), "ascii")
    (folder / ENGINE).parent.mkdir()
    (folder / ENGINE).write_bytes(b"a plan")
    return folder


@dataclass
class RecordingConfig:
    """Stands in for paddle.inference.Config, which needs a GPU for these calls: it only writes them down."""

    model: str
    weights: str
    calls: dict[str, tuple[tuple[object, ...], dict[str, object]]] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Callable[..., None]:
        def record(*values: object, **named: object) -> None:
            self.calls[name] = (values, named)

        return record


@pytest.fixture
def use_predictor(monkeypatch: pytest.MonkeyPatch) -> Callable[[Predictor], list[RecordingConfig]]:
    """Put both stand-ins in place; the list fills with the configurations that predictors were asked of."""

    def use(made: Predictor) -> list[RecordingConfig]:
        seen: list[RecordingConfig] = []

        def create(config: RecordingConfig) -> object:
            seen.append(config)
            return made(config)

        monkeypatch.setattr(inference, "Config", RecordingConfig)
        monkeypatch.setattr(inference, "create_predictor", create)
        return seen

    return use


def _entry(text: str, name: str) -> dict[str, list[int]]:
    (found,) = [entry for entry in text.split("shape_range_info {") if f'name: "{name}"\n' in entry]
    numbers: dict[str, list[int]] = {}
    for line in found.splitlines():
        key, _, value = line.strip().partition(": ")
        if key.endswith("_shape"):
            numbers.setdefault(key, []).append(int(value))
    return numbers


def test_collected_shapes_are_those_of_the_profile(collected: Path) -> None:
    """Pixels come as [n, h, w, c], models take [n, c, h, w]; the optimum is what was run most often."""
    found = _entry((collected / "shapes.pbtxt").read_text("ascii"), "x")
    assert found == {"min_shape": [1, 3, 48, 32], "opt_shape": [2, 3, 48, 320], "max_shape": [2, 3, 48, 640]}


def test_shapes_to_load_with_differ_where_paddle_looks_only_when_it_builds(collected: Path) -> None:
    text = (collected / "shapes.pbtxt").read_text("ascii")
    changed = shapes.unbuildable(text, "x")
    before, after = _entry(text, "x"), _entry(changed, "x")
    assert before.pop("opt_shape")[1] == 3
    assert after.pop("opt_shape")[1] == 7
    assert before == after
    differing = [pair for pair in zip(text.splitlines(), changed.splitlines(), strict=True) if pair[0] != pair[1]]
    assert len(differing) == 1


def test_shapes_without_the_input_are_no_shapes(collected: Path) -> None:
    with pytest.raises(ValueError, match="no-such-input"):
        shapes.unbuildable((collected / "shapes.pbtxt").read_text("ascii"), "no-such-input")


@pytest.mark.parametrize("gone", ["shapes-load.pbtxt", ENGINE, "inference.pdmodel", "inference.pdiparams"])
def test_an_engine_without_one_of_its_files_is_missing(engine: Path, gone: str) -> None:
    """Before Paddle is asked for anything: it would build another."""
    (engine / gone).unlink()
    with pytest.raises(EngineMissingError, match=r"missing$") as raised:
        runtime.load(spec("recognition"), engine, GPU)
    assert Path(gone).name.rstrip("0123456789") in raised.value.message


def test_two_engines_of_one_net_are_none(engine: Path) -> None:
    (engine / "tensorrt/trt_serialized_1").write_bytes(b"another")
    with pytest.raises(EngineMissingError, match="2 TensorRT engines"):
        runtime.load(spec("recognition"), engine, GPU)


def test_loading_and_building_differ_in_the_shapes_only(
    engine: Path, use_predictor: Callable[[Predictor], list[RecordingConfig]]
) -> None:
    """A file's name is a hash of the rest: were it configured otherwise, Paddle would not find what it built."""
    seen = use_predictor(lambda config: config)
    tensorrt.load(spec("recognition"), engine, GPU)
    loading = seen[0].calls
    building = tensorrt._configured(spec("recognition"), engine, GPU, "shapes.pbtxt").calls
    assert loading.pop("enable_tuned_tensorrt_dynamic_shape") == ((str(engine / "shapes-load.pbtxt"), False), {})
    assert building.pop("enable_tuned_tensorrt_dynamic_shape") == ((str(engine / "shapes.pbtxt"), False), {})
    assert loading == building
    assert (seen[0].model, seen[0].weights) == (str(engine / "inference.pdmodel"), str(engine / "inference.pdiparams"))


def test_settings_take_effect(engine: Path, use_predictor: Callable[[Predictor], list[RecordingConfig]]) -> None:
    seen = use_predictor(lambda config: config)
    for settings in (GPU, replace(GPU, device="gpu:3", precision="f32", workspace_mb=2048)):
        tensorrt.load(spec("recognition"), engine, settings)
    half, single = (config.calls for config in seen)
    assert half["set_optim_cache_dir"] == ((str(engine / "tensorrt"),), {})
    assert half["enable_use_gpu"][0][1:] == (0,)
    assert single["enable_use_gpu"][0][1:] == (3,)
    options = half["enable_tensorrt_engine"][1]
    assert options["precision_mode"] == inference.PrecisionType.Half
    assert options["workspace_size"] == 512 << 20
    assert options["max_batch_size"] == 2
    assert options["use_static"] is True
    assert single["enable_tensorrt_engine"][1]["precision_mode"] == inference.PrecisionType.Float32
    assert single["enable_tensorrt_engine"][1]["workspace_size"] == 2048 << 20


def test_a_net_on_a_gpu_warms_up_at_both_ends() -> None:
    net = predictor.PaddleNet(spec("recognition"), GPU, object())
    assert net.warm_up == ((1, 48, 32, 3), (2, 48, 640, 3))
    assert (net.batch, net.parallel) == (2, GPU.streams)


def test_an_engine_that_paddle_builds_anew_is_found_out(
    engine: Path, use_predictor: Callable[[Predictor], list[RecordingConfig]]
) -> None:
    """The stand-in does what Paddle does when TensorRT refuses a file: it writes another, and says nothing."""
    use_predictor(lambda _: (engine / ENGINE).write_bytes(b"another plan"))
    with pytest.raises(EngineMissingError, match=r"built the engine .* instead of loading"):
        tensorrt.load(spec("recognition"), engine, GPU)
    assert (engine / ENGINE).is_file(), "what is there is left for whoever looks into it"


@pytest.mark.parametrize(
    ("says", "kind"),
    [
        # As Paddle 2.6.2 words them; the first is what shapes.unbuildable is for.
        ("(InvalidArgument) The dim (1) of the min_input_shape and optim_input_shape should be same.", "missing"),
        ("(Fatal) Building TRT cuda engine failed when deserializing engine info.", "missing"),
        ("(External) CUDA error(2), out of memory.", "memory"),
    ],
)
def test_what_paddle_says_when_it_fails_to_load(
    engine: Path, use_predictor: Callable[[Predictor], list[RecordingConfig]], says: str, kind: str
) -> None:
    def fail(_: RecordingConfig) -> object:
        raise OSError(says)

    use_predictor(fail)
    with pytest.raises(EngineError) as raised:
        tensorrt.load(spec("recognition"), engine, GPU)
    assert type(raised.value) is {"missing": EngineMissingError, "memory": DeviceMemoryError}[kind]
    assert says in raised.value.message


def test_a_program_outside_tensorrt_is_refused(engine: Path) -> None:
    """A real program: that of the CPU, all of it outside."""
    config = predictor.configured(engine / "inference.pdmodel", CPU)
    operators = tensorrt._operators(paddle.base.core.create_paddle_predictor(config))
    with pytest.raises(EngineError, match=r"0 TensorRT engines .* operators outside .*arg_max.*softmax"):
        tensorrt._require_whole(spec("recognition"), engine, operators)


@pytest.mark.parametrize(
    "operators",
    [["feed", "tensorrt_engine", "scale", "fetch"], ["feed", "tensorrt_engine", "tensorrt_engine", "fetch"], ["feed"]],
)
def test_a_whole_program_is_one_engine_and_nothing_beside_it(engine: Path, operators: list[str]) -> None:
    one = spec("recognition")
    tensorrt._require_whole(one, engine, ["feed", "tensorrt_engine", "fetch", "fetch"])
    with pytest.raises(EngineError, match=f"{operators.count('tensorrt_engine')} TensorRT engines"):
        tensorrt._require_whole(one, engine, operators)


@pytest.fixture
def converter(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Stands in for paddle.tensorrt.export of Paddle 3.3: takes what that takes, leaves the files that it leaves."""
    export = ModuleType("paddle.tensorrt.export")
    conversions: list[dict[str, Any]] = []

    def convert(path: str, config: SimpleNamespace) -> None:
        (shape,) = config.inputs
        conversions.append({"path": path, "input": vars(shape), **vars(config)})
        target = Path(config.save_model_dir)
        target.mkdir(parents=True)
        engine = target / "engine_4711_0.trt"
        engine.write_bytes(b"a plan")
        attribute = {"#": "1.tensorrt_engine", "A": [{"N": "engine_serialized_data", "AT": {"D": str(engine)}}]}
        target.with_suffix(".json").write_text(json.dumps({"program": [attribute]}), "utf-8")
        target.with_suffix(".pdiparams").write_bytes(b"weights")

    vars(export).update(
        convert=convert,
        Input=SimpleNamespace,
        TensorRTConfig=SimpleNamespace,
        PrecisionMode=SimpleNamespace(FP16="FP16", FP32="FP32"),
    )
    monkeypatch.setitem(sys.modules, "paddle.tensorrt", ModuleType("paddle.tensorrt"))
    monkeypatch.setitem(sys.modules, "paddle.tensorrt.export", export)
    return conversions


def test_conversion_gets_our_shapes_and_settings(converter: list[dict[str, Any]], tmp_path: Path) -> None:
    """Read, not run: without a GPU and Paddle 3 for it, that is as far as it goes."""
    pir.build(spec("recognition"), tmp_path, GPU)
    pir.build(spec("recognition"), tmp_path / "other", replace(GPU, precision="f32", workspace_mb=2048))
    half, single = converter
    assert half["path"] == str(tmp_path / "inference")
    assert half["save_model_dir"] == str(tmp_path / "trt/inference")
    assert half["input"] == {
        "min_input_shape": (1, 3, 48, 32),
        "optim_input_shape": (2, 3, 48, 320),
        "max_input_shape": (2, 3, 48, 640),
        "input_data_type": "float32",
    }
    assert (half["precision_mode"], half["workspace_size"]) == ("FP16", 512 << 20)
    assert (single["precision_mode"], single["workspace_size"]) == ("FP32", 2048 << 20)
    assert half["optimization_level"] == 3


def test_a_converter_that_leaves_no_engine_fails(
    converter: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["paddle.tensorrt.export"], "convert", lambda *_: None)
    with pytest.raises(EngineError, match="no part"):
        pir.build(spec("recognition"), tmp_path, GPU)
    assert converter == []


def test_conversion_happens_on_the_first_gpu_only(converter: list[dict[str, Any]], tmp_path: Path) -> None:
    """Paddle 3.3 names GPU 0 in its source."""
    with pytest.raises(EngineError) as raised:
        pir.build(spec("recognition"), tmp_path, replace(GPU, device="gpu:1"))
    assert "CUDA_VISIBLE_DEVICES=1" in raised.value.hint
    assert converter == []


def test_a_cpu_wheel_has_no_converter(tmp_path: Path) -> None:
    if util.find_spec("paddle.tensorrt") is not None:
        pytest.skip("this Paddle has the converter")
    with pytest.raises(EngineError, match="no converter"):
        pir.build(spec("recognition"), tmp_path, GPU)


@pytest.fixture
def converted(converter: list[dict[str, Any]], tmp_path: Path) -> Path:
    folder = tmp_path / "converted"
    folder.mkdir()
    for name in ("inference.json", "inference.pdiparams"):
        (folder / name).touch()
    pir.build(spec("recognition"), folder, GPU)
    assert converter.pop()["path"] == str(folder / "inference")
    return folder


class RunningPredictor:
    """Stands in for a predictor on a GPU: opens the engines at its first run, as Paddle 3 does."""

    def __init__(self, engine: Path) -> None:
        self._engine = engine
        self.shapes: list[tuple[int, ...]] = []

    def get_input_names(self) -> list[str]:
        return ["x"]

    def get_output_names(self) -> list[str]:
        return []

    def get_input_handle(self, _: str) -> SimpleNamespace:
        return SimpleNamespace(copy_from_cpu=lambda pixels: self.shapes.append(pixels.shape))

    def run(self) -> None:
        if self._engine.read_bytes() != b"a plan":
            raise RuntimeError("(Fatal) Building TRT cuda engine failed when deserializing engine info.")


def test_a_converted_model_is_loaded_and_run_but_not_converted(
    converted: Path,
    converter: list[dict[str, Any]],
    use_predictor: Callable[[Predictor], list[RecordingConfig]],
) -> None:
    running = RunningPredictor(converted / "trt/inference/engine_4711_0.trt")
    seen = use_predictor(lambda _: running)
    assert pir.load(spec("recognition"), converted, GPU) is running
    assert running.shapes == [(1, 3, 48, 32)]
    assert seen[0].model == str(converted / "trt/inference.json")
    assert converter == [], "nothing was converted"


def test_an_engine_that_tensorrt_refuses_is_missing(
    converted: Path, use_predictor: Callable[[Predictor], list[RecordingConfig]]
) -> None:
    engine = converted / "trt/inference/engine_4711_0.trt"
    engine.write_bytes(b"a p")
    use_predictor(lambda _: RunningPredictor(engine))
    with pytest.raises(EngineMissingError, match="deserializing"):
        pir.load(spec("recognition"), converted, GPU)


@pytest.mark.parametrize("gone", ["trt/inference.json", "trt/inference.pdiparams", "trt/inference/engine_4711_0.trt"])
def test_a_converted_model_without_one_of_its_files_is_missing(converted: Path, gone: str) -> None:
    """PaddleX takes the first two for all there is."""
    (converted / gone).unlink()
    with pytest.raises(EngineMissingError):
        runtime.load(spec("recognition", suffix=".json"), converted, GPU)


def test_a_converted_model_that_was_moved_is_missing(converted: Path) -> None:
    """The engine's path stands in it."""
    moved = converted.rename(converted.with_name("moved"))
    with pytest.raises(EngineMissingError, match=r"engine_4711_0\.trt is missing"):
        runtime.load(spec("recognition", suffix=".json"), moved, GPU)


def test_an_empty_converted_program_names_no_engine(converted: Path) -> None:
    (converted / "trt/inference.json").write_bytes(b"")
    with pytest.raises(EngineMissingError, match="names no engine"):
        runtime.load(spec("recognition", suffix=".json"), converted, GPU)


def test_runs_of_a_stand_in_get_what_the_model_takes(converted: Path) -> None:
    """The net's own part: pixels [n, h, w, c] become normalized planes before they get to the predictor."""
    running = RunningPredictor(converted / "trt/inference/engine_4711_0.trt")
    predictor.PaddleNet(spec("recognition"), GPU, running)(np.zeros((2, 48, 64, 3), np.uint8))
    assert running.shapes == [(2, 3, 48, 64)]
