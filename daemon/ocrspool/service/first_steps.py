"""The first steps of a start: the configuration is read, and the workers begin to load their engines.

That takes longest. So the rest of the service (daemon.py) is imported while they load.
"""

from __future__ import annotations

import time
from pathlib import Path

from ocrspool.config import preflight
from ocrspool.config.reload import Configuration
from ocrspool.config.schema import Config
from ocrspool.errors import OcrspoolError
from ocrspool.observability import log_setup
from ocrspool.observability.systemd import Notifier
from ocrspool.processes import lifetime
from ocrspool.processes.launcher import Launcher
from ocrspool.service.parts import REAL, Parts


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
        log_setup.set_up(self.config.log.level, self.config.log.format, fields=True)
        self.launcher = Launcher()
        self.recognizer = parts.recognizer(self.configuration.live, self.notifier.status, self.launcher)

    @property
    def config(self) -> Config:
        """What was read."""
        return self.configuration.live.config

    def start_workers(self) -> None:
        """Let the workers begin, unless the machine does not fit the configuration. Raise ConfigError."""
        lifetime.limit_malloc_arenas()
        self.notifier.status("checking the configuration")
        try:
            preflight.refuse(self.config)
        except OcrspoolError as error:
            self.fail(error)
            raise
        self.recognizer.start()

    def fail(self, error: Exception) -> None:
        """Tell systemd why the service ends. It shows the last status line until the next start."""
        self.notifier.last_words(error)
        if isinstance(error, OcrspoolError):
            self.notifier.failed(error.exit_code)
