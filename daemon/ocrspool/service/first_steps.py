"""The first steps of a start: the configuration is read, and the workers begin to load their engines.

That takes longest. So the rest of the service (daemon.py) is imported while they load.
"""

from __future__ import annotations

import time
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from ocrspool.config import preflight
from ocrspool.config.reload import Configuration
from ocrspool.errors import OcrspoolError
from ocrspool.observability import log_setup
from ocrspool.observability.systemd import Notifier
from ocrspool.processes import lifetime
from ocrspool.service.parts import REAL, Parts

if TYPE_CHECKING:
    from ocrspool.service.daemon import Service


def serve(path: Path, log_format: log_setup.Format | None = None, parts: Parts = REAL) -> None:
    """Serve until the process is told to stop. `log_format` replaces that of the configuration. Raise OcrspoolError."""
    lifetime.limit_malloc_arenas()
    first = FirstSteps(path, log_format, parts)
    first.start_workers()
    try:
        service: Service = import_module("ocrspool.service.daemon").Service(first)
    except BaseException:
        first.recognizer.close()
        raise
    service.run()


class FirstSteps:
    """What a service begins with."""

    def __init__(self, path: Path, log_format: log_setup.Format | None = None, parts: Parts = REAL) -> None:
        """Read the configuration. Raise ConfigError."""
        self.began = time.monotonic()
        self.parts = parts
        self.notifier = Notifier()
        try:
            self.configuration = Configuration(path, log_format)
        except OcrspoolError as error:
            self.fail(error)
            raise
        config = self.configuration.live.config
        log_setup.set_up(config.log.level, config.log.format, fields=True)
        self.recognizer = parts.recognizer(self.configuration.live, self.notifier.status)

    def start_workers(self) -> None:
        """Let the workers begin, unless the machine does not fit the configuration. Raise ConfigError."""
        self.notifier.status("checking the configuration")
        try:
            preflight.refuse(self.configuration.live.config)
        except OcrspoolError as error:
            self.fail(error)
            raise
        self.recognizer.start()

    def fail(self, error: Exception) -> None:
        """Tell systemd why the service ends. It shows the last status line until the next start."""
        self.notifier.last_words(error)
        if isinstance(error, OcrspoolError):
            self.notifier.failed(error.exit_code)
