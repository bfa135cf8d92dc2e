"""Real engines, compiled once per session."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from ocrspool.engine import identity, models, openvino
from ocrspool.engine.recognizer import Nets
from ocrspool.engine.settings import Precision, Settings


@dataclass(frozen=True)
class Engine:
    nets: Nets
    characters: tuple[str, ...]


def _engine(folder: Path, precision: Precision) -> Engine:
    settings = identity.resolved("openvino", Settings(precision=precision))
    specs = models.bundled()
    for spec in specs:
        (folder / spec.name).mkdir()
        openvino.build(spec, folder / spec.name, settings)
    nets = Nets(*(openvino.load(spec, folder / spec.name, settings) for spec in specs))
    return Engine(nets, models.characters(specs.recognition))


@pytest.fixture(scope="session")
def exact_engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """Nets in f32, for comparing steps rather than precisions."""
    return _engine(tmp_path_factory.mktemp("f32"), "f32")


@pytest.fixture(scope="session")
def default_engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """Nets as a user gets them."""
    return _engine(tmp_path_factory.mktemp("auto"), "auto")
