"""The agent on a host, over a recognizer without an engine."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest

from ocrspool.cluster import agent as module
from ocrspool.cluster.agent import Agent
from ocrspool.errors import DocumentError, EngineError
from ocrspool.pages import PageOptions, PageText, ReaderOrder
from ocrspool.recognition.hosts.answers import outcome_from_json, report_from_json
from ocrspool.recognition.stub import FACTS, Answer, StubRecognizer

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
    return Agent("gpu1", pool, "1", {"load": 0.5})


def read(agent: Agent) -> dict[str, Any]:
    return asyncio.run(agent.read(PAGE, PIXELS))


def test_a_page_is_read(agent: Agent, pool: Pool) -> None:
    """As the service asked: alone. What every page would repeat of the engine is left out."""
    answer = read(agent)
    found = outcome_from_json(answer["answer"])
    assert isinstance(found, PageText)
    assert found.lines[0].text == "page 1"
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
