"""A decoder that its document has taken over: whatever it answers, the service believes nothing it cannot check."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
from dataclasses import asdict
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ocrspool.cli.json_schemas import schema_of
from ocrspool.config.current import CurrentConfig
from ocrspool.config.schema import Config, Profile
from ocrspool.config.sections import Limits
from ocrspool.decoding import protocol
from ocrspool.decoding.api import DecoderDiedError
from ocrspool.decoding.client import DecoderClient
from ocrspool.errors import DocumentError
from ocrspool.pages import EmbeddedText, Notice, PageText, Polygon, TextLine, Word
from ocrspool.pipeline.assemble import Reading, ReadPage, build
from ocrspool.processes.channel import Channel, ChannelClosedError
from ocrspool.processes.child import ChildDiedError
from ocrspool.render.json import render
from ocrspool.results.from_json import engine_from
from ocrspool.results.schema import Run

LIMITS = Limits(pages=10)
PROFILE = Profile()
MOST_BYTES = 600
READY = {"ready": True, "missing": []}
REMARK = {"code": "reduced", "message": "It is reduced.", "page": 1}
DOCUMENT = {"media_type": "image/png", "pages": 2, "size": 9, "sha256": "f" * 64, "warnings": [REMARK]}
PAGE = {
    "number": 1, "width": 20, "height": 10, "channels": 3, "source_width": 40, "source_height": 20, "dpi": 200.0,
    "warnings": [REMARK], "hidden": [],
}  # fmt: skip
ERROR = {"kind": "damaged", "message": "It is.", "hint": "Send it again.", "stage": "decode", "page": None}
ENGINE = engine_from({
    "runtime": "openvino", "runtime_version": "2025.4", "device": "cpu", "precision": "bf16",
    "fingerprint": "0123456789abcdef", "models": [],
})  # fmt: skip
VALIDATOR = jsonschema.Draft202012Validator(schema_of("result"))
ALL_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


class Taken:
    """Stands where the child process would be, and answers what it is told to, over a real socket."""

    def __init__(self, *answers: tuple[Any, list[int]]) -> None:
        self.pid = 0
        ours, self._theirs = socket.socketpair()
        self._theirs.setblocking(False)  # noqa: FBT003 - its own form
        self._channel = Channel(ours, 1 << 20)
        self._answers = [(READY, []), *answers]

    def ask(self, _message: object, _descriptors: object = (), *, seconds: float) -> tuple[dict[str, Any], list[int]]:
        answer, sent = self._answers.pop(0) if self._answers else ({"closed": True}, [])
        body = json.dumps(answer).encode()
        header = len(body).to_bytes(4, "big") + bytes([len(sent)]) + bytes(4)  # no body beside the JSON
        socket.send_fds(self._theirs, [header], sent)
        with contextlib.suppress(BlockingIOError):  # one that is too long is refused by its announced length
            self._theirs.sendall(body)
        for descriptor in sent:
            os.close(descriptor)
        try:
            return self._channel.receive(seconds)
        except ChannelClosedError as error:
            raise ChildDiedError(str(error)) from error

    def kill(self) -> None:
        self._channel.close()
        self._theirs.close()

    close = kill


def pixels(size: int = 600, seals: int = ALL_SEALS) -> int:
    descriptor = os.memfd_create("page", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(descriptor, size)
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
    return descriptor


def verdict(
    monkeypatch: pytest.MonkeyPatch, source: Path, *answers: tuple[Any, list[int]], limits: Limits = LIMITS
) -> str:
    """Open a file and read its first page. Whatever is believed makes a document that fits the published schema."""
    taken = Taken(*answers)
    monkeypatch.setattr("ocrspool.decoding.client.Child", lambda *_, **__: taken)
    decoder = DecoderClient(CurrentConfig(Config(limits=limits)))
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - counted often
    said = "read"
    with contextlib.closing(decoder):
        try:
            opened = decoder.open(source, PROFILE)
            decoded = decoder.page(0)
        except DecoderDiedError:
            said = "died"
        except DocumentError as error:
            said = error.kind
        else:
            os.close(decoded.image.fd)
            page = ReadPage(decoded.image, PageText(decoded.hidden, 0, {}))
            reading = Reading("a.png", "scans", opened, [page], [*opened.warnings, *decoded.warnings])
            made = render(build(reading, ENGINE, Run("j", "h", 1, "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", {})))
            VALIDATOR.validate(json.loads(made))
    taken.kill()
    assert len(os.listdir("/proc/self/fd")) <= before - 2  # noqa: PTH208 - the socket pair has gone, and all it brought
    return said


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A file for it."""
    (tmp_path / "a.png").write_bytes(b"some file")
    return tmp_path / "a.png"


def test_a_sound_decoder_is_believed(monkeypatch: pytest.MonkeyPatch, source: Path) -> None:
    assert verdict(monkeypatch, source, ({"document": DOCUMENT}, []), ({"page": PAGE}, [pixels()])) == "read"
    assert verdict(monkeypatch, source, ({"error": ERROR}, [])) == "damaged"
    assert verdict(monkeypatch, source, ({"document": DOCUMENT}, []), ({"error": ERROR}, [])) == "damaged"


@pytest.mark.parametrize(
    "change",
    [
        *({"pages": pages} for pages in (0, -1, 11, 1 << 70, 2.0, "2", None, True)),
        {"sha256": "f" * 63}, {"sha256": "F" * 64}, {"sha256": "f" * 64 + "\n"}, {"size": -1}, {"media_type": "x"},
        {"warnings": [REMARK] * 21}, {"warnings": [{**REMARK, "message": "x" * 5000}]}, {"warnings": [{}]},
        {"warnings": [{**REMARK, "message": "\ud800"}]}, {"more": 1}, {"media_type": "x" * (2 << 20)},
    ],
    ids=lambda change: str(change)[:40],
)  # fmt: skip
def test_documents_that_make_no_sense(monkeypatch: pytest.MonkeyPatch, source: Path, change: dict[str, Any]) -> None:
    assert verdict(monkeypatch, source, ({"document": {**DOCUMENT, **change}}, [])) == "died"


@pytest.mark.parametrize(
    "change",
    [
        {"number": 2}, {"width": 21}, {"width": -20, "height": -10}, {"width": 301}, {"height": 0}, {"channels": 2},
        {"channels": True}, {"source_width": 0}, {"source_height": 1 << 40}, {"dpi": 0}, {"dpi": float("nan")},
        {"dpi": float("inf")}, {"dpi": "200"}, {"width": 20.0}, {"fd": 0}, {"warnings": None},
    ],
    ids=lambda change: str(change)[:40],
)  # fmt: skip
def test_pages_that_make_no_sense(monkeypatch: pytest.MonkeyPatch, source: Path, change: dict[str, Any]) -> None:
    page = {"page": {**PAGE, **change}}
    assert verdict(monkeypatch, source, ({"document": DOCUMENT}, []), (page, [pixels()])) == "died"


def test_pixels_that_could_hurt_a_worker(monkeypatch: pytest.MonkeyPatch, source: Path) -> None:
    """A file that can shrink under the worker that has mapped it would kill it; one of another size, or none, too."""

    def page(*descriptors: int) -> str:
        return verdict(monkeypatch, source, ({"document": DOCUMENT}, []), ({"page": PAGE}, list(descriptors)))

    for missing in (fcntl.F_SEAL_SHRINK, fcntl.F_SEAL_GROW, fcntl.F_SEAL_WRITE):
        assert page(pixels(seals=ALL_SEALS & ~missing)) == "died"
    assert page(pixels(599)) == "died"
    assert page(pixels(601)) == "died"
    assert page() == "died"
    assert page(pixels(), pixels()) == "died"
    for descriptor in (os.open(source, os.O_RDONLY), os.open("/dev/zero", os.O_RDONLY), os.open("/", os.O_PATH)):
        assert page(descriptor) == "died"
    assert verdict(monkeypatch, source, ({"document": DOCUMENT}, [pixels()])) == "died"
    assert verdict(monkeypatch, source, ({"error": ERROR}, [pixels(), pixels()])) == "damaged"


WORD = {"text": "born", "confidence": 1.0, "polygon": [[1.0, 2.0], [4.0, 2.0], [4.0, 4.0], [1.0, 4.0]]}
LINE = {
    "text": "born digital", "confidence": 1.0, "detection_confidence": 1.0,
    "polygon": [[1.0, 2.0], [9.0, 2.0], [9.0, 4.0], [1.0, 4.0]], "words": [WORD],
    "letter_height": 1.5, "stroke": 0.25,
}  # fmt: skip
OWN_TEXT = {
    "number": 1, "width": 20, "height": 10, "dpi": 200.0, "lines": [LINE], "doubt": "letters", "fonts": ["Times"],
    "warnings": [REMARK], "rules": [[[1.0, 5.0], [9.0, 5.0]]],
}  # fmt: skip


def test_a_page_larger_than_the_memory_for_pages_is_not_believed(monkeypatch: pytest.MonkeyPatch, source: Path) -> None:
    """Whatever its form: 64 MB hold it, or not."""
    for width, height, said in ((64 << 10, 1 << 10, "read"), (64 << 10, 1026, "died")):
        page = {**PAGE, "width": width, "height": height, "channels": 1}
        limits = LIMITS.model_copy(update={"memory_mb": 64})
        sent = [pixels(width * height)]
        assert verdict(monkeypatch, source, ({"document": DOCUMENT}, []), ({"page": page}, sent), limits=limits) == said


def test_what_a_decoder_sends_of_a_page_is_believed() -> None:
    """A decoder sends the values as they are; a field more would refuse every PDF that has text."""
    corners: Polygon = ((1.0, 2.0), (9.0, 2.0), (9.0, 4.0), (1.0, 4.0))
    line = TextLine("born", 1.0, corners, 1.0, (Word("born", 1.0, corners),), 1.5, 0.25)
    sent = EmbeddedText(1, 20, 10, 200.0, (line,), "", ("Times",), (((1.0, 5.0), (9.0, 5.0)),))
    answer = json.loads(json.dumps({"own_text": {**asdict(sent), "warnings": []}}))
    assert protocol.own_text(answer, [], 1, MOST_BYTES) == (sent, ())


def test_own_text_is_believed_where_it_makes_sense() -> None:
    """The text of a page, or none."""
    found = protocol.own_text({"own_text": OWN_TEXT}, [], 1, MOST_BYTES)
    assert found is not None
    own, warnings = found
    assert (own.number, own.lines[0].text, own.lines[0].polygon[1]) == (1, "born digital", (9.0, 2.0))
    assert own.lines[0].words == (Word("born", 1.0, ((1.0, 2.0), (4.0, 2.0), (4.0, 4.0), (1.0, 4.0))),)
    assert (own.lines[0].letter_height, own.lines[0].stroke) == (1.5, 0.25)
    assert (own.doubt, own.fonts) == ("letters", ("Times",))
    assert own.rules == (((1.0, 5.0), (9.0, 5.0)),)
    assert warnings == (Notice("reduced", "It is reduced.", 1),)
    assert protocol.own_text({"own_text": None}, [], 1, MOST_BYTES) is None


@pytest.mark.parametrize(
    "change",
    [
        {"number": 2}, {"width": 31}, {"height": 0}, {"dpi": None}, {"lines": []}, {"lines": None}, {"more": 1},
        {"doubt": "whatever"}, {"fonts": None}, {"fonts": ["x" * 201]}, {"warnings": [{"code": "No"}]},
        *({"lines": [{**LINE, "text": text}]} for text in ("", "two\nlines", "\ud800", "\0", "page\fpage", 1, None)),
        *({"lines": [{**LINE, "words": [{**WORD, "text": text}]}]} for text in ("", "two words", "\ud800", None)),
        *({"lines": [{**LINE, "words": words}]} for words in (None, "born", [WORD, None], [{**WORD, "polygon": []}])),
        *({"lines": [{**LINE, "letter_height": value}]} for value in (0, -1.0, 1e9, float("nan"), "1")),
        *({"rules": value} for value in (None, [[[1.0, 2.0]]], [[[1.0], [2.0]]], [[[1e9, 2.0], [1.0, 2.0]]])),
        *({"lines": [{**LINE, "confidence": value}]} for value in (0.5, 2, float("nan"), "1", None)),
        *({"lines": [{**LINE, "polygon": value}]} for value in ([[1.0, 2.0]] * 3, [[1.0]] * 4, [[1e9, 0.0]] * 4, None)),
    ],
    ids=lambda change: str(change)[:60],
)  # fmt: skip
def test_own_text_that_makes_no_sense(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        protocol.own_text({"own_text": {**OWN_TEXT, **change}}, [], 1, MOST_BYTES)


def test_a_view_is_written_or_there_is_no_room() -> None:
    assert protocol.written({"written": True, "kept": True}, []) == "whole"
    assert protocol.written({"written": True, "kept": False}, []) == "as pictures"
    assert protocol.written({"full": True}, []) == "full"
    for answer in (
        {},
        {"written": False},
        {"written": True},
        {"written": True, "kept": 2},
        {"full": 28},
        {"written": True, "full": True},
        {"own_text": None},
    ):
        with pytest.raises(ValueError, match="neither"):
            protocol.written(answer, [])
    with pytest.raises(ValueError, match="neither"):
        protocol.written({"written": True, "kept": True}, [0])


def test_a_disk_that_is_not_full_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, source: Path) -> None:
    """A decoder that says so without reason would have the job wait for ever."""
    taken = Taken(({"document": DOCUMENT}, []), ({"full": True}, []))
    monkeypatch.setattr("ocrspool.decoding.client.Child", lambda *_, **__: taken)
    decoder = DecoderClient(CurrentConfig(Config(limits=Limits(pages=10, free_disk_mb=0))))
    with contextlib.closing(decoder), source.open("rb+") as file:
        decoder.open(source, PROFILE)
        with pytest.raises(DocumentError, match="found no room"):
            decoder.view("html", file.fileno(), file.fileno())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)


def changed(sound: dict[str, Any]) -> st.SearchStrategy[Any]:
    """The sound answer with one of its values replaced, or anything at all."""
    replaced = st.tuples(st.sampled_from(sorted(sound)), JSON).map(lambda pair: {**sound, pair[0]: pair[1]})
    return replaced | st.just(sound) | JSON


ANSWERS = st.one_of(
    changed(DOCUMENT).map(lambda value: {"document": value}),
    changed(PAGE).map(lambda value: {"page": value}),
    changed(ERROR).map(lambda value: {"error": value}),
    JSON,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.tuples(changed(DOCUMENT).map(lambda value: {"document": value}) | ANSWERS, st.integers(0, 2)),
       st.tuples(changed(PAGE).map(lambda value: {"page": value}) | ANSWERS, st.integers(0, 2)))  # fmt: skip
def test_any_answers(
    monkeypatch: pytest.MonkeyPatch, source: Path, first: tuple[Any, int], second: tuple[Any, int]
) -> None:
    """Believed, refused or dead: nothing else, and no descriptor is left over. (`verdict` looks.)"""
    answers = [(answer, [pixels() for _ in range(count)]) for answer, count in (first, second)]
    try:
        verdict(monkeypatch, source, *answers)
    finally:
        for _, descriptors in answers:
            for descriptor in descriptors:
                with contextlib.suppress(OSError):
                    os.close(descriptor)


def test_no_huge_pages() -> None:
    """They come from a pool of the machine: a worker could not map such a file when the pool is empty."""
    huge = os.memfd_create("page", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING | os.MFD_HUGETLB)
    size = os.fstatvfs(huge).f_bsize
    os.ftruncate(huge, size)
    fcntl.fcntl(huge, fcntl.F_ADD_SEALS, ALL_SEALS)
    with pytest.raises(ValueError, match="huge pages"):
        protocol._check_pixels(huge, size)
    os.close(huge)
