"""The agent on a host, over a recognizer without an engine."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ocrspool.cluster import agent as module
from ocrspool.cluster.agent import AboutHost, Agent
from ocrspool.cluster.files import FileDecoders, open_received
from ocrspool.decoding.api import DecoderDiedError
from ocrspool.decoding.stub import PreparedDocument, PreparedPage, StubDecoderPool
from ocrspool.errors import DocumentError, EngineError
from ocrspool.pages import EncodedText, Notice, PageOptions, ReaderOrder, TextLine
from ocrspool.recognition.hosts.answers import outcome_from_json, report_from_json
from ocrspool.recognition.hosts.file_answers import DecoderDeath, FileOutcome, FileRead, file_outcome_from_json
from ocrspool.recognition.stub import FACTS, Answer, StubRecognizer
from support.stub_pages import BOX, lines_of

OPTIONS = PageOptions("off", "characters", ReaderOrder(("tiny", "default"), 0.9, 0.1))
PAGE: Mapping[str, Any] = {
    "number": 5,
    "alone": True,
    "options": json.loads(json.dumps(OPTIONS.to_json())),
    "image": {
        "number": 1,
        "width": 4,
        "height": 2,
        "channels": 1,
        "source_width": 4,
        "source_height": 2,
        "dpi": None,
    },
}
PIXELS = memoryview(b"12345678")
HIDDEN = (TextLine("a field", 1.0, BOX, 1.0),)


class Pool(StubRecognizer):
    """A recognizer that tells its engines, as the pool does."""

    def engine_facts(self) -> tuple[Mapping[str, Any], ...]:
        return ({**FACTS, "identity": {"precision": "f32"}},) if self.status().ready else ()


@pytest.fixture
def pool() -> Pool:
    made = Pool()
    made.start()
    return made


@pytest.fixture
def agent(pool: Pool) -> Agent:
    return agent_with(pool, PreparedDocument())


def agent_with(pool: Pool, document: PreparedDocument) -> Agent:
    about = AboutHost("gpu1", "1", {"load": 0.5}, {"pillow": "12"})
    return Agent(about, pool, FileDecoders(StubDecoderPool(lambda _: document)), 1)


def read(agent: Agent) -> dict[str, Any]:
    return asyncio.run(agent.read(PAGE, PIXELS))


def test_a_page_is_read(agent: Agent, pool: Pool) -> None:
    """As the service asked: alone. What every page would repeat of the engine is left out."""
    answer = read(agent)
    found = outcome_from_json(answer["answer"])
    assert isinstance(found, EncodedText)
    assert lines_of(found) == ["page 1"]
    assert found.engine["fingerprint"] == FACTS["fingerprint"]
    assert "seconds" not in found.engine
    assert (pool.options, pool.alone) == ([OPTIONS], [True])
    assert report_from_json(agent.report()).pages == 1


@pytest.mark.parametrize(
    ("what", "kind"), [("crash", EngineError), ("fault", DocumentError), (ValueError("odd"), EngineError)]
)
def test_what_goes_wrong_is_an_answer(agent: Agent, pool: Pool, what: Answer, kind: type[Exception]) -> None:
    """Nobody has to guess what became of the page."""
    pool.answer = lambda _: what
    assert isinstance(outcome_from_json(read(agent)["answer"]), kind)
    assert agent.in_work == 0


def test_an_agent_that_leaves_takes_no_page(agent: Agent, pool: Pool) -> None:
    """It says that it leaves, and why the page comes back."""
    agent.leaving = True
    answer = read(agent)
    assert answer["refused"] == "this host is about to end"
    assert report_from_json(answer["report"]).leaving
    assert pool.submitted == []


def test_a_page_that_no_worker_will_read_soon_comes_back(
    agent: Agent, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another host may have an engine."""
    monkeypatch.setattr(module, "_LOOK_SECONDS", 0.01)
    pool.answer = lambda _: "hang"
    pool.is_ready = False
    assert read(agent)["refused"] == "no worker of this host has an engine"
    assert pool.unread[0].cancelled()


def test_the_report_says_how_the_host_is(agent: Agent) -> None:
    """All of it is JSON."""
    said = report_from_json(agent.report())
    assert (said.name, said.workers, said.leaving, said.in_work) == ("gpu1", 1, False, 0)
    assert said.engines[0]["identity"] == {"precision": "f32"}
    assert json.loads(agent.report())["seconds"] == {"load": 0.5}
    assert said.decoding == {"pillow": "12"}


FILE: Mapping[str, Any] = {
    "number": 6,
    "dpi": 150,
    "page_side": 3000,
    "options": PageOptions("off").to_json(),
    "may_grow": False,
    "first": 0,
    "most": 16,
    "key": "k1",
}


def read_file(agent: Agent, **more: object) -> dict[str, Any]:
    return asyncio.run(agent.read_file({**FILE, **more}, memoryview(b"a document")))


def outcome(agent: Agent, **more: object) -> FileOutcome:
    return file_outcome_from_json(read_file(agent, **more)["answer"])


def file_read(agent: Agent, **more: object) -> FileRead:
    found = outcome(agent, **more)
    assert isinstance(found, FileRead)
    return found


def test_a_file_is_decoded_and_read(pool: Pool) -> None:
    """All of its pages, in their order, with what the decoder says of each; and the wanted ones only."""
    warning = Notice("w", "A warning.", 2)
    document = PreparedDocument([PreparedPage(), PreparedPage(warnings=(warning,), hidden=HIDDEN), PreparedPage()])
    agent = agent_with(pool, document)
    found = file_read(agent)
    assert found.document.pages == 3
    assert [lines_of(page.text)[0] for page in found.pages if page.text] == ["page 1", "page 2", "page 3"]
    assert (found.pages[1].warnings, found.pages[1].hidden) == ((warning,), HIDDEN)
    assert pool.alone == [False] * 3
    assert [page.image.number for page in file_read(agent, first=1, most=1).pages if page.image] == [2]
    assert report_from_json(agent.report()).pages == 4
    assert agent.in_work == 0


def test_a_long_file_comes_once(pool: Pool) -> None:
    """It is kept after the first part, and read without its bytes from then on, until it is forgotten."""
    agent = agent_with(pool, PreparedDocument([PreparedPage() for _ in range(40)]))

    async def scenario() -> None:
        first = await agent.read_file(FILE, memoryview(b"a document"))
        second = await agent.read_file({**FILE, "first": 16}, memoryview(b""))
        agent.forget("k1")
        third = await agent.read_file({**FILE, "first": 32}, memoryview(b""))
        assert await agent.keep("k1", memoryview(b"a document"))
        last = await agent.read_file({**FILE, "first": 32}, memoryview(b""))
        assert (first["kept"], second["kept"], third, last["kept"]) == (True, True, {"unknown": True}, False)
        for said, count in ((first, 16), (second, 16), (last, 8)):
            found = file_outcome_from_json(said["answer"])
            assert isinstance(found, FileRead)
            assert len(found.pages) == count

    asyncio.run(scenario())
    agent.close()


def test_a_short_file_is_not_kept(pool: Pool) -> None:
    """Nobody will ask for more of it."""
    agent = agent_with(pool, PreparedDocument([PreparedPage() for _ in range(16)]))
    assert not read_file(agent)["kept"]


def test_what_is_wrong_with_a_document_is_an_answer(pool: Pool) -> None:
    """Of a page, and of the whole file."""
    damaged = DocumentError("damaged", "it is damaged", page=1)
    agent = agent_with(pool, PreparedDocument([PreparedPage(errors=[damaged]), PreparedPage()]))
    first, second = file_read(agent).pages
    assert first.fault
    assert (first.fault.kind, second.text is not None) == ("damaged", True)
    agent = agent_with(pool, PreparedDocument(errors=[DocumentError("encrypted", "it has a password")]))
    found = outcome(agent)
    assert isinstance(found, DocumentError)
    assert found.kind == "encrypted"


def test_a_decoder_that_dies_is_an_answer(pool: Pool) -> None:
    """At a page, after those before it; and when the file is opened."""
    died = DecoderDiedError("the decoder was killed by SIGABRT at page 2", 2)
    pages = [PreparedPage(), PreparedPage(errors=[died]), PreparedPage()]
    found = file_read(agent_with(pool, PreparedDocument(pages)))
    assert (len(found.pages), found.death) == (1, "the decoder was killed by SIGABRT")
    agent = agent_with(pool, PreparedDocument(errors=[DecoderDiedError("the decoder was killed by SIGABRT")]))
    assert outcome(agent) == DecoderDeath("the decoder was killed by SIGABRT")


def test_a_file_whose_page_kills_a_worker_kills_no_second_one(pool: Pool) -> None:
    """Its other pages are not submitted. The service counts the attempt."""
    pool.answer = lambda _: "crash"
    (page,) = file_read(agent_with(pool, PreparedDocument([PreparedPage() for _ in range(5)]))).pages
    assert page.fault
    assert page.fault.fate == "engine"
    assert pool.submitted == [1]


def test_an_agent_that_leaves_takes_no_file(agent: Agent, pool: Pool) -> None:
    """As it takes no page."""
    agent.leaving = True
    assert read_file(agent)["refused"] == "this host is about to end"
    assert pool.submitted == []


def test_a_file_that_no_worker_will_read_soon_comes_back(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """None of its pages is left in the queue."""
    monkeypatch.setattr(module, "_LOOK_SECONDS", 0.01)
    pool.answer = lambda _: "hang"
    pool.is_ready = False
    agent = agent_with(pool, PreparedDocument([PreparedPage(), PreparedPage()]))
    assert read_file(agent)["refused"] == "no worker of this host has an engine"
    assert all(each.cancelled() for each in pool.unread)


def test_a_received_file_is_opened_anew_each_time(tmp_path: Path) -> None:
    """A decoder that replaces a dead one reads it from its beginning. A file that is too large is not opened."""
    descriptor = module.memory_file(memoryview(b"12345678"))
    place = Path(f"/proc/self/fd/{descriptor}")
    for _ in range(2):
        own = open_received(place, 1)
        assert os.read(own, 100) == b"12345678"
        os.close(own)
    os.close(descriptor)
    large = tmp_path / "large"
    large.touch()
    os.truncate(large, (1 << 20) + 1)
    with pytest.raises(DocumentError) as refused:
        open_received(large, 1)
    assert refused.value.kind == "too-large"
