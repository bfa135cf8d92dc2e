"""The bundled models, their characters, and what an engine made of them depends on."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import pytest

from ocrspool.engine import identity
from ocrspool.engine.detection.detect import DetectSettings
from ocrspool.engine.models import catalog, model_set
from ocrspool.engine.spec import NetSpec
from ocrspool.engine_request import Precision, Settings
from ocrspool.errors import EngineError
from support.new_interpreter import run_alone

XEON = "processor\t: 0\nmodel name\t: Xeon\nflags\t\t: fpu avx2 avx512f amx_bf16 amx_tile\n\nprocessor\t: 1\n"
CORE = "processor\t: 0\nmodel name\t: Core\nflags\t\t: fpu avx2 fma\n"
ARM = "processor\t: 0\nFeatures\t: asimd i8mm\nCPU implementer\t: 0x41\nCPU part\t: 0xd0c\n"


def _with_file(path: Path, data: bytes) -> NetSpec:
    path.write_bytes(data)
    return replace(model_set.bundled().recognition, files=(path,))


def _field(number: int, data: bytes) -> bytes:
    assert len(data) < 128
    return bytes([number << 3 | 2, len(data)]) + data


def test_the_bundle_is_complete_and_says_what_each_model_is_for() -> None:
    assert [spec.role for spec in model_set.bundled()] == ["detection", "recognition", "classifier"]
    assert all(spec.files[0].stat().st_size > 100_000 for spec in model_set.bundled())


def test_the_thresholds_of_the_bundle_are_those_of_its_generation() -> None:
    """The detector's own defaults and the models' are one set of numbers."""
    thresholds = model_set.bundled().thresholds
    assert replace(DetectSettings(), **asdict(thresholds)) == DetectSettings()
    assert len(asdict(thresholds)) == 3


def test_official_sets_name_models_of_the_right_kind() -> None:
    for name, chosen in catalog.SETS.items():
        assert chosen.detection.endswith("_det"), name
        assert "_rec" in chosen.recognition, name
        assert chosen.classifier.endswith("_textline_ori"), name
        assert {catalog.package(model, "paddle") for model in chosen} == set(chosen)
    assert catalog.package("korean_PP-OCRv5_mobile_rec", "openvino") == "korean_PP-OCRv5_mobile_rec_onnx"


def test_classes_are_blank_the_listed_characters_and_space() -> None:
    found = model_set.characters(model_set.bundled().recognition)
    assert len(found) == 18710
    assert (found[0], found[-1]) == ("", " ")
    assert {"A", "é", "ß", "中", "の", "한"} - set(found) <= {"한"}  # no Hangul in this model


def test_characters_of_a_handmade_file(tmp_path: Path) -> None:
    """The reader skips numbers, fixed-width fields and other properties."""
    other = _field(14, _field(1, b"author") + _field(2, b"me"))
    wanted = _field(14, _field(1, b"character") + _field(2, "a\né".encode()))
    data = b"\x08\x0a" + b"\x11" + bytes(8) + b"\x1d" + bytes(4) + _field(7, b"graph") + other + wanted
    assert model_set.characters(_with_file(tmp_path / "model.onnx", data)) == ("", "a", "é", " ")


@pytest.mark.parametrize(
    "data",
    [b"\x0a\x7fshort", b"\x0b", b"\x72\x02\x0a\x00", b"\x08", _field(14, _field(1, b"x") + _field(2, b"\xff"))],
    ids=["truncated", "wire type", "no value", "no number", "not UTF-8"],
)
def test_a_broken_file_is_named(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(EngineError, match=r"model\.onnx"):
        model_set.characters(_with_file(tmp_path / "model.onnx", data))


def test_a_model_without_characters_is_refused_with_advice(tmp_path: Path) -> None:
    with pytest.raises(EngineError) as caught:
        model_set.characters(_with_file(tmp_path / "model.onnx", b"\x08\x0a"))
    assert caught.value.hint


def test_models_and_identity_load_no_heavy_library() -> None:
    """The service needs both, and must start in a blink."""
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from ocrspool.engine import identity; from ocrspool.engine.models import model_set\n"
        "from ocrspool.engine_request import Settings\n"
        "chosen = model_set.find('bundled', Path('/nowhere'), 'openvino')\n"
        "model_set.characters(chosen.recognition)\n"
        "settings = identity.resolved('openvino', Settings())\n"
        "identity.facts('openvino', settings)\n"
        "heavy = {'numpy', 'cv2', 'openvino', 'rapidocr', 'onnx', 'yaml'} & set(sys.modules)\n"
        "sys.exit(f'{heavy} loaded' if heavy else 0)\n"
    )
    run_alone(code)


def _facts(cpuinfo: Path, precision: Precision = "auto") -> dict[str, str]:
    settings = identity.resolved("openvino", Settings(precision=precision), cpuinfo)
    return identity.facts("openvino", settings, cpuinfo).hard


@pytest.mark.parametrize(("cpuinfo", "precision"), [(XEON, "bf16"), (CORE, "f32"), (ARM, "f32")])
def test_auto_precision_follows_the_cpu(tmp_path: Path, cpuinfo: str, precision: str) -> None:
    path = tmp_path / "cpuinfo"
    path.write_text(cpuinfo, "utf-8")
    assert _facts(path)["precision"] == precision
    assert _facts(path, precision="f32")["precision"] == "f32"


def test_facts_name_the_cpu_and_only_its_relevant_flags(tmp_path: Path) -> None:
    path = tmp_path / "cpuinfo"
    path.write_text(XEON, "utf-8")
    facts = _facts(path)
    assert facts["cpu"] == "Xeon"
    assert facts["cpu_flags"] == "amx_bf16 amx_tile avx2 avx512f"


def test_there_are_no_more_streams_than_threads() -> None:
    settings = identity.resolved("openvino", Settings(threads=4, streams=8))
    assert (settings.threads, settings.streams) == (4, 4)


def test_a_cpu_without_a_name_is_known_by_its_numbers(tmp_path: Path) -> None:
    path = tmp_path / "cpuinfo"
    path.write_text(ARM, "utf-8")
    assert _facts(path)["cpu"] == "0x41/0xd0c"
