"""Building engines that are proven and loading them with proof, with real nets.

A runtime whose kernels are wrong cannot be had here (it takes a certain GPU). Its stand-in is OpenVINO itself, made to
compile another graph than it is given: the numbers are really wrong, and nothing tells but the text.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ocrspool.engine.build.builder import build
from ocrspool.engine.cache.store import EngineCache, Manifest, measure
from ocrspool.engine.loader import load
from ocrspool.engine.plan import Plan
from ocrspool.engine.plan import plan as planned
from ocrspool.engine.runtimes.openvino import net as openvino
from ocrspool.engine.spec import Net, NetSpec, Shape
from ocrspool.engine_request import EngineRequest, Precision, Settings
from ocrspool.errors import EngineError, EngineMissingError
from ocrspool.files import file_lock
from ocrspool.machine.cpu import native_bf16, processor

pytestmark = pytest.mark.engine

MODELS = ["PP-OCRv6_small_det", "PP-OCRv6_small_rec", "ch_ppocr_mobile_v2_cls"]

UseRuntime = Callable[..., None]


def wanted(cache: Path, precision: Precision) -> EngineRequest:
    return EngineRequest(cache=str(cache), settings=Settings(precision=precision))


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """An engine in f32, its own reference; in an empty cache."""
    return planned(wanted(tmp_path, "f32"))


@pytest.fixture
def compared(tmp_path: Path) -> Plan:
    """An engine in bf16, which is compared with one in f32; in an empty cache."""
    return planned(wanted(tmp_path, "bf16"))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache with the one in f32."""
    cache = tmp_path_factory.mktemp("built")
    stages: list[str] = []
    manifest, new = build(planned(wanted(cache, "f32")), stages.append)
    assert (manifest.parity, new) == ({}, True)
    assert not any("comparing" in stage for stage in stages)
    return cache


@pytest.fixture
def ready(built: Path, plan: Plan) -> Plan:
    """The plan of that, in a copy of that cache."""
    shutil.copytree(built / "engines", plan.folder.parent)
    return plan


@pytest.fixture
def use_runtime(monkeypatch: pytest.MonkeyPatch) -> UseRuntime:
    """Put something else in the place of OpenVINO's module; what is not given stays."""

    def use(**functions: object) -> None:
        stand_in = SimpleNamespace(**{"build": openvino.build, "load": openvino.load, **functions})
        monkeypatch.setitem(sys.modules, "ocrspool.engine.runtimes.openvino.net", stand_in)

    return use


def wrong(role: str, *, only: str = "bf16") -> Callable[[NetSpec, Path, Settings], None]:
    """Build what computes nonsense: pixels as they are where the model was trained on normalized ones."""

    def compile_wrongly(spec: NetSpec, folder: Path, settings: Settings) -> None:
        if spec.role == role and settings.precision in only:
            spec = replace(spec, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
        openvino.build(spec, folder, settings)

    return compile_wrongly


def stamps(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*.*") if path.is_file()}


def no_engine(plan: Plan) -> bool:
    return not list(plan.folder.parent.rglob("manifest.json"))


def test_a_build_is_compared_and_leaves_nothing_but_the_engine(compared: Plan) -> None:
    """Other numbers, the same text: the manifest keeps how close they were."""
    stages: list[str] = []
    manifest, _ = build(compared, stages.append)
    assert any("comparing" in stage for stage in stages)
    assert compared.cache.find(compared.identity) == manifest
    parity = manifest.parity
    assert "f32 on the cpu" in parity["reference"]
    assert parity["lines"] == 14
    assert parity["characters_differing"] <= 2
    assert parity["worst_shift"] < 10
    assert parity["confidence_difference"] < 0.1
    if native_bf16(processor()[1]):  # elsewhere OpenVINO may well compute in f32
        assert parity["confidence_difference"] > 0, "it was compared with itself"
    assert sorted(path.name for path in compared.folder.iterdir()) == sorted([*MODELS, "manifest.json"])
    assert sorted(path.name for path in compared.folder.parent.iterdir() if path.suffix != ".lock") == [
        manifest.fingerprint,
        "history.json",
    ]
    assert manifest.known_text == ["Known page: 0123456789", "Grüße, señor – 1.234,56 €"]  # noqa: RUF001 - a dash


def test_the_reference_itself_has_to_read_what_is_written(plan: Plan, use_runtime: UseRuntime) -> None:
    """It is compared with nothing else."""
    use_runtime(build=wrong("recognition", only="f32"))
    with pytest.raises(EngineError, match="the new engine does not read the known page"):
        build(plan, lambda _: None)
    assert no_engine(plan)


@pytest.mark.parametrize(
    ("role", "said"),
    [
        ("detection", "it has no line where|where .* sees no text|differ"),
        ("recognition", "differ|it has no line where"),
    ],
)
def test_wrong_numbers_are_found_before_they_are_used(
    compared: Plan, use_runtime: UseRuntime, role: str, said: str
) -> None:
    """The runtime says nothing, the text does: no engine, nothing kept that a next build would take for good."""
    use_runtime(build=wrong(role))
    with pytest.raises(EngineError, match=said) as caught:
        build(compared, lambda _: None)
    assert "computes other results than its reference" in caught.value.message
    assert "engine.precision" in caught.value.hint
    assert no_engine(compared)
    assert measure(compared.folder) == {}
    assert not file_lock.is_held(compared.folder.with_suffix(".lock"))


def test_a_broken_reference_is_no_judge(compared: Plan, use_runtime: UseRuntime) -> None:
    """Both are wrong, and alike: the text on the page tells. The models stay for when it is mended."""
    use_runtime(build=wrong("recognition", only="f32 bf16"))
    with pytest.raises(
        EngineError, match=r"its reference, openvino .* fails: it does not read the known page"
    ) as caught:
        build(compared, lambda _: None)
    assert "Known page: 0123456789" in caught.value.message
    assert no_engine(compared)
    assert sorted(path.name for path in compared.folder.iterdir()) == sorted(
        [*MODELS, *(f"{m}.built.json" for m in MODELS)]
    )


def test_a_build_goes_on_where_the_last_one_ended(plan: Plan, use_runtime: UseRuntime) -> None:
    """The second model fails to build: the first is not built again, and the time it took is not forgotten."""

    def fails(spec: NetSpec, folder: Path, settings: Settings) -> None:
        (folder / "half").write_bytes(b"half")
        if spec.role == "recognition":
            raise EngineError("out of something")
        openvino.build(spec, folder, settings)

    use_runtime(build=fails)
    with pytest.raises(EngineError, match="out of something"):
        build(plan, lambda _: None)
    before = stamps(plan.folder / MODELS[0])
    assert before
    use_runtime()
    stages: list[str] = []
    manifest, new = build(plan, stages.append)
    assert new
    assert "detection engine 1/3 is there already: PP-OCRv6_small_det" in stages
    assert [stage for stage in stages if stage.startswith("building")] == [
        "building recognition engine 2/3: PP-OCRv6_small_rec",
        "building classifier engine 3/3: ch_ppocr_mobile_v2_cls",
    ]
    assert stamps(plan.folder / MODELS[0]) == before
    assert not (plan.folder / MODELS[1] / "half").exists()
    assert list(manifest.seconds)[:3] == MODELS
    assert list(plan.folder.glob("*.built.json")) == []
    load(plan, lambda _: None).recognizer.close()


def test_models_that_do_not_load_are_not_kept(plan: Plan, use_runtime: UseRuntime) -> None:
    """A record vouches for bytes, not for sense: what the runtime refuses is gone, so that the next build works."""
    use_runtime(build=lambda _spec, folder, _settings: (folder / "x.blob").write_bytes(b"nonsense"))
    with pytest.raises(EngineMissingError):
        build(plan, lambda _: None)
    assert measure(plan.folder) == {}


def test_of_a_damaged_engine_only_what_is_damaged_is_built(ready: Plan) -> None:
    """Two of three models are as they were."""
    blob = max((ready.folder / MODELS[2]).glob("*.blob"))
    blob.chmod(0o600)
    os.truncate(blob, 100)
    before = {model: stamps(ready.folder / model) for model in MODELS}
    stages: list[str] = []
    assert build(ready, stages.append)[1]
    assert [stage for stage in stages if stage.startswith("building")] == [
        "building classifier engine 3/3: ch_ppocr_mobile_v2_cls"
    ]
    assert stages[0] != stages[1]
    assert any(blob.name in stage for stage in stages), "why it is built is told"
    changed = [model for model in MODELS if stamps(ready.folder / model) != before[model]]
    assert changed == [MODELS[2]]


def test_what_is_there_is_not_built_again(ready: Plan, built: Path) -> None:
    """And its manifest is the one of the build."""
    manifest, new = build(ready, lambda _: None)
    assert not new
    assert manifest == EngineCache(built).find(ready.identity)


def test_the_stages_of_a_load_are_timed(ready: Plan) -> None:
    """Each model for itself, too; a slow start can be explained."""
    stages: list[str] = []
    proven = load(ready, stages.append)
    recognizer, seconds = proven.recognizer, proven.seconds
    recognizer.close()
    assert set(seconds) == {"runtime", "verify", "load", "warm-up", *(f"load {model}" for model in MODELS)}
    assert max(seconds[f"load {model}"] for model in MODELS) <= seconds["load"] + 0.01


def test_what_has_changed_beside_the_engine_is_told(ready: Plan, caplog: pytest.LogCaptureFixture) -> None:
    """A new driver is no new engine: it loads, is proven, and the change is logged."""
    update(ready, soft={"driver": "580.1", "gpu_uuid": "GPU-1"})
    plan = replace(ready, soft={"driver": "590.2", "gpu_uuid": "GPU-1"})
    with caplog.at_level(logging.WARNING):
        load(plan, lambda _: None).recognizer.close()
    (record,) = caplog.records
    assert "driver: 580.1 → 590.2" in record.getMessage()
    assert "gpu_uuid" not in record.getMessage()


def test_a_changed_driver_does_not_excuse_other_text(ready: Plan) -> None:
    update(ready, soft={"driver": "580.1"}, known_text=["Known page: 0123456780"])
    with pytest.raises(EngineMissingError, match=r"reads the known page as .*0123456789.*, not .*0123456780"):
        load(replace(ready, soft={"driver": "590.2"}), lambda _: None)


class OfFixedShapes:
    """A net as TensorRT makes them: shapes are fixed, and this one has lost its largest."""

    def __init__(self, net: Net) -> None:
        self._net = net

    @property
    def warm_up(self) -> tuple[Shape, ...]:
        return self.profile.minimum, self.profile.maximum

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the net has
        return getattr(self._net, name)

    def __call__(self, batch: Any) -> Any:  # noqa: ANN401 - as the net
        if batch.shape == self.profile.maximum:
            raise EngineError("it does not run at its largest shape")
        return self._net(batch)


def test_both_ends_of_fixed_shapes_are_run(ready: Plan, use_runtime: UseRuntime) -> None:
    """The known page takes neither end; a page in the first minute might."""
    use_runtime(load=lambda *arguments: OfFixedShapes(openvino.load(*arguments)))
    with pytest.raises(EngineError, match="largest shape"):
        load(ready, lambda _: None)


def update(plan: Plan, **values: object) -> Manifest:
    """Change what the manifest says."""
    manifest: Manifest = replace(plan.cache.find(plan.identity), **values)  # type: ignore[arg-type] # of its fields
    plan.cache.publish(plan.identity, manifest)
    return manifest
