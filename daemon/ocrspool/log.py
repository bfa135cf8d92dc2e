"""Logging: journald priorities under systemd, plain lines on a terminal, JSON on request; a job id on every record.

Names in messages come from outside: whatever prints them escapes them first (see names.printable).
"""

from __future__ import annotations

import json
import logging
import os
import sys
from datetime import datetime, timezone
from typing import Literal, TextIO

Format = Literal["auto", "plain", "journal", "json"]

# sd-daemon(3): a "<n>" prefix is the record's syslog priority.
_PRIORITY = {logging.CRITICAL: 2, logging.ERROR: 3, logging.WARNING: 4, logging.INFO: 6, logging.DEBUG: 7}


def set_up(level: str = "info", form: Format = "auto", stream: TextIO | None = None) -> None:
    """Send all records of this process to standard error, in one form. May be called again to change either."""
    stream = stream or sys.stderr
    if form == "auto":
        form = "journal" if _is_journal(stream) else "plain"
    handler = logging.StreamHandler(stream)
    handler.setFormatter({"plain": _Plain, "journal": _Journal, "json": _Json}[form]())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.captureWarnings(capture=True)


class _Plain(logging.Formatter):
    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s", "%Y-%m-%d %H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        return super().format(record) + _job(record)


class _Journal(logging.Formatter):
    """Time, host and process are the journal's own fields. Every line of a record carries the prefix."""

    def format(self, record: logging.LogRecord) -> str:
        prefix = f"<{_PRIORITY.get(record.levelno, 6)}>"
        lines = (super().format(record) + _job(record)).splitlines()
        return "\n".join(prefix + line for line in lines)


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, timezone.utc)
        entry = {
            "time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            "logger": record.name,
            "pid": record.process,
        }
        if job := getattr(record, "job", None):
            entry["job"] = job
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
