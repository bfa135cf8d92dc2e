"""What other processes say: decoders, workers, the bridge and hosts of a cluster."""

from __future__ import annotations

import fcntl
import functools
import json
import os
import socket
from contextlib import suppress

from fuzzing.target import Target
from ocrspool.decoding import protocol
from ocrspool.decoding.api import DocumentInfo
from ocrspool.errors import DocumentError, EngineError
from ocrspool.pages import EncodedText, PageImage
from ocrspool.processes.channel import Channel, ChannelClosedError
from ocrspool.processes.fast_json import loads
from ocrspool.recognition import page_json
from ocrspool.recognition import protocol as of_workers
from ocrspool.recognition.engine_errors import engine_error
from ocrspool.recognition.hosts import answers, bridge_client, file_answers

_POLYGON = [[1.0, 2.0], [9.0, 2.0], [9.0, 4.0], [1.0, 4.0]]
_REMARK = {"code": "reduced", "message": "It is reduced.", "page": 1}
_LINE = {
    "text": "born digital", "confidence": 1.0, "detection_confidence": 1.0, "polygon": _POLYGON,
    "words": [{"text": "born", "confidence": 1.0, "polygon": _POLYGON}], "letter_height": 1.5, "stroke": 0.25,
}  # fmt: skip
_SIZE = {"number": 1, "width": 4, "height": 2, "channels": 3, "source_width": 40, "source_height": 20, "dpi": 200.0}
_DECODER = (
    {"document": {"media_type": "image/png", "pages": 2, "size": 9, "sha256": "f" * 64, "warnings": [_REMARK]}},
    {"page": {**_SIZE, "warnings": [_REMARK], "hidden": [_LINE]}},
    {"own_text": {"number": 1, "width": 4, "height": 2, "dpi": 200.0, "lines": [_LINE], "doubt": "ink",
                  "fonts": ["Times"], "warnings": [_REMARK], "rules": [[[1.0, 5.0], [9.0, 5.0]]]}},
    {"error": {"kind": "damaged", "message": "It is.", "hint": "Send it again.", "stage": "decode", "page": None}},
    {"written": True, "kept": False},
)  # fmt: skip
_WORKER = (
    {"page": {"number": 7, "lines": [["text", 0.9, _POLYGON, 0.8, [["text", 0.9, _POLYGON]]]], "rotation": 0,
              "seconds": {"detect": 0.1}, "warnings": [["a", "b", [0]]], "readers": ["default"],
              "letters": [[1.5, 0.2]], "rules": [[[0.0, 9.0], [99.0, 9.0]]]}},
    {"fault": {"number": 7, "message": "no"}},
    {"error": {"kind": "engine", "message": "a", "hint": "b"}},
)  # fmt: skip


@functools.cache
def _pixels() -> int:
    descriptor = os.memfd_create("page", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(descriptor, 24)
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, 15)
    return descriptor


def _message(data: bytes) -> dict[str, object] | None:
    """Return what a channel would hand over."""
    with suppress(ValueError, RecursionError):
        value = loads(data)
        return value if isinstance(value, dict) else None
    return None


def decoder(data: bytes) -> None:
    """What is believed can be written into a result."""
    with suppress(EngineError):
        _can_be_written(page_json.decoded(EncodedText(data, {})))
    if (message := _message(data)) is None:
        return
    with suppress(ValueError):
        if (refused := protocol.refusal(message)) is not None:
            str(refused).encode()
    with suppress(ValueError):
        protocol.document(message, [], 10)
    with suppress(ValueError):
        protocol.written(message, [])
    with suppress(ValueError):
        page = protocol.page(message, [_pixels()], 1, 600)
        "".join(line.text for line in page.hidden).encode()
    with suppress(ValueError):
        if (own := protocol.own_text(message, [], 1, 600)) is not None:
            "".join(word.text for line in own[0].lines for word in line.words).encode()


def frames(data: bytes) -> None:
    """A channel hands over a mapping, or closes; no descriptor stays."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        with suppress(BlockingIOError):
            theirs.setblocking(False)  # noqa: FBT003 - its own form
            socket.send_fds(theirs, [data], [_pixels()] * (len(data) % 3))
        theirs.shutdown(socket.SHUT_WR)
        channel = Channel(ours, 1 << 20, loads)
        with suppress(ChannelClosedError, TimeoutError):
            while True:
                message, descriptors = channel.receive(1)
                assert isinstance(message, dict)
                for descriptor in descriptors:
                    os.close(descriptor)


def worker(data: bytes) -> None:
    """What a worker says of a page can be written into a result, or it is an error of the engine."""
    if (message := _message(data)) is None:
        return
    with suppress(EngineError):
        if reason := message.get("error"):
            raise engine_error(reason)
        number, outcome = of_workers.page_outcome(message)
        hash(number)
        _can_be_written(outcome)


def _can_be_written(outcome: object) -> None:
    for line in getattr(outcome, "lines", ()):
        line.text.encode()
        [round(value) for point in line.polygon for value in point]
        [round(value) for word in line.words for point in word.polygon for value in point]


def host(data: bytes) -> None:
    """What the bridge says, with what a host has said in it."""
    with suppress(ValueError, RecursionError, UnicodeError):
        text = data.decode("utf-8", "surrogatepass")
        with suppress(ValueError):
            answers.report_from_json(text)
        with suppress(ValueError):  # as the bridge expects
            answers.check_outcome(text)
            outcome = answers.outcome_from_json(text)
            _can_be_written(page_json.decoded(outcome) if isinstance(outcome, EncodedText) else outcome)
        with suppress(ValueError):
            file_answers.check_file_outcome(text)
        for key in ("answer", "report"):
            said = {"number": 1, "wire_seconds": 0.5, "host": "a", "address": "b", key: text}
            with suppress(LookupError, TypeError, ValueError, OverflowError):  # as `next_event` expects
                bridge_client._event({"page" if key == "answer" else "host": said})
    if (message := _message(data)) is not None:
        with suppress(LookupError, TypeError, ValueError, OverflowError):
            bridge_client._event(message)


def _host_seeds() -> list[bytes]:
    page = page_json.encoded(page_json.page_text(_WORKER[0]["page"]))
    outcomes = (page, DocumentError("a", "b", page=1), EngineError("a", "b"))
    about = DocumentInfo("image/png", 1, 8, "0" * 64, ())
    file = file_answers.FileRead(
        about, 0, (file_answers.FilePage(PageImage(1, 4, 2, 1, 4, 2, None, file_answers.NO_PIXELS), text=page),)
    )
    report = answers.HostReport("a", "1", "2", ({"runtime": "openvino"},), 2)
    events = (
        {"returned": {"number": 1, "reason": "a", "counts": True}}, {"gone": {"host": "a", "reason": "b", "counts": 1}},
        {"scheduler": {"up": True, "reason": ""}}, {"ready": True},
    )  # fmt: skip
    return [
        *(answers.outcome_to_json(outcome).encode() for outcome in outcomes),
        *(file_answers.file_outcome_to_json(each).encode() for each in (file, file_answers.DecoderDeath("a"))),
        answers.report_to_json(report).encode(),
        *(json.dumps(event).encode() for event in events),
    ]


def _frame_seeds() -> list[bytes]:
    bodies = [json.dumps(each).encode() for each in ({"ready": True}, *_DECODER[:2])]
    more = bytes(4)  # nothing beside the JSON
    return [len(body).to_bytes(4, "big") + bytes((number,)) + more + body for body in bodies for number in (0, 1)]


DEEP = b'{"page":' * 20_000

TARGETS = (
    Target("decoder-answers", decoder, lambda: [*(json.dumps(each).encode() for each in _DECODER), DEEP], is_json=True),
    Target("frames", frames, _frame_seeds),
    Target("worker-answers", worker, lambda: [*(json.dumps(each).encode() for each in _WORKER), DEEP], is_json=True),
    Target("host-answers", host, lambda: [*_host_seeds(), DEEP], is_json=True),
)
