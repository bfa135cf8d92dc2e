"""What a worker's answers mean: its JSON as our values and errors."""

from __future__ import annotations

from typing import Any

from ocrspool.errors import EngineError, EngineMissingError, Exit
from ocrspool.model import PageText, TextLine


def engine_error(reason: dict[str, str]) -> EngineError:
    """Return what a worker answered as the exception that it was."""
    if reason["kind"] == "missing":
        return EngineMissingError(reason["message"], reason["hint"])
    error = EngineError(reason["message"], reason["hint"])
    if reason["kind"] == "config":
        error.exit_code = Exit.CONFIG
    return error


def page_text(found: dict[str, Any]) -> PageText:
    """Return the text of one page."""
    lines = tuple(
        TextLine(text, confidence, tuple((x, y) for x, y in polygon), detection_confidence)  # type: ignore[arg-type] # four points
        for text, confidence, polygon, detection_confidence in found["lines"]
    )
    return PageText(lines, found["rotation"], found["seconds"])
