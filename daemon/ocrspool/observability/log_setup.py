"""Logging: to systemd's journal with fields, as plain lines on a terminal, or as JSON on request.

The `extra` of a record says what it is about (`job`, `inbox`, `file`) and what has happened (`event`; see journald.py).
Names in messages come from outside. The code that prints them escapes them first (see names.printable).
"""

from __future__ import annotations

import json
import logging
import os
import sys
from datetime import datetime, timezone
from typing import Literal, TextIO

from ocrspool.formatting import rfc3339
from ocrspool.observability import journald

Format = Literal["auto", "plain", "journal", "json"]


def set_up(level: str = "info", form: Format = "auto", stream: TextIO | None = None, *, fields: bool = False) -> None:
    """Send all records of this process to standard error, in one form. May be called again to change either.

    With `fields`, records go to the journal itself where it reads standard error anyway. Not for a process that may die
    of what it logs: the journal asks the kernel which unit a sender belongs to, and a dead one belongs to none.
    """
    stream = stream or sys.stderr
    if form == "auto":
        form = "journal" if _is_journal(stream) else "plain"
    handler: logging.Handler = logging.StreamHandler(stream)
    handler.setFormatter({"plain": _Plain, "journal": _Lines, "json": _Json}[form]())
    if fields and form == "journal" and _is_journal(stream):
        handler = journald.Journal(journald.SOCKET, handler)
        handler.setFormatter(_Bare())
    root = logging.getLogger()
    before, root.handlers[:] = list(root.handlers), [handler]
    for other in before:
        if isinstance(other, journald.Journal):
            other.close()
    root.setLevel(level.upper())
    logging.captureWarnings(capture=True)


class _Bare(logging.Formatter):
    """Time, host, process and priority are the journal's own fields."""

    def format(self, record: logging.LogRecord) -> str:
        return super().format(record) + _job(record)


class _Plain(_Bare):
    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s", "%Y-%m-%d %H:%M:%S")


class _Lines(_Bare):
    """As a stream to the journal has it (sd-daemon(3)): every line of a record has its priority before it."""

    def format(self, record: logging.LogRecord) -> str:
        prefix = f"<{journald.priority(record.levelno)}>"
        return "\n".join(prefix + line for line in super().format(record).splitlines())


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": rfc3339(datetime.fromtimestamp(record.created, timezone.utc)),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            "logger": record.name,
            "pid": record.process,
        }
        entry |= {name: getattr(record, name) for name in ("event", *journald.ABOUT) if getattr(record, name, None)}
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False)


def _job(record: logging.LogRecord) -> str:
    job = getattr(record, "job", None)
    return f" [{job}]" if job else ""


def _is_journal(stream: TextIO) -> bool:
    """Tell whether the stream is connected to the journal (systemd.exec(5), JOURNAL_STREAM)."""
    try:
        found = os.fstat(stream.fileno())
        return os.environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"
    except (OSError, ValueError):
        return False
