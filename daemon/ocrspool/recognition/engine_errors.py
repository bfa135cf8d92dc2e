"""What keeps an engine from loading or reading, as a worker says it: a message, and back."""

from __future__ import annotations

from ocrspool.errors import ConfigError, EngineError, EngineMissingError, Exit, OcrspoolError
from ocrspool.processes.channel import Message

_KINDS: dict[type[OcrspoolError], str] = {EngineMissingError: "missing", ConfigError: "config"}


def as_message(error: OcrspoolError) -> Message:
    """Return the message that tells of an error."""
    return {"error": {"kind": _KINDS.get(type(error), "engine"), "message": error.message, "hint": error.hint}}


def engine_error(reason: object) -> EngineError:
    """Return what a worker answered as the exception that it was."""
    told = reason if isinstance(reason, dict) else {}
    kind, message, hint = (told.get(name) for name in ("kind", "message", "hint"))
    if not isinstance(message, str) or not isinstance(hint, str):
        return no_answer(reason)
    if kind == "missing":
        return EngineMissingError(message, hint)
    error = EngineError(message, hint)
    if kind == "config":
        error.exit_code = Exit.CONFIG
    return error


def no_answer(what: object) -> EngineError:
    """Return the error for a message that is none."""
    return EngineError(f"the worker sent what is no answer: {what!r}")
