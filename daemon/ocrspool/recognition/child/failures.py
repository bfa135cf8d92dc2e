"""Whatever an engine raises, as the message that a worker process sends."""

from __future__ import annotations

import logging

from ocrspool.engine.cache.permissions import denied
from ocrspool.errors import EngineError, OcrspoolError
from ocrspool.processes.channel import Message
from ocrspool.recognition.engine_errors import as_message

_log = logging.getLogger(__name__)


def failure(error: BaseException) -> Message:
    """Return the message. Log what nobody has foreseen."""
    if isinstance(error, PermissionError):
        error = denied(error)
    if isinstance(error, OcrspoolError):
        return as_message(error)
    _log.error("the engine failed", exc_info=error)
    return as_message(EngineError(f"the engine failed: {error!r}", "the log has the trace"))
