"""How an engine is called."""

from __future__ import annotations

from dataclasses import replace

from ocrspool.results import engine_label
from ocrspool.results.schema import Engine, Model

ENGINE = Engine("ocrspool", "1", "openvino", "2026.4", "cpu", "f32", "a" * 16, (Model("detector", "det", "0" * 64),))


def test_in_a_few_words() -> None:
    """A GPU is named, a CPU is not."""
    assert engine_label.label(ENGINE) == "openvino f32"
    assert engine_label.label(replace(ENGINE, device="gpu:0")) == "openvino f32 on gpu:0"


def test_exactly() -> None:
    """Enough to tell it from any other of the cache."""
    assert engine_label.runtime(ENGINE) == "openvino 2026.4, f32 on cpu"
    assert engine_label.line(ENGINE) == "openvino 2026.4, f32 on cpu, aaaaaaaaaaaaaaaa"


def test_its_models() -> None:
    """A status that a service of an earlier version wrote may name none."""
    assert engine_label.models((*ENGINE.models, Model("recognition", "rec", ""))) == "det, rec"
    assert engine_label.models(()) == ""
