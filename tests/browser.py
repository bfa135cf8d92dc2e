"""A real browser without a display, and all that it asked the network for."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

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

    def _run(self, *arguments: str) -> str:
        profile = self.folder / "profile"
        shutil.rmtree(profile, ignore_errors=True)
        command = [self.name, *_QUIET, f"--user-data-dir={profile}", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=_SECONDS).stdout


def found(folder: Path) -> Browser:
    """The browser of this machine. Skips the test where there is none."""
    name = next((name for name in ("chromium", "chromium-browser", "google-chrome") if shutil.which(name)), None)
    if name is None:
        pytest.skip("no Chromium is installed")
    return Browser(name, folder)
