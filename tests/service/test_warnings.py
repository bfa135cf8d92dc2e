"""What recognition and decoding warn of gets to everybody who may want to know: result, log, status, metrics, audit."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from support import drawn_pages, sample_files
from support.daemon_process import NewDaemon, ocrspool
from support.http_client import ask
from support.waiting import wait_until

pytestmark = pytest.mark.engine


def _picture() -> Image.Image:
    """A drawing without a letter: a wave."""
    image = Image.new("L", (800, 600), 255)
    wave = [(x, 300 + 200 * math.sin(x / 90)) for x in range(60, 740, 4)]
    ImageDraw.Draw(image).line(wave, fill=0, width=5)
    return image


def test_documents_with_warnings_are_told_of(new_daemon: NewDaemon, tmp_path: Path) -> None:
    """The page is named in the result; each document is counted once for each code, from 0 at the start."""
    listen = tmp_path / "ask.sock"
    daemon = new_daemon(more=f"[metrics]\nlisten = '{listen}'\npage = true\n")
    daemon.start()
    named = 'ocrspool_warnings_total{code="no-text-found",inbox="default"}'
    total = 'ocrspool_documents_with_warnings_total{inbox="default"}'

    def counted(name: str) -> float | None:
        lines = ask(listen, "/metrics")[1].splitlines()
        return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{name} ")), None)

    assert counted(total) == 0
    assert counted(named) == 0
    daemon.drop("plain.png", drawn_pages.png("Nothing to warn of"))
    daemon.drop("drawing.tif", sample_files.tiff(drawn_pages.page("Some text"), _picture(), _picture()))
    daemon.drop("animated.gif", sample_files.gif(2))
    assert daemon.result("plain.png")["warnings"] == []
    found = daemon.result("drawing.tif")["warnings"]
    assert [(each["code"], each["page"], each["lines"]) for each in found] == [
        ("no-text-found", 2, []),
        ("no-text-found", 3, []),
    ]
    assert "first-frame" in {each["code"] for each in daemon.result("animated.gif")["warnings"]}

    wait_until(lambda: counted(total) == 2, 30)
    assert counted(named) == 2  # there is ink in the animation, too
    assert ", warnings: no-text-found → " in daemon.log()
    status = ocrspool("status", "--config", daemon.config).stdout
    assert "2 documents since the start: " in status
    assert "first-frame 1, no-text-found 2" in status
    assert "no-text-found" in ask(listen, "/", "localhost")[1]
    audit = ocrspool("status", "--audit", "--warnings", "--json", "--config", daemon.config)
    assert audit.returncode == 0, audit.stdout
    facts = json.loads(audit.stdout)["inboxes"]["default"]
    assert (facts["with_warnings"], facts["warnings"]) == (2, {"first-frame": 1, "no-text-found": 2})
    codes = {Path(result["path"]).name: result["codes"] for result in facts["results_with_warnings"]}
    assert codes["drawing.tif.json"] == ["no-text-found"]
