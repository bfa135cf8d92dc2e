"""`ocrspool status --watch`: show the status again and again until Ctrl-C. It looks at folders and asks no process."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from typing import Any, NoReturn

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from ocrspool.cli.status_view import view
from ocrspool.formatting import rfc3339

_LOOK_SHARE = 10
"""Looking takes no more than such a part of the time: folders with very many files are looked at less often."""


def watch(collect: Callable[[], dict[str, Any]], seconds: float, *, as_json: bool) -> NoReturn:
    """Show the state every so many seconds: one JSON object a line, redrawn on a terminal, or block after block.

    Ends by KeyboardInterrupt, at SIGTERM too, so that the terminal is put in order.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if as_json:
        for facts in _looks(collect, seconds):
            print(json.dumps({"time": rfc3339(), **facts}), flush=True)
    console = Console(highlight=False, markup=False)
    if console.is_terminal:
        with Live(console=console, auto_refresh=False) as live:
            for facts in _looks(collect, seconds):
                live.update(Group(_time(), view(facts)), refresh=True)
    for facts in _looks(collect, seconds):
        console.print(Group(_time(), view(facts), Text()))
        console.file.flush()
    raise AssertionError  # not reached


def _time() -> Text:
    return Text(f"{datetime.now(timezone.utc).astimezone():%Y-%m-%d %H:%M:%S}", style="dim")


def _looks(collect: Callable[[], dict[str, Any]], seconds: float) -> Iterator[dict[str, Any]]:
    while True:
        began = time.monotonic()
        yield collect()
        time.sleep(max(seconds - (time.monotonic() - began), _LOOK_SHARE * (time.monotonic() - began), 0))
