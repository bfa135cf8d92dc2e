"""Every hostile file of the corpus through one real service: none is lost, none takes a process with it."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from support import drawn_pages
from support.daemon_process import Daemon, NewDaemon
from support.waiting import wait_until

CORPUS = Path(os.environ.get("OCRSPOOL_CORPUS", ""))

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.engine,
    pytest.mark.skipif("OCRSPOOL_CORPUS" not in os.environ, reason="OCRSPOOL_CORPUS names no corpus"),
    pytest.mark.timeout(1500),
]

INBOX = "[inbox.default]\nroot = 'spool'\nsettle_seconds = 0.3\nincomplete_seconds = 1\n"
LEFT_ALONE = {"symlink-to-file.png", "symlink-outside.png", "symlink-dangling.png", "symlink-loop", "fifo.png"}
FOLDER, VANISHING, UNREADABLE, BAD_NAME = "directory.png", "vanishing.png", "unreadable.png", "bad-utf8-\\xff.png"


@pytest.mark.parametrize("together", [True, False], ids=["together", "one by one"])
def test_hostile_corpus(new_daemon: NewDaemon, together: bool) -> None:  # noqa: FBT001 - parametrized
    """Each file has the outcome that the manifest expects, and service and worker are those of the start."""
    manifest = json.loads((CORPUS / "manifest.json").read_bytes())
    files = [entry for entry in manifest["files"] if entry["kind"] == "hostile"]
    made = {entry["name"] for entry in manifest["create_at_test_time"]}
    assert (len(files), len(made)) == (47, 13)
    daemon = new_daemon(inboxes=INBOX)
    daemon.start()
    service, workers, outcomes = daemon.pid, daemon.workers(), Outcomes(daemon)
    expected = {Path(entry["file"]).name: entry for entry in files}
    for name, entry in expected.items():
        daemon.drop(name, (CORPUS / entry["file"]).read_bytes())
        if not together:
            outcomes.of(name)
    copies = make_the_others(daemon, (CORPUS / "hostile/my scan 1.png").read_bytes(), made)
    good = expected["my scan 1.png"]
    expected |= dict.fromkeys(copies, good)
    wait_until(lambda: not set(daemon.files("inbox")) - LEFT_ALONE and not daemon.in_work(), 1200)
    problems = [problem for name, entry in expected.items() if (problem := judge(name, entry, outcomes.of(name)))]
    assert problems == []
    assert {path.name for path in (daemon.spool / "inbox").iterdir()} >= LEFT_ALONE
    assert (daemon.spool / "inbox" / FOLDER).is_dir()
    results = [json.loads((daemon.spool / "outbox" / name).read_bytes()) for name in daemon.files("outbox")]
    assert {result["source"]["path"] for result in results} <= {shown(name) for name in (*expected, VANISHING)}
    assert (
        len(results) + len(daemon.files("failed")) // 2 <= len(expected) + 2
    )  # both contents of replaced.png, vanishing.png
    assert (daemon.pid, daemon.workers()) == (service, workers)
    assert not (daemon.folder / "pwned").exists()
    assert "Traceback" not in daemon.log()
    for name in LEFT_ALONE:
        (daemon.spool / "inbox" / name).unlink()


def make_the_others(daemon: Daemon, good: bytes, wanted: set[str]) -> set[str]:
    """Make what no archive can hold; the names of those that have to be read."""
    inbox, outside = daemon.spool / "inbox", daemon.folder / "elsewhere.png"
    outside.write_bytes(good)
    (inbox / "symlink-to-file.png").symlink_to("my scan 1.png")
    (inbox / "symlink-outside.png").symlink_to(outside)
    (inbox / "symlink-dangling.png").symlink_to("nothing")
    (inbox / "symlink-loop").symlink_to(".")
    (inbox / FOLDER).mkdir()
    os.mkfifo(inbox / "fifo.png")
    (long,) = [name for name in wanted if len(name) == 255]
    copies = {"line\nbreak.png", long, os.fsdecode(b"bad-utf8-\xff.png"), "growing.png", "replaced.png"}
    assert wanted == (copies - {os.fsdecode(b"bad-utf8-\xff.png")}) | LEFT_ALONE | {
        FOLDER,
        VANISHING,
        UNREADABLE,
        BAD_NAME,
    }
    daemon.drop("replaced.png", drawn_pages.png("Replaced at once"))
    for name in copies - {"growing.png"}:
        daemon.drop(name, good)
    pause = threading.Event()
    (inbox / VANISHING).write_bytes(good)
    pause.wait(0.01)
    (inbox / VANISHING).unlink(missing_ok=True)
    with (inbox / "growing.png").open("wb", buffering=0) as file:
        for at in range(0, len(good), len(good) // 9):
            file.write(good[at : at + len(good) // 9])
            pause.wait(0.5)
    # unreadable.png means nothing to root: test_permissions.py has it.
    return copies


class Outcomes:
    """The results and reasons of a service. Each is read once: there are many, and they are asked for often."""

    def __init__(self, daemon: Daemon) -> None:
        self._spool = daemon.spool
        self._told: dict[Path, dict[str, Any]] = {}

    def of(self, name: str) -> dict[str, Any]:
        """Wait for the result or the reason of a file."""
        value = wait_until(lambda: self._found(name), 600)
        assert value is not None
        return value

    def _found(self, name: str) -> dict[str, Any] | None:
        for state, suffix in (("failed", ".reason.json"), ("outbox", ".json")):
            for path in (self._spool / state).glob("*" + suffix):
                if path not in self._told:
                    self._told[path] = json.loads(path.read_bytes())
        return next((told for told in self._told.values() if told["source"]["path"] == shown(name)), None)


def shown(name: str) -> str:
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def judge(name: str, entry: dict[str, Any], told: dict[str, Any]) -> str:
    """Say what is wrong with this outcome; nothing if it is as expected."""
    refused = told["schema"] == "ocrspool-reason/1"
    if refused and entry["expect"] == "accept":
        return f"{name!r} was refused: {told['message']}"
    if refused:
        vague = not told["message"] or told["kind"] in {"crash", "internal"}
        return f"{name!r} was refused without a clear reason: {told}" if vague else ""
    if entry["expect"] == "reject":
        return f"{name!r} was accepted"
    missing = drawn_pages.squeezed(entry.get("expect_text", "")) not in drawn_pages.squeezed(told["text"])
    return f"{name!r} reads {told['text']!r}" if missing else ""
