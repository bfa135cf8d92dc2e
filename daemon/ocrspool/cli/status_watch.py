"""`ocrspool status --watch`: show the status again and again until Ctrl-C. It looks at folders and asks no process."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import datetime, timezone
from typing import NoReturn

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from ocrspool.cli.status_report import StatusReport
from ocrspool.cli.status_view import show, view
from ocrspool.formatting import rfc3339

_LOOK_SHARE = 10
"""Looking takes at most one part in so many of the time: folders with very many files are looked at less often."""


def watch(collect: Callable[[], StatusReport], seconds: float, *, as_json: bool) -> NoReturn:
    """Show the state every so many seconds: one JSON object a line, redrawn on a terminal, or block after block.

    It ends by KeyboardInterrupt, at SIGTERM too, so that the terminal is put in order.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if as_json:
        for report in _looks(collect, seconds):
            print(json.dumps({"time": rfc3339(), **asdict(report)}), flush=True)
    console = Console(highlight=False, markup=False)
    if console.is_terminal:
        with Live(console=console, auto_refresh=False) as live:
            for report in _looks(collect, seconds):
                live.update(Group(_time(), view(report)), refresh=True)
    for report in _looks(collect, seconds):
        show(console, Group(_time(), view(report), Text()))
    raise AssertionError  # not reached


def _time() -> Text:
    return Text(f"{datetime.now(timezone.utc).astimezone():%Y-%m-%d %H:%M:%S}", style="dim")


def _looks(collect: Callable[[], StatusReport], seconds: float) -> Iterator[StatusReport]:
    while True:
        began = time.monotonic()
        yield collect()
        time.sleep(max(seconds - (time.monotonic() - began), _LOOK_SHARE * (time.monotonic() - began), 0))
