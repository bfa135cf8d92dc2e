"""What a worker is asked, and what its answers mean: our values and errors as its JSON, and back."""

from __future__ import annotations

from typing import Any

from ocrspool.config.engine_requests import engine_request
from ocrspool.config.schema import Config
from ocrspool.pages import EncodedText, PageFault, PageText
from ocrspool.processes.channel import BODY, Message
from ocrspool.recognition.engine_errors import no_answer
from ocrspool.recognition.page_json import page_text, read_body
from ocrspool.recognition.plausible import checked


def about_engine(op: str, config: Config, device: str, **more: object) -> Message:
    """Return the request to load or to build the engine that the configuration asks for on this device."""
    log = {"level": config.log.level, "form": config.log.format}
    return {"op": op, "engine": engine_request(config, device).to_json(), "log": log, **more}


def page_outcome(answer: Message, *, reads: bool = True) -> tuple[int, PageText | EncodedText | PageFault]:
    """Return the number of a page and what became of it. Raise EngineError where the answer says neither.

    Unless it `reads` them, the body of the answer is not looked into.
    """
    try:
        if fault := answer.get("fault"):
            return _number(fault), PageFault(str(fault["message"]))
        page = answer["page"]
        number = _number(page)
        if BODY not in answer:
            return number, checked(page_text(page))
        text = EncodedText(answer[BODY], _seconds(page["seconds"]))
        return number, read_body(text) if reads else text
    except (LookupError, TypeError, ValueError, OverflowError, RecursionError, AttributeError) as error:
        raise no_answer(error) from error


def _seconds(found: object) -> dict[str, float]:
    if not isinstance(found, dict) or not all(isinstance(spent, (int, float)) for spent in found.values()):
        raise TypeError(f"{found!r} are no seconds of stages")
    return found


def _number(found: dict[str, Any]) -> int:
    if not isinstance(number := found["number"], int):
        raise TypeError(f"{number!r} is no number of a page")
    return number
