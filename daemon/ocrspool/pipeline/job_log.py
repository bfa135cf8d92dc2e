"""How the log names a job."""

from __future__ import annotations

import logging

from ocrspool.files import names
from ocrspool.spool.jobs import Job, log_fields

_log = logging.getLogger("ocrspool.pipeline")


def log_of(job: Job, event: str = "") -> logging.LoggerAdapter[logging.Logger]:
    """Return a log whose records say which job they are about."""
    return logging.LoggerAdapter(_log, {**log_fields(job), "event": event})


def name_of(job: Job) -> str:
    """Return the name of the job's file as a log may show it."""
    return names.printable(job.name)
