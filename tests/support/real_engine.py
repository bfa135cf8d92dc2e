"""A real engine for tests: the bundled models, compiled by OpenVINO."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ocrspool.engine import identity
from ocrspool.engine.models import model_set
from ocrspool.engine.ocr.recognizer import Nets
from ocrspool.engine.runtimes.openvino import net as openvino
from ocrspool.engine_request import Precision, Settings
from support.sealed_pages import ReadingOnly


@dataclass(frozen=True)
class Engine:
    """Its nets and what its classes mean."""

    nets: Nets
    characters: tuple[str, ...]


def engine(folder: Path, precision: Precision) -> Engine:
    """Compile the models into the folder, and load them. Pixels that they get are read-only, as production's may be."""
    settings = identity.resolved("openvino", Settings(precision=precision, batch_lines=1))
    specs = model_set.bundled()
    for spec in specs:
        (folder / spec.name).mkdir()
        openvino.build(spec, folder / spec.name, settings)
    nets = Nets(*(ReadingOnly(openvino.load(spec, folder / spec.name, settings)) for spec in specs))
    return Engine(nets, model_set.characters(specs.recognition))
