"""Further readers: which model a choice means, and what is said of one that cannot be used."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ocrspool.engine.models import download, model_set, reader_choice
from ocrspool.engine.models.http_download import Source
from ocrspool.engine.models.scripts import written_in
from ocrspool.engine.shapes import profiled
from ocrspool.engine_request import Settings
from ocrspool.errors import ConfigError, EngineMissingError
from support import model_folders
from support.model_folders import ONNX, PIR

RECOGNITION = "eslav_PP-OCRv5_mobile_rec"


@pytest.mark.parametrize("choice", ["eslav_PP-OCRv5_mobile", RECOGNITION])
def test_of_a_published_set_only_the_recognition_model_is_used(tmp_path: Path, choice: str) -> None:
    model_folders.put(tmp_path / f"{RECOGNITION}_onnx", model_folders.contents(RECOGNITION, ONNX))
    found = reader_choice.find("russian", choice, tmp_path, "openvino")
    assert (found.name, found.model, found.key) == ("russian", RECOGNITION, "reader.russian")
    assert found.net is not None
    assert (
        found.files
        == found.net.files
        == tuple(tmp_path / f"{RECOGNITION}_onnx" / name for name in (*ONNX, "inference.yml"))
    )
    assert (found.net.key, found.net.folder) == ("reader.russian", f"{RECOGNITION}@russian")


@pytest.mark.parametrize("inside", ["", "any name"])
def test_a_folder_is_the_model_or_holds_it(tmp_path: Path, inside: str) -> None:
    model_folders.put(tmp_path / "mine" / inside, model_folders.contents(RECOGNITION, ONNX))
    assert reader_choice.find("russian", str(tmp_path / "mine"), tmp_path, "openvino").model == RECOGNITION


def test_the_bundled_model_can_be_a_second_reader() -> None:
    found = reader_choice.find("strong", "bundled", Path("/nowhere"), "openvino")
    assert found.model == "PP-OCRv6_small_rec"
    assert found.languages == ("Han", "Latin", "Katakana", "Hiragana")


def test_a_published_model_that_is_not_there_is_told_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(EngineMissingError, match=f"engine.readers.russian: {RECOGNITION}_onnx is not in") as caught:
        reader_choice.find("russian", "eslav_PP-OCRv5_mobile", tmp_path, "openvino")
    assert "ocrspool prebuild" in caught.value.hint


@pytest.mark.parametrize(
    ("choice", "problem"),
    [
        ("eslav_PPOCRv5_mobile", "there is no model 'eslav_PPOCRv5_mobile'"),
        ("/nowhere/models", "there is no folder /nowhere/models"),
        ("PP-OCRv4_mobile", "is published for Paddle only"),
    ],
)
def test_what_cannot_work_is_refused_by_the_name_of_the_setting(tmp_path: Path, choice: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem) as caught:
        reader_choice.find("russian", choice, tmp_path, "openvino")
    assert "engine.readers.russian" in str(caught.value) or "engine.models" in str(caught.value)


def test_a_folder_without_a_recognition_model_is_refused(tmp_path: Path) -> None:
    model_folders.put(tmp_path / "det", model_folders.contents("PP-OCRv6_small_det", ONNX))
    model_folders.put(tmp_path / "rec", model_folders.contents(RECOGNITION, PIR))
    with pytest.raises(ConfigError, match="holds no recognition model for onnxruntime"):
        reader_choice.find("russian", str(tmp_path), tmp_path, "onnxruntime")


def test_readers_get_the_shapes_of_the_recognition_net(tmp_path: Path) -> None:
    reader = reader_choice.find("strong", "bundled", tmp_path, "openvino")
    settings = Settings(batch_lines=4, line_width=1600)
    found = profiled(replace(model_set.bundled(), readers=(reader,)), settings)
    assert [spec.key for spec in found] == ["detection", "recognition", "classifier", "reader.strong"]
    assert found.readers[0].net is not None
    assert found.readers[0].net.profile == found.recognition.profile


def test_scripts_are_told_by_their_letters() -> None:
    """Greek letters of formulas are no Greek: accented ones are missing."""
    latin, greek = "abcdefghijklmnopqrstuvwxyz", "αβγδεζηθικλμνξοπρστυφχψω"
    russian = "абвгдежзийклмнопрстуфхцчшщъыьэюя"
    assert written_in([*latin, *greek, "1", "?"]) == ("Latin",)
    assert written_in([*latin, *greek, *"άέήίόύώ"]) == ("Greek", "Latin")
    assert written_in([*russian, *russian.upper(), *latin, ""]) == ("Cyrillic", "Latin")


def test_a_model_that_came_with_the_installation_needs_no_download(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless it was fetched too: what the administrator has put there is used."""
    name = "PP-OCRv6_tiny_rec"
    model_folders.put(tmp_path / f"site/ocrspool_models/{name}_onnx", model_folders.contents(name, ONNX))
    monkeypatch.syspath_prepend(tmp_path / "site")
    fetched = tmp_path / "cache/models"
    found = reader_choice.find("tiny", "PP-OCRv6_tiny", fetched, "openvino")
    assert found.files[0].parent == tmp_path / f"site/ocrspool_models/{name}_onnx"
    said: list[str] = []
    download.fetch(name, fetched, said.append, "openvino", Source("http://127.0.0.1:9"))
    assert said == []
    model_folders.put(fetched / f"{name}_onnx", model_folders.contents(name, ONNX))
    assert reader_choice.find("tiny", "PP-OCRv6_tiny", fetched, "openvino").files[0].parent == fetched / f"{name}_onnx"
