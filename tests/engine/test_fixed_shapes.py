"""Real nets behind a few fixed shapes read what they read without them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ocrspool.engine import identity
from ocrspool.engine.models import model_set
from ocrspool.engine.ocr.recognizer import Nets, Recognizer, RecognizeSettings
from ocrspool.engine.reading.recognize import ReadSettings
from ocrspool.engine.runtimes.fixed_shapes import FixedShapesNet, shapes, widths
from ocrspool.engine.shapes import profiled
from ocrspool.engine_request import Settings
from support.drawn_pages import page

if TYPE_CHECKING:
    from ocrspool.engine.spec import Net, NetSpec
    from support.real_engine import Engine

pytestmark = pytest.mark.engine

LINES = ("Invoice 2471 of March", "Total 96.50 EUR", "A")


class _Batched:
    """An OpenVINO net, which prefers single lines, called with whole batches as a GPU is."""

    def __init__(self, net: Net, spec: NetSpec) -> None:
        self._net = net
        self.profile, self.batch = spec.profile, spec.profile.maximum[0]
        self.parallel, self.warm_up = net.parallel, ()

    def __call__(self, batch: np.ndarray) -> tuple[np.ndarray, ...]:
        return self._net(batch)


def test_the_text_is_the_same(exact_engine: Engine) -> None:
    """Detection on a larger canvas, lines in whole batches and wider strips: the words do not change."""
    settings = replace(identity.resolved("openvino", Settings(precision="f32")), batch_lines=4, line_width=1024)
    specs = profiled(model_set.bundled(), settings)
    nets = Nets(*(_fixed(net, spec) for net, spec in zip(_listed(exact_engine.nets), specs, strict=True)))
    pixels = np.asarray(page(*LINES).convert("L"))
    read = ReadSettings(widths=widths(1024), joined=True)
    found = []
    for each, options in ((exact_engine.nets, RecognizeSettings()), (nets, RecognizeSettings(read=read))):
        with Recognizer(each, exact_engine.characters, options) as recognizer:
            (text,) = recognizer.recognize([pixels])
            found.append([line.text for line in text.lines])
    assert found[0] == found[1] == list(LINES)


def _fixed(net: Net, spec: NetSpec) -> FixedShapesNet:
    return FixedShapesNet(spec, dict.fromkeys(shapes(spec), _Batched(net, spec)))


def _listed(nets: Nets) -> tuple[Net, Net, Net]:
    return nets.detection, nets.recognition, nets.classifier
