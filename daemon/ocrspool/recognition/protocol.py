"""What a worker is asked, and what its answers mean: our values and errors as its JSON, and back."""

from __future__ import annotations

from typing import Any

from ocrspool.config.engine_requests import engine_request
from ocrspool.config.schema import Config
from ocrspool.errors import EngineError, EngineMissingError, Exit
from ocrspool.pages import Notice, PageFault, PageText, Polygon, TextLine, Word
from ocrspool.processes.channel import Message
from ocrspool.recognition.plausible import checked


def about_engine(op: str, config: Config, device: str, **more: object) -> Message:
    """Return the request to load or to build the engine that the configuration asks for on this device."""
    log = {"level": config.log.level, "form": config.log.format}
    return {"op": op, "engine": engine_request(config, device).to_json(), "log": log, **more}


def engine_error(reason: object) -> EngineError:
    """Return what a worker answered as the exception that it was."""
    told = reason if isinstance(reason, dict) else {}
    kind, message, hint = (told.get(name) for name in ("kind", "message", "hint"))
    if not isinstance(message, str) or not isinstance(hint, str):
        return _no_answer(reason)
    if kind == "missing":
        return EngineMissingError(message, hint)
    error = EngineError(message, hint)
    if kind == "config":
        error.exit_code = Exit.CONFIG
    return error


def page_outcome(answer: Message) -> tuple[int, PageText | PageFault]:
    """Return the number of a page and what became of it. Raise EngineError where the answer says neither."""
    try:
        if fault := answer.get("fault"):
            return _number(fault), PageFault(str(fault["message"]))
        return _number(answer["page"]), checked(page_text(answer["page"]))
    except (LookupError, TypeError, ValueError, OverflowError) as error:
        raise _no_answer(error) from error


def page_text(found: dict[str, Any]) -> PageText:
    """Return the text of one page."""
    warnings = tuple(Notice(code, message, None, lines=tuple(about)) for code, message, about in found["warnings"])
    lines = found["lines"]
    letters = found.get("letters") or [(None, None)] * len(lines)
    readers = found.get("readers") or [""] * len(lines)
    read = tuple(
        TextLine(
            *(text, confidence, _polygon(points), detection_confidence),
            tuple([Word(of_word, sure, _polygon(around)) for of_word, sure, around in words]),
            *(height, stroke, reader),
        )
        for (text, confidence, points, detection_confidence, words), (height, stroke), reader in zip(
            lines, letters, readers, strict=True
        )
    )
    rules = tuple(((x1, y1), (x2, y2)) for (x1, y1), (x2, y2) in found.get("rules", ()))
    return PageText(read, found["rotation"], found["seconds"], warnings, rules=rules, finder=found.get("finder", ""))


def _number(found: dict[str, Any]) -> int:
    if not isinstance(number := found["number"], int):
        raise TypeError(f"{number!r} is no number of a page")
    return number


def _no_answer(what: object) -> EngineError:
    return EngineError(f"the worker sent what is no answer: {what!r}")


def _polygon(points: list[list[float]]) -> Polygon:
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = points
    return (ax, ay), (bx, by), (cx, cy), (dx, dy)
