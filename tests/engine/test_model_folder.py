"""Models out of folders, compiled by the real OpenVINO and read with."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from ocrspool.engine import identity
from ocrspool.engine.detection.detect import DetectSettings
from ocrspool.engine.models import model_set
from ocrspool.engine.models.model_set import Models
from ocrspool.engine.ocr.recognizer import Nets, Recognizer, RecognizeSettings
from ocrspool.engine.reading.orientation import upside_down
from ocrspool.engine.runtimes.openvino import net as openvino
from ocrspool.engine.shapes import profiled
from ocrspool.engine_request import Settings
from support import drawn_pages, model_folders

pytestmark = pytest.mark.engine

SETTINGS = identity.resolved("openvino", Settings(precision="f32"))


def _nets(chosen: Models, folder: Path) -> Nets:
    for spec in chosen:
        (folder / spec.name).mkdir()
        openvino.build(spec, folder / spec.name, SETTINGS)
    return Nets(*(openvino.load(spec, folder / spec.name, SETTINGS) for spec in chosen))


@pytest.mark.skipif("OCRSPOOL_MODELS" not in os.environ, reason="OCRSPOOL_MODELS names no folder of PaddleOCR models")
def test_paddle_models_are_read_with_openvino(tmp_path: Path) -> None:
    """PP-OCRv4 mobile by OpenVINO's own Paddle frontend: all three nets, with the model's own thresholds."""
    chosen = profiled(model_set.find(os.environ["OCRSPOOL_MODELS"], tmp_path, "openvino"), SETTINGS)
    settings = RecognizeSettings(DetectSettings(**asdict(chosen.thresholds)))
    assert settings.detect.threshold == 0.3
    upright = np.asarray(drawn_pages.page("Invoice 2471", "Total 96.50 EUR"))
    with Recognizer(_nets(chosen, tmp_path), model_set.characters(chosen.recognition), settings) as recognizer:
        read = recognizer.recognize([upright, np.rot90(upright, 2).copy()])
    for page in read:
        # PP-OCRv4 leaves out most spaces between Latin words.
        assert [drawn_pages.squeezed(line.text) for line in page.lines] == ["invoice2471", "total96.50eur"]
    assert [page.rotation for page in read] == [0, 180]


def _brightness_classifier(path: Path) -> None:
    """Write a classifier in the form of PP-LCNet's: fixed height and width; "upside down" if red exceeds its mean."""
    shape: list[str | int | None] = ["batch", 3, 80, 160]
    weights = np.array([[0, 0, 0], [9, 0, 0]], np.float32)
    nodes = [
        helper.make_node("GlobalAveragePool", ["x"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node("Gemm", ["flat", "weights"], ["score"], transB=1),
        helper.make_node("Softmax", ["score"], ["y"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "classifier",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 2])],
        [helper.make_tensor("weights", TensorProto.FLOAT, weights.shape, weights.tobytes(), raw=True)],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)


def test_a_classifier_of_the_new_shape_is_compiled_and_asked(tmp_path: Path) -> None:
    """Not PP-LCNet itself, but its shape, normalization and color order, through build, load and a real net."""
    name = "PP-LCNet_x0_25_textline_ori"
    for model in ("PP-OCRv6_small_det", "PP-OCRv6_small_rec"):
        model_folders.put(tmp_path / "models" / model, model_folders.contents(model))
    folder = model_folders.put(tmp_path / "models" / name, model_folders.contents(name))
    _brightness_classifier(folder / "inference.onnx")
    spec = profiled(model_set.find(str(tmp_path / "models"), tmp_path, "openvino"), SETTINGS).classifier
    (tmp_path / "engine").mkdir()
    openvino.build(spec, tmp_path / "engine", SETTINGS)
    net = openvino.load(spec, tmp_path / "engine", SETTINGS)
    line = np.zeros((40, 300, 3), np.uint8)
    dull, red = line.copy(), line.copy()
    dull[..., 2], red[..., 2] = 115, 133  # ImageNet's mean of red is 123.7
    assert not upside_down(net, [lambda: dull])
    assert upside_down(net, [lambda: red])
    (probability,) = net(np.zeros(spec.profile.optimum, np.uint8))
    assert probability.shape == (spec.profile.optimum[0], 2)
