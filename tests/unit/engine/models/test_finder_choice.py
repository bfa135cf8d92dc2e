"""Further finders of lines: which model a choice means, and what is said of one that cannot be used."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ocrspool.engine.models import catalog, finder_choice, model_set
from ocrspool.engine.shapes import profiled
from ocrspool.engine.spec import Thresholds
from ocrspool.engine_request import Settings
from ocrspool.errors import ConfigError, EngineMissingError
from support import model_folders
from support.model_folders import ONNX

DETECTION = "PP-OCRv6_tiny_det"


@pytest.mark.parametrize("choice", ["PP-OCRv6_tiny", DETECTION])
def test_of_a_published_set_only_the_detection_model_is_used(tmp_path: Path, choice: str) -> None:
    """It is judged by the thresholds of its own inference.yml."""
    model_folders.put(tmp_path / f"{DETECTION}_onnx", model_folders.contents(DETECTION, ONNX))
    found = finder_choice.find("tiny", choice, tmp_path, "openvino")
    assert (found.name, found.net.name, found.key) == ("tiny", DETECTION, "finder.tiny")
    assert found.net.folder == f"{DETECTION}@tiny"
    assert found.net.files == tuple(tmp_path / f"{DETECTION}_onnx" / name for name in (*ONNX, "inference.yml"))
    assert found.thresholds == Thresholds(0.3, 0.6, 1.5)


@pytest.mark.parametrize("inside", ["", "any name"])
def test_a_folder_is_the_model_or_holds_it(tmp_path: Path, inside: str) -> None:
    model_folders.put(tmp_path / "mine" / inside, model_folders.contents(DETECTION, ONNX))
    assert finder_choice.find("mine", str(tmp_path / "mine"), tmp_path, "openvino").net.name == DETECTION


def test_the_bundled_model_can_be_a_second_finder() -> None:
    found = finder_choice.find("strong", "bundled", Path("/nowhere"), "openvino")
    assert (found.net.name, found.thresholds) == ("PP-OCRv6_small_det", model_set.bundled().thresholds)


def test_a_published_model_that_is_not_there_is_told_with_its_place(tmp_path: Path) -> None:
    name = "PP-OCRv5_server_det"
    with pytest.raises(EngineMissingError, match=f"engine.finders.strong: {name}_onnx is not in") as caught:
        finder_choice.find("strong", "PP-OCRv5_server", tmp_path, "openvino")
    assert "ocrspool prebuild" in caught.value.hint


@pytest.mark.parametrize(
    ("choice", "problem"),
    [
        ("PPOCRv6_tiny", "there is no model 'PPOCRv6_tiny'"),
        ("PP-OCRv6_tiny_rec", "there is no model 'PP-OCRv6_tiny_rec'"),
        ("/nowhere/models", "there is no folder /nowhere/models"),
    ],
)
def test_what_cannot_work_is_refused_by_the_name_of_the_setting(tmp_path: Path, choice: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=f"engine.finders.strong: {problem}"):
        finder_choice.find("strong", choice, tmp_path, "openvino")


def test_a_folder_without_a_detection_model_is_refused(tmp_path: Path) -> None:
    model_folders.put(tmp_path / "rec", model_folders.contents("PP-OCRv6_small_rec", ONNX))
    with pytest.raises(ConfigError, match="holds no detection model for onnxruntime"):
        finder_choice.find("strong", str(tmp_path), tmp_path, "onnxruntime")


def test_finders_get_the_shapes_of_the_detection_net(tmp_path: Path) -> None:
    finder = finder_choice.find("strong", "bundled", tmp_path, "openvino")
    found = profiled(replace(model_set.bundled(), finders=(finder,)), Settings(batch_lines=4, line_width=1600))
    assert [spec.key for spec in found] == ["detection", "recognition", "classifier", "finder.strong"]
    assert found.finders[0].net.profile == found.detection.profile


@pytest.mark.parametrize(
    ("choice", "models"),
    [(DETECTION, (DETECTION,)), ("PP-OCRv6_tiny_rec", ("PP-OCRv6_tiny_rec",)), ("bundled", ()), ("PP-OCRv6_det", ())],
)
def test_a_single_model_is_fetched_alone(choice: str, models: tuple[str, ...]) -> None:
    assert catalog.models(choice) == models
