"""The worker process: owns one engine on one device, and recognizes the pages that the service sends.

    → {"op": "load", "engine": {...}, "log": {...}}        ← {"stage": "..."}*, {"ready": {...}} or {"error": {...}}
    → {"op": "build", the same, "force": false, "source": null}
                                                           ← {"stage": "..."}*, {"built": {...}} or {"error": {...}}
    → {"op": "ping"}                                       ← {"pong": true}
    → {"op": "recognize", "page": {"number": 7, ...}} + pixels
            ← {"progress": true}*, {"page": {"number": 7, "lines": [...], ...}}
              or {"fault": {"number": 7, "message": "..."}}, or {"error": {...}}

Pages may be sent while others are in work; each is answered when the last of it has been read. A fault is one page's,
and this process goes on. An error is the engine's, and the service replaces this process. When reading a page raises an
error, the known page decides which of the two it is. It writes nothing but what a build puts into the caches of engines
and models, and ends when its channel closes.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ocrspool.engine.cache.permissions import denied
from ocrspool.engine.plan import Plan, plan
from ocrspool.engine_request import EngineRequest
from ocrspool.errors import (
    ConfigError,
    DeviceLostError,
    DeviceMemoryError,
    EngineError,
    EngineMissingError,
    OcrspoolError,
)
from ocrspool.files import file_lock
from ocrspool.observability import log_setup
from ocrspool.processes import lifetime
from ocrspool.processes.channel import Channel, ChannelClosedError, Message

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from ocrspool.engine.cache.store import Manifest
    from ocrspool.engine.ocr.recognizer import Recognizer
    from ocrspool.pages import PageText

_log = logging.getLogger(__name__)

_TELLING_SECONDS = 0.2
_MOST_SAID = 300
"""Characters of what an error says of a page."""
_MANIFEST_SECONDS = 5.0
"""Who removes an engine has its manifest locked for an instant."""
_KINDS: dict[type[OcrspoolError], str] = {EngineMissingError: "missing", ConfigError: "config"}


class Worker:
    """Answers one service."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._sending = threading.Lock()
        self._recognizer: Recognizer | None = None
        self._still_reads: Callable[[], bool] = lambda: False
        """Whether the engine reads the known page as it should."""
        self._doubts = ThreadPoolExecutor(1, thread_name_prefix="doubt")
        """Reads the known page, while the threads of the recognizer go on with their pages."""
        self._held: int | None = None
        """The lock on the engine's manifest, for as long as this process lives."""
        self._told = 0.0

    def serve(self) -> None:
        """Answer until the service goes away."""
        answers = {"load": self._load, "build": self._build, "ping": self._ping, "recognize": self._recognize}
        with contextlib.suppress(ChannelClosedError):
            while True:
                request, descriptors = self._channel.receive()
                try:
                    answers[request["op"]](request, descriptors)
                except Exception as error:  # noqa: BLE001 - the engine's libraries raise anything; the service decides what follows
                    self._send_error(error)
                finally:
                    for descriptor in descriptors:
                        os.close(descriptor)
        self._doubts.shutdown(cancel_futures=True)
        if self._recognizer is not None:
            self._recognizer.close()

    def _load(self, request: Message, _: list[int]) -> None:
        wanted = self._planned(request)
        from ocrspool.engine.loader import load, still_reads  # noqa: PLC0415 - there by now

        self._hold(wanted.folder / "manifest.json")
        self._recognizer, manifest, seconds = load(wanted, self._stage)
        self._still_reads = partial(still_reads, self._recognizer, manifest)
        self._send({"ready": {**_facts(wanted, manifest), "seconds": seconds}})

    def _hold(self, manifest: Path) -> None:
        """Lock the manifest for as long as this process lives, so that `engines gc` leaves the engine alone.

        Whoever can read it can lock it, and must not keep the service from serving: then it is loaded without.
        """
        try:
            self._held = file_lock.take(manifest, shared=True, seconds=_MANIFEST_SECONDS, on_wait=self._stage)
        except FileNotFoundError:
            pass  # `load` says what is missing
        except file_lock.LockedError as error:
            _log.warning("%s; the engine is loaded all the same, and `ocrspool engines gc` could remove it", error)

    def _build(self, request: Message, _: list[int]) -> None:
        if source := request["source"]:
            self._fetch(EngineRequest.from_json(request["engine"]), source)
        wanted = self._planned(request)
        from ocrspool.engine.build.builder import build  # noqa: PLC0415 - there by now

        manifest, built = build(wanted, self._stage, force=request["force"])
        facts = {**_facts(wanted, manifest), "folder": os.fspath(wanted.folder), "manifest": asdict(manifest)}
        self._send({"built": {**facts, "new": built}})

    def _fetch(self, wanted: EngineRequest, source: str) -> None:
        """Bring published models here that are not."""
        from ocrspool.engine.models.download import fetch  # noqa: PLC0415 - the network's modules, which serving never needs
        from ocrspool.engine.models.http_download import Source  # noqa: PLC0415

        fetch(wanted.models, Path(wanted.cache) / "models", self._stage, wanted.runtime, Source(source))

    def _ping(self, _request: Message, _: list[int]) -> None:
        self._send({"pong": True})

    def _recognize(self, request: Message, descriptors: list[int]) -> None:
        """Begin with a page; it is answered by whichever thread has read the last of it."""
        if self._recognizer is None:
            raise OcrspoolError("no engine is loaded")
        from ocrspool.engine.ocr.shared_image import pixels  # noqa: PLC0415 - numpy is there by now

        page = request["page"]
        number = page["number"]
        try:
            (descriptor,) = descriptors
            image = pixels(descriptor, page["height"], page["width"], page["channels"])
            reading = self._recognizer.submit(image, page["orientation"], self._progress)
        except Exception as error:  # noqa: BLE001 - whatever it is, it came of this page
            self._doubt(number, error)
        else:
            reading.add_done_callback(lambda done: self._send_page(number, done))

    def _planned(self, request: Message) -> Plan:
        """Return the plan; hashing the models for it and importing numpy and OpenCV go on side by side."""
        log_setup.set_up(**request["log"])
        with ThreadPoolExecutor(1) as aside:
            planned = aside.submit(plan, EngineRequest.from_json(request["engine"]))
            import_module("ocrspool.engine.loader")
        return planned.result()

    def _progress(self) -> None:
        """Tell that a step was made; not of each, where there are hundreds in a second: they would cost as much."""
        now = time.monotonic()
        if now - self._told >= _TELLING_SECONDS:
            self._told = now
            with contextlib.suppress(ChannelClosedError):
                self._send({"progress": True})

    def _stage(self, text: str) -> None:
        self._send({"stage": text})

    def _send_page(self, number: int, done: Future[PageText]) -> None:
        """Send what became of a page. The thread goes on: that the service has gone, `serve` sees."""
        with contextlib.suppress(ChannelClosedError):
            try:
                self._send({"page": {"number": number, **_as_json(done.result())}})
            except ChannelClosedError:
                raise
            except Exception as error:  # noqa: BLE001 - of the recognizer, or of what cannot be sent
                self._doubt(number, error)

    def _doubt(self, number: int, error: Exception) -> None:
        """Find out whether it is the page's fault or the engine's that the page was not read, and tell."""
        if isinstance(error, (DeviceLostError, DeviceMemoryError)):  # a new process is what helps
            self._send_error(error)
            return
        _log.error("a page could not be read", exc_info=error)
        try:
            self._doubts.submit(self._decide, number, error)
        except RuntimeError as other:  # no thread could be started
            self._send_error(other)

    def _decide(self, number: int, error: Exception) -> None:
        """Tell that it is the page's fault where the engine reads the known page still, else that it is the engine's.

        What was raised says nothing of that: a net in disorder can make our own Python fail.
        """
        with contextlib.suppress(ChannelClosedError):
            try:
                sound = self._still_reads()
            except Exception as other:  # noqa: BLE001 - an engine in disorder raises anything
                self._send_error(other)
                return
            if sound:
                self._send({"fault": {"number": number, "message": _said(error)}})
            else:
                failed = f"after an error of a page ({_said(error)}) the engine reads the known page wrongly"
                self._send_error(EngineError(failed, "the worker is replaced"))

    def _send_error(self, error: BaseException) -> None:
        if isinstance(error, PermissionError):
            error = denied(error)
        if isinstance(error, OcrspoolError):
            kind, message, hint = _KINDS.get(type(error), "engine"), error.message, error.hint
        else:
            _log.error("the engine failed", exc_info=error)
            kind, message, hint = "engine", f"the engine failed: {error!r}", "the log has the trace"
        self._send({"error": {"kind": kind, "message": message, "hint": hint}})

    def _send(self, message: Message) -> None:
        with self._sending:
            self._channel.send(message)


def _facts(wanted: Plan, manifest: Manifest) -> dict[str, Any]:
    """Return what a result says about the engine that read it."""
    items = manifest.identity
    return {
        "runtime": wanted.runtime,
        "runtime_version": items["runtime_version"],
        "device": items["device"],
        "precision": items["precision"],
        "fingerprint": manifest.fingerprint,
        "models": [
            {"role": spec.role, "name": spec.name, "sha256": items[f"{spec.role}.sha256"]} for spec in wanted.models
        ],
    }


def _said(error: Exception) -> str:
    """Return an error in one line."""
    told = error.message if isinstance(error, OcrspoolError) else f"{type(error).__name__}: {error}"
    return " ".join(told.split())[:_MOST_SAID]


def _as_json(page: PageText) -> dict[str, Any]:
    lines = [
        (
            *(line.text, line.confidence, line.polygon, line.detection_confidence),
            [(word.text, word.confidence, word.polygon) for word in line.words],
        )
        for line in page.lines
    ]
    warnings = [(warning.code, warning.message, warning.lines) for warning in page.warnings]
    return {"lines": lines, "rotation": page.rotation, "seconds": page.seconds, "warnings": warnings}


def main() -> None:
    """Run the process: its argument is the number of the channel's descriptor."""
    lifetime.die_with_parent()
    # Engines and kernels are machine code, run by whoever loads them. The service's umask is made for results, which
    # the group of those who drop files may have.
    os.umask(0o077)
    Worker(Channel(socket.socket(fileno=int(sys.argv[1])))).serve()


if __name__ == "__main__":
    main()
