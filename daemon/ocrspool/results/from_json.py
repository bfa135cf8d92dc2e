"""Makes the published values of what a worker or a result file says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ocrspool import __version__
from ocrspool.pages import Notice
from ocrspool.results.blocks import block_from
from ocrspool.results.known_fields import made
from ocrspool.results.schema import Document, Engine, Line, Model, Output, Page, PageError, ReadBy, Run, Source, Word


def engine_from(facts: Mapping[str, Any]) -> Engine:
    """Return the engine that a worker described."""
    return Engine(
        name="ocrspool",
        version=__version__,
        runtime=facts["runtime"],
        runtime_version=facts["runtime_version"],
        device=facts["device"],
        precision=facts["precision"],
        fingerprint=facts["fingerprint"],
        models=tuple(_model_from(model) for model in facts["models"]),
    )


def document_from(found: Mapping[str, Any]) -> Document:
    """Return the document that a result file of ours holds. Raise KeyError or TypeError where it is none.

    Fields that a later version may have added are left out.
    """
    return Document(
        schema=found["schema"],
        status=found["status"],
        source=made(Source, found["source"]),
        text=found["text"],
        pages=tuple(_page_from(page) for page in found["pages"]),
        engine=engine_of(found["engine"]),
        other_engines=tuple(map(engine_of, found.get("other_engines", ()))),
        outputs=tuple(made(Output, output) for output in found.get("outputs", ())),
        warnings=tuple(made(Notice, warning, lines=tuple(warning.get("lines", ()))) for warning in found["warnings"]),
        run=replace(made(Run, found["run"]), hosts=tuple(found["run"].get("hosts", ()))),
    )


def engine_of(found: Mapping[str, Any]) -> Engine:
    """Return the engine that a result of ours names. Raise KeyError or TypeError where it is none."""
    return made(Engine, found, models=tuple(_model_from(model) for model in found["models"]))


def _model_from(found: Mapping[str, Any]) -> Model:
    return made(Model, found, languages=tuple(found.get("languages", ())))


def _word_from(found: Mapping[str, Any]) -> Word:
    return Word(found["text"], found["confidence"], tuple((x, y) for x, y in found["polygon"]))


def _page_from(found: Mapping[str, Any]) -> Page:
    lines = tuple(
        made(
            Line,
            line,
            polygon=tuple((x, y) for x, y in line["polygon"]),
            bounding_box=tuple(line["bounding_box"]),
            words=tuple(map(_word_from, line.get("words", ()))),
        )
        for line in found["lines"]
    )
    error = made(PageError, found["error"]) if found["error"] else None
    read_by = made(ReadBy, found["read_by"]) if found.get("read_by") else None
    blocks = tuple(map(block_from, found.get("blocks", ())))
    return made(Page, found, lines=lines, blocks=blocks, error=error, read_by=read_by)
