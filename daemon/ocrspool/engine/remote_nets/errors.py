"""The errors of a net as words of a message, and back."""

from __future__ import annotations

from ocrspool.errors import DeviceLostError, DeviceMemoryError, EngineError

_KINDS: dict[str, type[EngineError]] = {"memory": DeviceMemoryError, "lost": DeviceLostError}


def kind_of(error: Exception) -> str:
    """Return the word for an error; "engine" for every other one."""
    return next((word for word, kind in _KINDS.items() if isinstance(error, kind)), "engine")


def error_of(kind: object, message: str) -> EngineError:
    """Return the error that the word stands for."""
    return _KINDS.get(str(kind), EngineError)(message)
