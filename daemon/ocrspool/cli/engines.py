"""`ocrspool prebuild`."""

from __future__ import annotations

import sys
import time
from typing import Any

from rich.console import Console
from rich.status import Status

from ocrspool.config import Config
from ocrspool.errors import Exit
from ocrspool.notify import Notifier
from ocrspool.prebuild import prebuild as build


def prebuild(config: Config, *, force: bool) -> int:
    """Build with progress on a terminal, a line for each stage elsewhere, and a summary."""
    began = time.monotonic()
    with Progress() as progress:
        engines = build(config, progress, force=force)
        progress.end("; ".join(f"engine {built['fingerprint']}: {_state(built)}" for built in engines))
    for built in engines:
        _summarize(built)
    print(f"done in {time.monotonic() - began:.1f} s")
    return Exit.OK


def _state(built: dict[str, Any]) -> str:
    return "built" if built["new"] else "already there and sound"


def _summarize(built: dict[str, Any]) -> None:
    print(f"engine {built['fingerprint']}: {_state(built)}")
    print(f"  runtime    {built['runtime']} {built['runtime_version']}, {built['precision']} on {built['device']}")
    for model in built["models"]:
        seconds = built["manifest"]["seconds"].get(model["name"])
        print(f"  {model['role']:<10} {model['name']}" + (f", built in {seconds:.1f} s" if seconds else ""))
    print(f"  folder     {built['folder']}")


class Progress:
    """Shows the stage that is going on, and for how long; tells systemd too."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._spinner: Status | None = None
        self._notifier = Notifier()
        self._began = time.monotonic()

    def __enter__(self) -> Progress:  # noqa: PYI034 - typing.Self is younger than Python 3.10
        if self._console.is_terminal:
            self._spinner = self._console.status("starting")
            self._spinner.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._spinner is not None:
            self._spinner.stop()

    def end(self, text: str) -> None:
        """Leave systemd with how it ended rather than with the last stage."""
        self._notifier.status(text)

    def __call__(self, stage: str) -> None:
        """Say what goes on now."""
        self._notifier.status(stage)
        line = f"[{time.monotonic() - self._began:6.1f} s] {stage}"
        if self._spinner is None:
            print(line, file=sys.stderr, flush=True)
        else:
            self._console.print(line, markup=False, highlight=False)
            self._spinner.update(stage)
