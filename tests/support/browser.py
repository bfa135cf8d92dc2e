"""A real browser without a display, and all that it asked the network for."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any

import pytest

from support.waiting import wait_until

_QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--hide-scrollbars"),
)
_SECONDS = 100
_NOBODY = "not an origin"
"""What the browser's log of the network has as the initiator of requests that are not a page's."""


@dataclass(frozen=True)
class Browser:
    """Runs once for each question, in a profile of its own."""

    name: str
    folder: Path

    def dom(self, url: str) -> str:
        """The document as it stands when the page has loaded."""
        return self._run("--dump-dom", url)

    def picture(self, url: str, path: Path, size: tuple[int, int], *more: str) -> None:
        """A PNG of the page in a window of this size."""
        self._run(f"--screenshot={path}", f"--window-size={size[0]},{size[1]}", *more, url)

    def asked_for(self, url: str) -> set[str]:
        """The URLs that the page itself requested, not those that somebody typed or that the browser asks for."""
        log = self.folder / "net.json"
        self._run(f"--log-net-log={log}", "--dump-dom", url)
        events = json.loads(log.read_text("utf-8"))["events"]
        asked = [event["params"] for event in events if "url" in event.get("params", {})]
        return {params["url"] for params in asked if params.get("initiator", _NOBODY) != _NOBODY}

    def press(self, url: str, what: str, until: Callable[[], object]) -> None:
        """Click on something on the page, named by a CSS selector, and wait until that has come of it what should."""
        with self._opened(url) as page:
            wait_until(lambda: page.value(f"document.querySelector({json.dumps(what)}) !== null"), 60)
            page.value(f"document.querySelector({json.dumps(what)}).click()")
            wait_until(until, 60)

    def comes_to(self, url: str, expression: str, value: object, width: int = 0) -> None:
        """Wait until an expression comes to this value within the page, on a screen of this width."""
        with self._opened(url) as page:
            if width:
                page.resize(width)
            wait_until(lambda: page.value(expression) == value, 60)

    @contextlib.contextmanager
    def _opened(self, url: str) -> Iterator[_Page]:
        told, said = os.pipe(), os.pipe()
        # It takes commands as its descriptor 3 and answers as 4 (--remote-debugging-pipe).
        shell = ["/bin/bash", "-c", f'exec "$@" 3<&{told[0]} 4>&{said[1]}', "bash"]
        command = [*shell, *self._command("--remote-debugging-pipe")]
        process = subprocess.Popen(command, pass_fds=(told[0], said[1]), stderr=subprocess.DEVNULL)
        for end in (told[0], said[1]):
            os.close(end)
        try:
            with open(told[1], "wb", buffering=0) as to, open(said[0], "rb", buffering=0) as answers:  # noqa: PTH123
                yield _Page(to, answers, url)
        finally:
            process.kill()
            process.wait()

    def _run(self, *arguments: str) -> str:
        command = self._command(*arguments)
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=_SECONDS).stdout

    def _command(self, *arguments: str) -> list[str]:
        profile = self.folder / "profile"
        shutil.rmtree(profile, ignore_errors=True)
        return [self.name, *_QUIET, f"--user-data-dir={profile}", *arguments]


class _Page:
    """A page in a browser that is told what to do: its protocol is JSON, each message ended by a zero byte."""

    def __init__(self, to: FileIO, answers: FileIO, url: str) -> None:
        self._to, self._answers = to, answers
        self._number = 0
        self._rest = b""
        self._session: dict[str, str] = {}
        target = self._ask("Target.createTarget", url=url)["targetId"]
        self._session = {"sessionId": self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]}

    def resize(self, width: int) -> None:
        """Show the page on a screen of this width, as a phone does."""
        self._ask("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=True)

    def value(self, expression: str) -> object:
        """What an expression comes to within the page; None while there is no page."""
        answer = self._ask("Runtime.evaluate", expression=expression)
        return answer.get("result", {}).get("value")

    def _ask(self, method: str, **parameters: object) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters, **self._session}
        self._to.write(json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self._number:
            pass
        result: dict[str, Any] = answer.get("result", {})
        return result

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            assert select.select([self._answers], [], [], _SECONDS)[0], "the browser says nothing"
            data = self._answers.read(65536)
            assert data, "the browser has gone"
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        return message


def found(folder: Path) -> Browser:
    """The browser of this machine. Skips the test where there is none."""
    name = next((name for name in ("chromium", "chromium-browser", "google-chrome") if shutil.which(name)), None)
    if name is None:
        pytest.skip("no Chromium is installed")
    return Browser(name, folder)
