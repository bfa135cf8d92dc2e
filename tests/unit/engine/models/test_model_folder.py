"""Models out of folders: what their inference.yml says, which files a runtime reads, and what is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ocrspool.engine.models import inference_yml, model_set
from ocrspool.engine.shapes import profiled
from ocrspool.engine.spec import Thresholds
from ocrspool.engine_request import Runtime, Settings
from ocrspool.errors import ConfigError, EngineError, EngineMissingError
from support import model_folders
from support.model_folders import ONNX, PIR, PROGRAM

SMALL = ("PP-OCRv6_small_det", "PP-OCRv6_small_rec", "PP-LCNet_x0_25_textline_ori")
RUNTIMES: list[Runtime] = ["openvino", "onnxruntime", "paddle"]


def _folder(path: Path, kind: tuple[str, ...] = ONNX, names: tuple[str, ...] = SMALL) -> Path:
    """A folder with a folder for each model, whose names say nothing."""
    for number, name in enumerate(names):
        model_folders.put(path / f"model {number}", model_folders.contents(name, kind))
    return path


def _description(path: Path, text: str) -> inference_yml.Description | None:
    path.write_text(text, "utf-8")
    return inference_yml.read(path)


def test_a_folder_is_understood_by_what_its_models_say(tmp_path: Path) -> None:
    found = model_set.find(str(_folder(tmp_path)), tmp_path, "openvino")
    assert [(spec.role, spec.name) for spec in found] == [
        ("detection", "PP-OCRv6_small_det"),
        ("recognition", "PP-OCRv6_small_rec"),
        ("classifier", "PP-LCNet_x0_25_textline_ori"),
    ]
    assert found.detection.files == (tmp_path / "model 0/inference.onnx", tmp_path / "model 0/inference.yml")
    assert found.detection.mean == pytest.approx((123.675, 116.28, 103.53))
    assert found.detection.std == pytest.approx((58.395, 57.12, 57.375))
    assert found.recognition.mean == found.recognition.std == (127.5, 127.5, 127.5)
    assert found.classifier.mean == pytest.approx((123.675, 116.28, 103.53))
    assert found.thresholds == Thresholds(0.3, 0.6, 1.5)


def test_a_relative_path_and_the_name_of_a_folder_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _folder(tmp_path / "mine")
    monkeypatch.chdir(tmp_path)
    assert model_set.find("mine", tmp_path, "openvino") == model_set.find("./mine", tmp_path, "openvino")


def test_characters_are_text_whatever_yaml_takes_them_for(tmp_path: Path) -> None:
    """`no`, `1` and `~` are words, a number and nothing in YAML; here they are what is read on paper."""
    recognition = model_set.find(str(_folder(tmp_path)), tmp_path, "onnxruntime").recognition
    assert model_set.characters(recognition) == ("", "a", "no", "no", "1", "'", " ", "~", " ")


@pytest.mark.parametrize(
    ("runtime", "kind"), [("openvino", ONNX), ("openvino", PROGRAM), ("onnxruntime", ONNX), ("paddle", PIR)]
)
def test_a_runtime_gets_the_files_that_it_reads(tmp_path: Path, runtime: Runtime, kind: tuple[str, ...]) -> None:
    """All three kinds in one folder are no confusion, and the weights are a part of the identity."""
    _folder(tmp_path, kind)
    for spec in model_set.find(str(tmp_path), tmp_path, runtime):
        assert [path.name for path in spec.files] == [*kind, "inference.yml"]
    for number in range(3):
        for name in {*ONNX, *PIR, *PROGRAM}:
            (tmp_path / f"model {number}" / name).touch()
    first = {"openvino": ONNX, "onnxruntime": ONNX, "paddle": PIR}[runtime]
    assert model_set.find(str(tmp_path), tmp_path, runtime).detection.files[0].name == first[0]


@pytest.mark.parametrize(
    ("runtime", "kind"), [("openvino", PIR), ("onnxruntime", PIR), ("onnxruntime", PROGRAM), ("paddle", ONNX)]
)
def test_models_of_another_format_are_none(tmp_path: Path, runtime: Runtime, kind: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match=f"no detection and no recognition .*{runtime}") as caught:
        model_set.find(str(_folder(tmp_path, kind)), tmp_path, runtime)
    assert "inference.yml" in caught.value.hint


@pytest.mark.parametrize("missing", [*ONNX, "inference.yml"])
def test_half_a_model_is_none(tmp_path: Path, missing: str) -> None:
    _folder(tmp_path)
    (tmp_path / "model 0" / missing).unlink()
    with pytest.raises(ConfigError, match="no detection model"):
        model_set.find(str(tmp_path), tmp_path, "openvino")


def test_without_a_classifier_the_bundled_one_is_used_where_it_can_be_read(tmp_path: Path) -> None:
    _folder(tmp_path / "onnx", ONNX, SMALL[:2])
    assert model_set.find(str(tmp_path / "onnx"), tmp_path, "onnxruntime").classifier == model_set.bundled().classifier
    _folder(tmp_path / "paddle", PIR, SMALL[:2])
    with pytest.raises(ConfigError, match="no classifier model for paddle"):
        model_set.find(str(tmp_path / "paddle"), tmp_path, "paddle")


def test_two_of_a_kind_are_a_question(tmp_path: Path) -> None:
    _folder(tmp_path, ONNX, (*SMALL, "PP-OCRv5_mobile_rec"))
    with pytest.raises(ConfigError, match="two recognition models for openvino, model 1 and model 3"):
        model_set.find(str(tmp_path), tmp_path, "openvino")


@pytest.mark.parametrize("labels", ["['0', '90', '180', '270']", "[wired_table, wireless_table]"])
def test_models_for_other_purposes_are_passed_over(tmp_path: Path, labels: str) -> None:
    _folder(tmp_path)
    other = model_folders.CLASSIFIER.replace("[0_degree, 180_degree]", labels).format(name="other")
    model_folders.put(tmp_path / "other", {"inference.onnx": b"", "inference.yml": other.encode()})
    seal = model_folders.DETECTION.replace("unclip_ratio", "box_type: poly, unclip_ratio").format(name="seal_det")
    model_folders.put(tmp_path / "seal", {"inference.onnx": b"", "inference.yml": seal.encode()})
    layout = "Global: {model_name: layout}\ndraw_threshold: 0.5\n"
    model_folders.put(tmp_path / "layout", {"inference.onnx": b"", "inference.yml": layout.encode()})
    model_folders.put(tmp_path / ".hidden", model_folders.contents("PP-OCRv5_mobile_det"))
    assert model_set.find(str(tmp_path), tmp_path, "openvino").detection.name == SMALL[0]


def test_the_classifier_keeps_its_own_size(tmp_path: Path) -> None:
    """Shapes follow the settings, but for the classifier, whose shape is fixed by its training."""
    settings = Settings(batch_lines=4, line_width=640)
    found = profiled(model_set.find(str(_folder(tmp_path)), tmp_path, "openvino"), settings)
    assert found.classifier.profile.maximum == (4, 80, 160, 3)
    assert profiled(model_set.bundled(), settings).classifier.profile.maximum == (4, 48, 192, 3)
    assert found.thresholds == Thresholds(0.3, 0.6, 1.5)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("img_mode: BGR", "img_mode: RGB", "img_mode"),
        ("thresh: 0.3, ", "", "thresh is missing"),
        ("scale: 1./255.", "scale: 1/0", "scale"),
        ("scale: 1./255.", "scale: exit()", "exit"),
        ("scale: 1./255.", "scale: -1", "scale"),
        ("scale: 1./255.", "scale: [1]", "scale is no number"),
        ("mean: [0.485, 0.456, 0.406]", "mean: 0.5", "mean"),
        ("mean: [0.485, 0.456, 0.406]", "mean: [a, b, c]", "could not convert"),
        ("mean: [0.485, 0.456, 0.406]", "mean: [{a: b}, 0.5, 0.5]", "mean"),
        ("std: [0.229, 0.224, 0.225]", "std: [0, 1, 1]", "std"),
        ("PreProcess:", "Before:", "transform_ops"),
        ("det}}", "/up}}", "model_name"),
        ("{{model_name: ", "{{name: ", "model_name"),
        ("Global: {{", "Global: {{{{", "no YAML"),
    ],
)
def test_a_description_that_cannot_be_followed_is_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    text = model_folders.DETECTION.replace("{name}", "det").replace(old, new).replace("{{", "{").replace("}}", "}")
    with pytest.raises(EngineError, match=rf"inference\.yml.*{said}") as caught:
        _description(tmp_path / "inference.yml", text)
    assert caught.value.hint


@pytest.mark.parametrize("text", ["", "- a list\n", "text\n"])
def test_what_is_no_description_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(EngineError, match=r"inference\.yml"):
        _description(tmp_path / "inference.yml", text)


@pytest.mark.parametrize(
    ("old", "new"), [("[3, 48, 320]", "[48, 320]"), ("[3, 48, 320]", "[3, x, 320]"), ("[a, 'no'", "[[a], 'no'")]
)
def test_a_recognition_model_states_its_lines_and_characters(tmp_path: Path, old: str, new: str) -> None:
    with pytest.raises(EngineError, match=r"inference\.yml"):
        _description(tmp_path / "inference.yml", model_folders.yml("some_rec").replace(old, new))


def test_lines_of_another_height_are_refused(tmp_path: Path) -> None:
    _folder(tmp_path)
    file = tmp_path / "model 1/inference.yml"
    file.write_text(file.read_text("utf-8").replace("48", "32"), "utf-8")
    with pytest.raises(ConfigError, match="lines 32 pixels high"):
        model_set.find(str(tmp_path), tmp_path, "openvino")


def test_an_edited_description_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "inference.yml"
    first = _description(file, model_folders.yml("one_det"))
    second = _description(file, model_folders.yml("another_det"))
    assert first is not None
    assert second is not None
    assert (first.name, second.name) == ("one_det", "another_det")


def _official(folder: Path, suffix: str, kind: tuple[str, ...]) -> None:
    for name in SMALL:
        model_folders.put(folder / f"{name}{suffix}", model_folders.contents(name, kind))


def test_an_official_set_is_found_where_it_was_put(tmp_path: Path) -> None:
    """Both formats lie side by side, as PaddleX puts them; each runtime finds its own."""
    _official(tmp_path, "_onnx", ONNX)
    _official(tmp_path, "", PIR)
    assert model_set.find("PP-OCRv6_small", tmp_path, "openvino").detection.files[0] == (
        tmp_path / "PP-OCRv6_small_det_onnx/inference.onnx"
    )
    assert model_set.find("PP-OCRv6_small", tmp_path, "paddle").detection.files[0] == (
        tmp_path / "PP-OCRv6_small_det/inference.json"
    )


def test_an_official_set_that_is_not_there_says_what_it_wants(tmp_path: Path) -> None:
    _official(tmp_path, "_onnx", ONNX)
    (tmp_path / "PP-OCRv6_small_rec_onnx/inference.onnx").unlink()
    with pytest.raises(EngineMissingError) as caught:
        model_set.find("PP-OCRv6_small", tmp_path, "onnxruntime")
    assert f"PP-OCRv6_small_rec_onnx is not in {tmp_path}" in caught.value.message
    assert "prebuild" in caught.value.hint
    assert (
        "put there the folder PP-OCRv6_small_rec_onnx, each with inference.yml and inference.onnx" in caught.value.hint
    )


def test_a_set_that_only_paddle_can_read_is_refused_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="published for Paddle only"):
        model_set.find("PP-OCRv4_mobile", tmp_path, "onnxruntime")
    with pytest.raises(EngineMissingError, match="PP-OCRv4_mobile_det, "):
        model_set.find("PP-OCRv4_mobile", tmp_path, "paddle")


def test_a_wrong_model_under_an_official_name_is_refused(tmp_path: Path) -> None:
    _official(tmp_path, "_onnx", ONNX)
    (tmp_path / "PP-OCRv6_small_det_onnx/inference.yml").write_text(model_folders.yml("PP-OCRv5_mobile_det"), "utf-8")
    with pytest.raises(EngineError, match="calls itself PP-OCRv5_mobile_det"):
        model_set.find("PP-OCRv6_small", tmp_path, "openvino")


def test_paddle_cannot_read_the_bundled_models(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="bundled") as caught:
        model_set.find("bundled", tmp_path, "paddle")
    assert "PP-OCRv6_small" in caught.value.hint


@pytest.mark.parametrize("choice", ["PP-OCRv7", "/nowhere", "", "/" + "a" * 300])
def test_what_does_not_exist_is_said(tmp_path: Path, choice: str) -> None:
    with pytest.raises((ConfigError, EngineError), match=rf"engine\.models: .*{choice}") as caught:
        model_set.find(choice, tmp_path, "openvino")
    assert caught.value.hint


def test_a_near_miss_is_recognized(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        model_set.find("PPOCRv6_medium", tmp_path, "openvino")
    assert "did you mean PP-OCRv6_medium" in caught.value.hint


@pytest.fixture
def real_models() -> Path:
    folder = os.environ.get("OCRSPOOL_MODELS")
    if not folder:
        pytest.skip("OCRSPOOL_MODELS names no folder of PaddleOCR models")
    return Path(folder)


@pytest.mark.parametrize("runtime", ["openvino", "paddle"])
def test_real_models_are_found_as_they_are(tmp_path: Path, real_models: Path, runtime: Runtime) -> None:
    """PP-OCRv4 mobile, as PaddleOCR 3 exports it for Paddle."""
    found = model_set.find(str(real_models), tmp_path, runtime)
    assert found.detection.mean == pytest.approx((123.675, 116.28, 103.53))
    assert found.detection.std == pytest.approx((58.395, 57.12, 57.375))
    assert found.recognition.mean == found.classifier.mean == pytest.approx((127.5, 127.5, 127.5))
    assert found.thresholds == Thresholds(0.3, 0.6, 1.5)
    assert found.classifier.profile.optimum[1:3] == (48, 192)
    assert all([path.suffix for path in spec.files] == [".pdmodel", ".pdiparams", ".yml"] for spec in found)
    characters = model_set.characters(found.recognition)
    assert len(characters) == 6625
    assert (characters[0], characters[1], characters[-1]) == ("", "'", " ")
