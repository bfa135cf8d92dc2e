"""The shapes for which nets are made, derived from the configuration. Narrow ones build faster and take less memory.

Callers keep to them: larger pages are searched in tiles, longer lines are cut, batches are filled (detect, recognize).
A change of a shape gives another fingerprint.
"""

from __future__ import annotations

from dataclasses import replace

from ocrspool.engine.models.model_set import LINE_HEIGHT, Models
from ocrspool.engine.spec import ShapeProfile
from ocrspool.engine_request import Settings

_STRIDE = 32
_A_SERIES = 1.05
"""Long side of an A4 page relative to that of a 3:4 page of the same area: (4/3)^-1/2 * 2^1/4 = 1.03, and a margin."""


_PAGES_TOGETHER, _CLASSIFIED_TOGETHER = 2, 64
"""Pages of one size, or halves of one page, that ONNX Runtime with CUDA searches in one call; and lines of several
pages that it classifies in one."""


def profiled(models: Models, settings: Settings) -> Models:
    """Return the models with the shapes that these resolved settings ask for. Shapes are [n, h, w, c]."""
    batch = settings.batch_lines
    page = _multiple(settings.detection_side)
    largest = _multiple(settings.detection_side * _A_SERIES)
    _, height, width, _ = models.classifier.profile.optimum  # fixed by the model
    pages, classified = (_PAGES_TOGETHER, _CLASSIFIED_TOGETHER) if settings.provider == "cuda" else (1, batch)
    shapes = (
        ShapeProfile((1, _STRIDE, _STRIDE, 3), (1, page, _multiple(page * 3 / 4), 3), (pages, largest, largest, 3)),
        ShapeProfile(
            (1, LINE_HEIGHT, _STRIDE, 3),
            (batch, LINE_HEIGHT, 320, 3),
            (batch, LINE_HEIGHT, settings.line_width, 3),
        ),
        ShapeProfile((1, height, width, 3), (batch, height, width, 3), (classified, height, width, 3)),
    )
    three = (models.detection, models.recognition, models.classifier)
    detection, recognition, classifier = (
        replace(spec, profile=profile) for spec, profile in zip(three, shapes, strict=True)
    )
    readers = tuple(
        replace(reader, net=replace(reader.net, profile=recognition.profile)) if reader.net else reader
        for reader in models.readers
    )
    finders = tuple(replace(each, net=replace(each.net, profile=detection.profile)) for each in models.finders)
    return Models(detection, recognition, classifier, models.thresholds, readers, finders)


def _multiple(pixels: float) -> int:
    """Return the next multiple of the detection net's stride."""
    return -(-int(pixels) // _STRIDE) * _STRIDE
