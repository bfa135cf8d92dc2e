"""Every runtime reads pages that lie in a decoder's sealed memory, just as it reads those that a test has drawn."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray

from ocrspool.engine import identity
from ocrspool.engine.models import model_set
from ocrspool.engine.ocr.recognizer import Nets, Recognizer
from ocrspool.engine.runtimes.fixed_shapes import FixedShapesNet
from ocrspool.engine.runtimes.onnxruntime import graph, session
from ocrspool.engine.runtimes.openvino import net as openvino
from ocrspool.engine.runtimes.split_batches import HalvingNet
from ocrspool.engine.spec import Net, NetSpec
from ocrspool.engine_request import Settings
from support import drawn_pages, paddle_specs
from support.sealed_pages import mapped

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]

Pixels = NDArray[np.uint8]

LINES = ("Invoice 2471 of March", "Total 96.50 EUR")
ROLES = ("detection", "recognition", "classifier")
WHOLE, ODD = (544, 96), (531, 90)
"""Sizes of a line's part of a page: with one the page needs no scaling, with the other it does."""


def _built(runtime: ModuleType, specs: tuple[NetSpec, ...], folder: Path, settings: Settings) -> tuple[Net, ...]:
    for spec in specs:
        (folder / spec.role).mkdir()
        runtime.build(spec, folder / spec.role, settings)
    return tuple(runtime.load(spec, folder / spec.role, settings) for spec in specs)


@pytest.fixture(scope="module", params=["openvino", "onnxruntime", "onnxruntime, floats", "paddle"])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Nets, tuple[str, ...]]:
    """An engine of one runtime as it comes, and what its classes mean."""
    folder = tmp_path_factory.mktemp("engine")
    if request.param == "paddle":
        pytest.importorskip("ocrspool.engine.runtimes.paddle.library", exc_type=ImportError)
        paddle = import_module("ocrspool.engine.runtimes.paddle.runtime")
        specs = tuple(paddle_specs.spec(role) for role in ("detection", "recognition", "classifier"))
        return Nets(*_built(paddle, specs, folder, paddle_specs.CPU)), paddle_specs.characters()
    bundled = model_set.bundled()
    settings = identity.resolved(request.param.partition(",")[0], Settings(precision="f32"))
    if request.param == "openvino":
        return Nets(*_built(openvino, tuple(bundled), folder, settings)), model_set.characters(bundled.recognition)
    nets = _built(session, tuple(bundled), folder, settings)
    if request.param == "onnxruntime, floats":  # the way for a TensorRT that takes no bytes
        for spec in bundled:
            graph.edit(spec, folder / spec.role / f"{spec.name}.onnx", "float32")
        nets = tuple(session.load(spec, folder / spec.role, settings) for spec in bundled)
    return Nets(*nets), model_set.characters(bundled.recognition)


def _page(size: tuple[int, int], channels: int) -> Pixels:
    image = drawn_pages.page(*LINES, size=size)
    return np.array(image if channels == 1 else image.convert("RGB"))


@pytest.mark.parametrize("role", ROLES)
def test_each_net_takes_what_nobody_may_write(engine: tuple[Nets, tuple[str, ...]], role: str) -> None:
    """Whole, and as a part of larger pixels: it says what it says of pixels of its own, and leaves them as they are."""
    net: Net = getattr(engine[0], role)
    count, height, width, _ = net.profile.minimum if role == "detection" else net.profile.optimum
    drawn = np.random.default_rng(1).integers(0, 256, (height * count, width + 32, 3), dtype=np.uint8)
    sealed = mapped(drawn)
    whole = np.ascontiguousarray(drawn[:, :width]).reshape(count, height, width, 3)
    expected = [output.copy() for output in net(whole)]
    for batch in (mapped(whole.reshape(-1, width, 3)).reshape(whole.shape), _windows(sealed, whole.shape)):
        assert not batch.flags.writeable
        for one, other in zip(net(batch), expected, strict=True):
            np.testing.assert_array_equal(one, other)
    assert (sealed == drawn).all()


def _windows(page: Pixels, shape: tuple[int, ...]) -> Pixels:
    """Return the left part of a page, cut into items: a view, whose rows have something between them."""
    count, height, width, _ = shape
    return page.reshape(count, height, -1, 3)[:, :, :width]


@pytest.mark.parametrize("size", [WHOLE, ODD])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_page_is_read(engine: tuple[Nets, tuple[str, ...]], size: tuple[int, int], channels: int) -> None:
    """In grey and in color, as it is and scaled; with wrappers that runtimes for GPUs have around them, too."""
    nets, characters = engine
    page = mapped(_page(size, channels))
    profile = nets.detection.profile
    spec = NetSpec("detection", "det", (), (0, 0, 0), (1, 1, 1), replace(profile, maximum=(1, 320, 640, 3)))
    shape = (1, 96 * len(LINES), 544, 3)
    fixed = FixedShapesNet(spec, {shape: HalvingNet(nets.detection), (1, 320, 640, 3): nets.detection})
    for detection in (nets.detection, fixed):
        with Recognizer(Nets(detection, nets.recognition, nets.classifier), characters) as recognizer:
            (found,) = recognizer.recognize([page])
        assert [drawn_pages.squeezed(line.text) for line in found.lines] == [
            drawn_pages.squeezed(line) for line in LINES
        ]
