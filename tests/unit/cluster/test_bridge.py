"""The bridge over a cluster that is made of futures: no network, no process. What takes time waits for the test."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import pytest

from ocrspool.cluster.api import ClusterError, Members
from ocrspool.cluster.bridge import bridge as module
from ocrspool.cluster.bridge.bridge import Bridge
from ocrspool.decoding.api import DocumentInfo
from ocrspool.pages import PageImage
from ocrspool.processes.channel import Message
from ocrspool.recognition.hosts.answers import outcome_to_json, report_to_json
from ocrspool.recognition.hosts.file_answers import FilePage, FileRead, file_outcome_to_json
from support.stub_hosts import report
from support.stub_pages import encoded_text

A, B = "tcp://a:1", "tcp://b:1"
PIXELS = bytes(range(200))
PAGE = outcome_to_json(encoded_text("a page"))
FILE = file_outcome_to_json(
    FileRead(
        DocumentInfo("image/png", 1, 8, "0" * 64, ()),
        0,
        (FilePage(PageImage(1, 4, 2, 1, 4, 2, None, -1), text=encoded_text("a page of a file")),),
    )
)


class StubCluster:
    """Hosts that answer as they are told. A host that is not in `reports` hangs; an exception is raised."""

    def __init__(self, **names: str) -> None:
        self.scheduler: str | ClusterError = "one"
        self.hosts = dict(names)
        self.reports: dict[str, str | ClusterError] = {}
        self.pages: dict[int, asyncio.Future[Mapping[str, Any]]] = {}
        """The answer to each page that came, to be set by the test."""
        self.pixels: dict[int, bytes] = {}
        self.echoes = 0
        self.kept: list[tuple[str, str, int]] = []
        self.keeps = True
        self.versions_asked = 0
        self.forgotten: list[tuple[str, str]] = []
        self.echo_fault: ClusterError | None = None
        self.slow: asyncio.Event | None = None
        """The scheduler answers when this is set."""

    async def members(self) -> Members:
        if self.slow is not None:
            await self.slow.wait()
        if isinstance(self.scheduler, ClusterError):
            raise self.scheduler
        return Members(self.scheduler, self.hosts)

    async def report(self, address: str) -> str:
        found = self.reports.get(address)
        if found is None:
            await asyncio.Event().wait()
        if isinstance(found, ClusterError):
            raise found
        return str(found)

    async def read(self, _address: str, page: Mapping[str, Any], pixels: memoryview) -> Mapping[str, Any]:
        number = page["number"]
        self.pixels[number] = bytes(pixels)
        self.pages[number] = asyncio.get_running_loop().create_future()
        return await self.pages[number]

    async def read_file(self, address: str, file: Mapping[str, Any], data: memoryview) -> Mapping[str, Any]:
        return await self.read(address, file, data)

    async def keep(self, address: str, key: str, data: memoryview) -> bool:
        self.kept.append((address, key, data.nbytes))
        return self.keeps

    async def forget(self, address: str, key: str) -> None:
        self.forgotten.append((address, key))

    async def scheduler_version(self) -> str:
        self.versions_asked += 1
        return "2025.1"

    async def echo(self, _address: str, data: memoryview) -> None:
        assert data.nbytes
        self.echoes += 1
        if self.echo_fault is not None:
            raise self.echo_fault


class Scene:
    """A bridge and what it has told."""

    def __init__(self, patience: float = 60) -> None:
        self.cluster = StubCluster()
        self.cluster.hosts = {A: "a"}
        self.cluster.reports = {A: report_to_json(report("a"))}
        self.told: list[Message] = []
        self.bridge = Bridge(self.cluster, self.told.append, patience)

    def page(self, number: int, host: str = "a") -> None:
        descriptor = os.memfd_create("page")
        os.write(descriptor, PIXELS)
        self.bridge.recognize(host, {"number": number}, descriptor)
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)

    async def first_host(self) -> Message:
        """Let the bridge look, and wait until it has told of a host; return what it told."""
        await self.bridge.look()
        return await self.until("host")

    async def until(self, kind: str) -> Message:
        """Let others go on until something of this kind has been told; return the last of it."""
        await until(lambda: kind in self.kinds())
        found: Message = [message[kind] for message in self.told if kind in message][-1]
        return found

    def kinds(self) -> list[str]:
        return [next(iter(message)) for message in self.told]


async def until(happened: Callable[[], object]) -> None:
    """Let others go on until something has happened; the test's own time-out ends it where that does not."""
    while not happened():  # noqa: ASYNC110 - a turn of the loop is all that is waited for
        await asyncio.sleep(0.001)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks follow each other almost without a pause."""
    monkeypatch.setattr(module, "_LOOK_SECONDS", 0.001)


def run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(scenario)


def test_a_page_goes_to_its_host_and_back() -> None:
    """With all its pixels. The time beyond the reading is that of the wire."""
    scene = Scene()

    async def scenario() -> None:
        assert (await scene.first_host())["host"] == "a"
        scene.page(7)
        await until(lambda: 7 in scene.cluster.pages)
        scene.cluster.pages[7].set_result({"answer": PAGE, "seconds": 100.0})
        assert await scene.until("page") == {"number": 7, "answer": PAGE, "wire_seconds": 0.0, "sent": len(PIXELS)}

    run(scenario())
    assert scene.cluster.pixels[7] == PIXELS
    assert scene.kinds()[0] == "scheduler"


@pytest.mark.parametrize("said", ["", "[]", "{", '{"name": 5}', "[" * 99_999], ids=lambda said: said[:10])
def test_a_host_whose_report_makes_no_sense_is_passed_over(said: str) -> None:
    """The service is not told of it, and the other hosts go on."""
    scene = Scene()
    scene.cluster.hosts, scene.cluster.reports[B] = {B: "b", A: "a"}, said

    async def scenario() -> None:
        await scene.first_host()
        await scene.bridge.look()
        assert {message["host"]["host"] for message in scene.told if "host" in message} == {"a"}
        scene.cluster.reports[A] = said
        assert "no answer" in (await scene.until("gone"))["reason"]

    run(scenario())


def test_a_connection_that_breaks_is_the_loss_of_the_host() -> None:
    """One message stands for all its pages, and pages that come meanwhile."""
    scene = Scene()

    async def scenario() -> None:
        await scene.first_host()
        scene.page(1)
        scene.page(2)
        await until(lambda: 2 in scene.cluster.pages)
        scene.cluster.pages[1].set_exception(ClusterError("connection reset"))
        assert await scene.until("gone") == {"host": "a", "reason": "connection reset", "counts": True}
        scene.page(3)
        await asyncio.sleep(0)

    run(scenario())
    assert "page" not in scene.kinds()
    assert scene.kinds().count("gone") == 1
    assert 3 not in scene.cluster.pages


@pytest.mark.parametrize("now", ["another", ClusterError("refused")])
def test_a_host_that_goes_with_its_scheduler_has_an_excuse(now: str | ClusterError) -> None:
    """Hosts end what they do when the scheduler dies, whether or not a new one is there already."""
    scene = Scene()

    async def scenario() -> None:
        await scene.first_host()
        scene.cluster.scheduler = now
        scene.cluster.reports[A] = ClusterError("connection reset")
        assert not (await scene.until("gone"))["counts"]

    run(scenario())


def test_a_host_that_does_not_answer_is_lost() -> None:
    """A process that is stopped, or a cable that is out, closes no connection."""
    scene = Scene(patience=0.05)

    async def scenario() -> None:
        await scene.first_host()
        del scene.cluster.reports[A]
        assert (await scene.until("gone"))["reason"] == "no answer for 0.05 s"

    run(scenario())


def test_a_host_that_comes_back_is_told_again() -> None:
    """The scheduler has it on its list, and it says how it is."""
    scene = Scene()

    async def scenario() -> None:
        await scene.first_host()
        scene.cluster.reports[A] = ClusterError("connection reset")
        await scene.until("gone")
        scene.told.clear()
        scene.cluster.reports[A] = report_to_json(report("a"))
        watching = asyncio.create_task(scene.bridge.watch())
        await scene.until("host")
        watching.cancel()

    run(scenario())


def test_a_host_that_never_answered_is_no_news() -> None:
    """The service has never heard of it."""
    scene = Scene()
    scene.cluster.reports[A] = ClusterError("no route")

    async def scenario() -> None:
        for _ in range(20):
            await scene.bridge.look()
            await asyncio.sleep(0)

    run(scenario())
    assert set(scene.kinds()) == {"scheduler"}


def test_two_hosts_of_one_name_are_told_apart() -> None:
    """By their addresses."""
    scene = Scene()
    scene.cluster.hosts[B] = "a"
    scene.cluster.reports[B] = scene.cluster.reports[A]

    async def scenario() -> None:
        await scene.bridge.look()
        await until(lambda: len({message["host"]["host"] for message in scene.told if "host" in message}) == 2)

    run(scenario())
    assert {message["host"]["host"] for message in scene.told if "host" in message} == {"a", f"a at {B}"}


def test_a_file_goes_to_its_host_and_back() -> None:
    """As a page does."""
    scene = Scene()

    async def scenario() -> None:
        await scene.first_host()
        descriptor = os.memfd_create("file")
        os.write(descriptor, PIXELS)
        scene.bridge.read_file("a", {"number": 8, "first": 0, "key": "k"}, descriptor)
        await until(lambda: 8 in scene.cluster.pages)
        scene.cluster.pages[8].set_result({"answer": FILE, "seconds": 100.0})
        about = {"number": 8, "answer": FILE, "wire_seconds": 0.0, "sent": len(PIXELS)}
        assert await scene.until("file") == about

    run(scenario())
    assert scene.cluster.pixels[8] == PIXELS


def test_a_file_that_a_host_keeps_is_dropped_when_the_service_is_done() -> None:
    """At that host, once. Another part of it does not travel."""
    scene = Scene()

    def part(number: int, first: int) -> None:
        descriptor = os.memfd_create("file")
        os.write(descriptor, PIXELS)
        scene.bridge.read_file("a", {"number": number, "first": first, "key": "k"}, descriptor)

    async def scenario() -> None:
        await scene.first_host()
        part(1, 0)
        await until(lambda: 1 in scene.cluster.pages)
        scene.cluster.pages[1].set_result({"answer": FILE, "seconds": 100.0, "kept": True})
        await scene.until("file")
        part(2, 16)
        await until(lambda: 2 in scene.cluster.pages)
        scene.bridge.forget_file("another")
        scene.bridge.forget_file("k")
        scene.bridge.forget_file("k")
        await until(lambda: scene.cluster.forgotten)

    run(scenario())
    assert scene.cluster.pixels == {1: PIXELS, 2: b""}
    assert scene.cluster.forgotten == [(A, "k")]


def test_the_version_of_the_scheduler_is_told() -> None:
    """It is asked once for each run of the scheduler."""
    scene = Scene()

    async def scenario() -> None:
        for run_of_it in ("one", "one", "two"):
            scene.cluster.scheduler = run_of_it
            await scene.bridge.look()

    run(scenario())
    told = [message["scheduler"] for message in scene.told if "scheduler" in message]
    assert told == [{"up": True, "reason": "", "dask": "2025.1"}] * 3
    assert scene.cluster.versions_asked == 2


def test_the_way_to_a_host_is_measured_when_it_comes() -> None:
    """When it comes: bytes a second, the best of three."""
    scene = Scene()

    async def scenario() -> None:
        assert (await scene.first_host())["link"] > 0
        scene.told.clear()
        assert (await scene.until("host"))["link"] > 0

    run(scenario())
    assert scene.cluster.echoes == 3


def test_a_host_without_an_echo_is_not_there() -> None:
    """It is asked again at the next look."""
    scene = Scene()

    async def scenario() -> None:
        scene.cluster.echo_fault = ClusterError("connection reset")
        await scene.bridge.look()
        await until(lambda: scene.cluster.echoes)
        scene.cluster.echo_fault = None
        await until(lambda: not scene.bridge._following)
        assert (await scene.first_host())["host"] == "a"

    run(scenario())


def test_a_page_that_is_refused_comes_back_after_the_news_of_its_host() -> None:
    """So the service does not give it to the same host again."""
    scene = Scene()

    async def scenario() -> None:
        await scene.first_host()
        scene.page(1)
        await until(lambda: 1 in scene.cluster.pages)
        scene.told.clear()
        leaving = report_to_json(report("a", leaving=True))
        scene.cluster.pages[1].set_result({"refused": "it is about to end", "report": leaving})
        assert await scene.until("returned") == {"number": 1, "reason": "a: it is about to end", "counts": False}
        told = scene.told[scene.kinds().index("returned") - 1]["host"]
        assert (told["host"], told["address"], told["report"]) == ("a", A, leaving)

    run(scenario())


@pytest.mark.parametrize("said", [{}, {"answer": "text"}, {"refused": "no"}, {"answer": "a", "seconds": "b"}])
def test_a_host_that_talks_nonsense_is_lost(said: dict[str, Any]) -> None:
    """No page waits for ever."""
    scene = Scene()

    async def scenario() -> None:
        await scene.first_host()
        scene.page(1)
        await until(lambda: 1 in scene.cluster.pages)
        scene.cluster.pages[1].set_result(said)
        assert (await scene.until("gone"))["reason"].startswith("it said what is no answer")

    run(scenario())


@pytest.mark.parametrize(("kind", "sound"), [("page", PAGE), ("file", FILE)])
def test_an_answer_whose_text_is_none_is_no_answer(kind: str, sound: str) -> None:
    """The page, or the file, goes to another host. The service does not look into texts, so the bridge does."""
    scene = Scene()

    async def scenario() -> None:
        await scene.first_host()
        descriptor = os.memfd_create(kind)
        os.write(descriptor, PIXELS)
        what = {"number": 3, "first": 0, "key": "k"}
        (scene.bridge.recognize if kind == "page" else scene.bridge.read_file)("a", what, descriptor)
        await until(lambda: 3 in scene.cluster.pages)
        scene.cluster.pages[3].set_result({"answer": sound.replace("30.0", "1e308"), "seconds": 1.0})
        told = await scene.until("returned")
        assert (told["number"], told["counts"]) == (3, True)
        assert told["reason"].startswith("a: it said what is no answer")

    run(scenario())


def test_a_host_that_is_back_before_its_loss_is_told_keeps_its_name() -> None:
    """The loss is told first: else the news would be taken for another host's, or the loss for the new one's."""
    scene = Scene()

    async def scenario() -> None:
        watching = asyncio.create_task(scene.bridge.watch())
        await scene.until("host")
        scene.page(1)
        await until(lambda: 1 in scene.cluster.pages)
        scene.told.clear()
        scene.cluster.slow = asyncio.Event()
        scene.cluster.pages[1].set_exception(ClusterError("connection reset"))
        for _ in range(20):
            await asyncio.sleep(0.001)
        assert set(scene.kinds()) <= {"scheduler", "host"}
        assert {message["host"]["host"] for message in scene.told if "host" in message} <= {"a"}
        scene.cluster.slow.set()
        await scene.until("gone")
        scene.told.clear()
        assert (await scene.until("host"))["host"] == "a"
        watching.cancel()

    run(scenario())


def test_a_page_that_cannot_be_mapped_is_answered() -> None:
    """An empty memory file stands for a machine without memory."""
    scene = Scene()

    async def scenario() -> None:
        await scene.first_host()
        scene.bridge.recognize("a", {"number": 5}, os.memfd_create("page"))
        assert "cannot map a page" in (await scene.until("page"))["answer"]

    run(scenario())


def test_a_scheduler_that_is_away_is_told() -> None:
    """With the reason, at each look."""
    scene = Scene()
    scene.cluster.scheduler = ClusterError("Connection refused")
    run(scene.bridge.look())
    assert scene.told == [{"scheduler": {"up": False, "reason": "Connection refused"}}]
