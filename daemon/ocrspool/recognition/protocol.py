"""What a worker is asked, and what its answers mean: our values and errors as its JSON, and back."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

from ocrspool.config.schema import Config
from ocrspool.errors import EngineError, EngineMissingError, Exit
from ocrspool.pages import PageFault, PageText, PageWarning, Polygon, TextLine, Word
from ocrspool.processes.channel import Message


def about_engine(op: str, config: Config, device: str, **more: object) -> Message:
    """Return the request to load or to build the engine that the configuration asks for on this device."""
    log = {"level": config.log.level, "form": config.log.format}
    return {"op": op, "wanted": wanted(config, device), "log": log, **more}


def devices(config: Config) -> list[str]:
    """Return what has to have an engine: each device once, and the CPU where it may have to stand in for one."""
    engine = config.engine
    return list(dict.fromkeys([*engine.devices, *(["cpu"] if engine.on_no_gpu == "cpu" else [])]))


def wanted(config: Config, device: str) -> dict[str, Any]:
    """Return what the configuration says of the engine on this device: the fields of `engine.plan.EngineRequest`.

    Plain values instead of the configuration: what checks that would be a fifth of the worker's imports.
    """
    engine = config.engine
    if device not in engine.devices:  # the CPU that is to stand in for a GPU: with whatever suits it
        engine = engine.model_copy(update={"precision": "auto", "batch_lines": 0, "line_width": 0})
    share = max(1, len(os.sched_getaffinity(0)) // (config.service.workers * len(engine.devices)))
    return {
        "runtime": engine.runtime,
        "device": device,
        "provider": engine.provider,
        "precision": engine.precision,
        "threads": engine.threads or share,
        "batch_lines": engine.batch_lines,
        "line_width": engine.line_width,
        "detection_side": engine.detection_side,
        "workspace_mb": engine.workspace_mb,
        "models": engine.models,
        "on_no_gpu": engine.on_no_gpu,
        "cache": os.fspath(config.paths.cache),
    }


def engine_error(reason: dict[str, str]) -> EngineError:
    """Return what a worker answered as the exception that it was."""
    if reason["kind"] == "missing":
        return EngineMissingError(reason["message"], reason["hint"])
    error = EngineError(reason["message"], reason["hint"])
    if reason["kind"] == "config":
        error.exit_code = Exit.CONFIG
    return error


def page_outcome(answer: Message) -> tuple[int, PageText | PageFault]:
    """Return the number of a page and what became of it."""
    if fault := answer.get("fault"):
        return fault["number"], PageFault(fault["message"])
    return answer["page"]["number"], page_text(answer["page"])


def page_text(found: dict[str, Any]) -> PageText:
    """Return the text of one page."""
    lines = tuple(
        TextLine(text, confidence, _polygon(points), detection_confidence, tuple(_word(*word) for word in words))
        for text, confidence, points, detection_confidence, words in found["lines"]
    )
    warnings = tuple(PageWarning(code, message, tuple(about)) for code, message, about in found["warnings"])
    letters = found.get("letters") or [(None, None)] * len(lines)
    lines = tuple(
        replace(line, letter_height=height, stroke=stroke)
        for line, (height, stroke) in zip(lines, letters, strict=True)
    )
    rules = tuple(((x1, y1), (x2, y2)) for (x1, y1), (x2, y2) in found.get("rules", ()))
    return PageText(lines, found["rotation"], found["seconds"], warnings, rules=rules)


def _word(text: str, confidence: float, points: list[list[float]]) -> Word:
    return Word(text, confidence, _polygon(points))


def _polygon(points: list[list[float]]) -> Polygon:
    one, two, three, four = ((x, y) for x, y in points)
    return one, two, three, four
