"""`ocrspool prebuild`."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import Any, TextIO

from rich.console import Console
from rich.status import Status
from rich.text import Text

from ocrspool.cli import service_user
from ocrspool.cli.hangup import lasting
from ocrspool.config.schema import Config
from ocrspool.errors import Exit
from ocrspool.formatting import format_duration
from ocrspool.observability.systemd import Notifier
from ocrspool.pages import DEFAULT_FINDER, DEFAULT_READER
from ocrspool.recognition.prebuild import SILENCE_SECONDS
from ocrspool.recognition.prebuild import prebuild as build

_LONG_STAGES = 4
"""Three models and the comparison, for each device and for the CPU in the place of one."""


def prebuild(config: Config, *, force: bool) -> int:
    """Build with progress on a terminal, a line for each stage elsewhere, and a summary.

    As root it acts as the user whom the cache belongs to: the service could not use what belongs to root.
    """
    service_user.become(service_user.find(config))
    began = time.monotonic()
    patience = _LONG_STAGES * (len(config.engine.devices) + 1) * SILENCE_SECONDS
    try:
        with lasting() as stream, Progress(stream, patience) as progress:
            engines = build(config, progress, force=force, download=True, on_wait=progress.wait)
            progress.end("; ".join(f"engine {built['fingerprint']}: {_state(built)}" for built in engines))
    except KeyboardInterrupt:
        print("ocrspool: interrupted; the next `ocrspool prebuild` goes on with what is built so far", file=sys.stderr)
        return Exit.INTERRUPTED
    for built in engines:
        _summarize(built)
    print(f"done in {time.monotonic() - began:.1f} s")
    return Exit.OK


def _state(built: dict[str, Any]) -> str:
    return "built" if built["new"] else "already there and sound"


def _summarize(built: dict[str, Any]) -> None:
    print(f"engine {built['fingerprint']}: {_state(built)}")
    print(f"  runtime     {built['runtime']} {built['runtime_version']}, {built['precision']} on {built['device']}")
    for model in built["models"]:
        what, folder = model["role"], model["name"]
        if model.get("reader") not in {None, DEFAULT_READER}:
            what, folder = f"reader {model['reader']}", f"{model['name']}@{model['reader']}"
        if model.get("finder") not in {None, DEFAULT_FINDER}:
            what, folder = f"finder {model['finder']}", f"{model['name']}@{model['finder']}"
        seconds = built["manifest"]["seconds"].get(folder)
        print(f"  {what:<11} {model['name']}" + (f", built in {seconds:.1f} s" if seconds else ""))
    if parity := built["manifest"]["parity"]:
        print(
            f"  compared    {parity['characters_differing']} of {parity['characters']} characters differ from "
            f"{parity['reference']}, boxes by {parity['worst_shift']:.1f} pixels at most"
        )
    print(f"  folder      {built['folder']}")


class Progress:
    """Shows the stage that is going on, and for how long; tells systemd too, and asks it for so many seconds' patience.

    Where nobody listens any more the build goes on.
    """

    def __init__(self, stream: TextIO | None = None, patience: float = 0.0) -> None:
        self._stream = stream or sys.stderr
        self._console = Console(file=self._stream)
        self._spinner: Status | None = None
        self._notifier = Notifier()
        self._patience = self._notifier.extend_timeout_while(patience)
        self._began = time.monotonic()

    def __enter__(self) -> Progress:  # noqa: PYI034 - typing.Self is younger than Python 3.10
        self._patience.__enter__()
        if self._console.is_terminal:
            self._spinner = self._console.status(_Clock("starting"))
            self._spinner.start()
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, Exception):  # not where it was told to stop
            self._notifier.last_words(error)
        self._patience.__exit__(None, None, None)
        if self._spinner is not None:
            with contextlib.suppress(OSError):
                self._spinner.stop()

    def end(self, text: str) -> None:
        """Leave systemd with how it ended rather than with the last stage."""
        self._notifier.status(text)

    def __call__(self, stage: str) -> None:
        """Say what goes on now."""
        self._notifier.status(stage)
        if self._spinner is not None:
            self._spinner.update(_Clock(stage))
        self._line(stage)

    def wait(self, text: str) -> None:
        """Say that it still goes on; on a terminal the clock does."""
        self._notifier.status(text)
        if self._spinner is None:
            self._line(text)

    def _line(self, text: str) -> None:
        line = f"[{time.monotonic() - self._began:6.1f} s] {text}"
        with contextlib.suppress(OSError):
            if self._spinner is None:
                print(line, file=self._stream, flush=True)
            else:
                self._console.print(line, markup=False, highlight=False)


class _Clock:
    """A stage, and for how long it has been going on whenever it is drawn."""

    def __init__(self, stage: str) -> None:
        self._stage = stage
        self._began = time.monotonic()

    def __rich__(self) -> Text:
        return Text(f"{self._stage}: {format_duration(time.monotonic() - self._began)}")
