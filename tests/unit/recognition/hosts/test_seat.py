"""What becomes of pages that hosts of a cluster read, step by step: no process, no network, no clock, no sleep."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

import pytest

from ocrspool.config.current import CurrentConfig
from ocrspool.config.schema import Profile
from ocrspool.decoding.api import DocumentInfo
from ocrspool.errors import DocumentError, EngineError, Exit
from ocrspool.observability.snapshot import ClusterStatus
from ocrspool.pages import PageImage, PageOptions, PageText
from ocrspool.processes.child import ChildDiedError
from ocrspool.recognition.hosts.answers import Outcome
from ocrspool.recognition.hosts.bridge_client import (
    Bridge,
    BridgeEvent,
    FileDone,
    HostGone,
    Joined,
    PageDone,
    PageReturned,
    SchedulerSeen,
)
from ocrspool.recognition.hosts.file_answers import DecoderDeath, FileOutcome, FilePage, FileRead
from ocrspool.recognition.hosts.file_queue import FileTask
from ocrspool.recognition.hosts.seat import HostsSeat, SeatParts
from ocrspool.recognition.page_json import decoded
from ocrspool.recognition.page_queue import PageQueue, PageTask
from ocrspool.recognition.stub import FACTS
from support.stub_hosts import StubBridge, seen, with_cluster
from support.stub_pages import NewPage, encoded_text, lines_of


class TimelessQueue(PageQueue):
    """Pauses are over at once."""

    def wait_closed(self, seconds: float) -> None:
        """Do not wait."""


class Scene:
    """A seat whose bridges come from a list. Its queue is closed when the last bridge has nothing more to tell."""

    def __init__(
        self, *bridges: StubBridge, live: CurrentConfig | None = None, decoding: Mapping[str, str] | None = None
    ) -> None:
        self.queue = TimelessQueue(lambda: 10_000)
        self._bridges = list(bridges)
        self._bridges[-1].at_end = self.queue.close
        self.stages: list[str] = []
        self.local: dict[str, object] | None = None
        self.now = 0.0
        parts = SeatParts(
            launch=self._launch, clock=lambda: self.now, decoding=lambda _: decoding or {}, step_seconds=0
        )
        self.seat = HostsSeat(live or with_cluster(), self.queue, self._stage, lambda: self.local, parts)

    def run_files(self, *tasks: FileTask) -> list[FileOutcome | None]:
        """Give files to the seat after the first news. Return what became of each; None: it is to be decoded here."""

        def put() -> None:
            for task in tasks:
                self.seat.read_file(task)

        self._bridges[0].script.insert(1, then(put))
        self.seat._run()
        self.seat.stop()
        return [task.future.result(timeout=0) for task in tasks]

    def run(self, *tasks: PageTask) -> list[PageText | DocumentError | EngineError | None]:
        """Return what became of each page; None where nothing did before the queue was closed."""
        for task in tasks:
            self.queue.put(task)
        self.seat._run()
        return [_outcome(task) for task in tasks]

    def _launch(self, _live: CurrentConfig) -> Bridge:
        if not self._bridges:
            self.queue.close()
            raise EngineError("no more bridges")
        return self._bridges.pop(0)

    def _stage(self, stage: str) -> None:
        self.stages.append(stage)
        self.now += 60


def _outcome(task: PageTask) -> PageText | DocumentError | EngineError | None:
    try:
        return decoded(task.future.result(timeout=0))
    except (DocumentError, EngineError) as error:
        return None if error.message == "the service is stopping" else error


def task(image: PageImage, *, alone: bool = False) -> PageTask:
    return PageTask(image, PageOptions(), alone)


def done(number: int, outcome: Outcome | None = None) -> PageDone:
    return PageDone(number, outcome or encoded_text(f"page {number}"), 0.01)


def then(action: Callable[[], object], event: BridgeEvent | None = None) -> Callable[[], BridgeEvent | None]:
    def told() -> BridgeEvent | None:
        action()
        return event

    return told


def test_a_host_reads_pages(new_page: NewPage) -> None:
    """A page carries the name of the host that read it."""
    bridge = StubBridge(seen(), done(2), done(1))
    scene = Scene(bridge)
    found = scene.run(task(new_page(1)), task(new_page(2)))
    assert bridge.sent == [("gpu1", 1, False), ("gpu1", 2, False)]
    assert [lines_of(page)[0] for page in found] == ["page 1", "page 2"]
    assert {page.host for page in found if isinstance(page, PageText)} == {"gpu1"}
    (host,) = scene.seat.status().shown.hosts
    assert (host.pages, host.wire_seconds) == (2, 0.01)
    assert bridge.closed


def test_hosts_get_no_more_than_they_have_room_for(new_page: NewPage) -> None:
    """Pages are spread over the hosts, and the rest waits here."""
    bridge = StubBridge(seen("a"), seen("b", workers=2), done(1))
    Scene(bridge, live=with_cluster(host_pages=1)).run(*(task(new_page(n)) for n in range(1, 7)))
    before, after = bridge.sent[:3], bridge.sent[3:]
    assert sorted(host for host, _, _ in before) == ["a", "b", "b"]
    assert [host for host, _, _ in after] == [before[0][0]], "the host that has answered gets the next one"


def test_a_page_that_is_alone_shares_no_host(new_page: NewPage) -> None:
    """It waits until a host has nothing, and while it is there that host gets nothing."""
    bridge = StubBridge(seen(), done(1), done(2), done(3))
    tasks = [task(new_page(1)), task(new_page(2), alone=True), task(new_page(3))]
    order: list[int] = []
    for each in tasks:
        each.future.add_done_callback(lambda _, each=each: order.append(each.image.number))  # type: ignore[misc]
    Scene(bridge).run(*tasks)
    assert [(number, alone) for _, number, alone in bridge.sent] == [(1, False), (2, True), (3, False)]
    assert order == [1, 2, 3]


def test_an_engine_that_dies_at_a_host_is_an_answer(new_page: NewPage) -> None:
    """It counts as if it had died here. A page that cannot be read is told likewise."""
    lost = DocumentError("recognition", "no such shape", stage="recognize", page=2)
    bridge = StubBridge(seen(), done(1, EngineError("the worker was killed by SIGSEGV")), done(2, lost))
    crashed, unreadable = Scene(bridge).run(task(new_page(1)), task(new_page(2)))
    assert isinstance(crashed, EngineError)
    assert crashed.message == "gpu1: the worker was killed by SIGSEGV"
    assert unreadable is lost


def test_the_pages_of_a_lost_host_are_read_by_another(new_page: NewPage) -> None:
    """The oldest page goes first, and no page suffers. An answer that comes late is dropped."""
    gone = HostGone("a", "no answer for 12 s", counts=True)
    statuses: list[ClusterStatus] = []
    look = then(lambda: statuses.append(scene.seat.status().shown))
    bridge = StubBridge(
        seen("a"), then(lambda: None), gone, seen("b"), done(1, encoded_text("late")), done(3), done(4), look
    )
    scene = Scene(bridge)
    found = scene.run(task(new_page(1)), task(new_page(2)))
    assert bridge.sent == [("a", 1, False), ("a", 2, False), ("b", 3, False), ("b", 4, False)]
    assert [lines_of(page)[0] for page in found] == ["page 3", "page 4"]
    (status,) = statuses
    assert status.pages_moved == 2
    assert [(host.name, host.state, host.reason) for host in status.hosts] == [
        ("a", "out", "no answer for 12 s"),
        ("b", "in", ""),
    ]


def test_a_page_that_loses_three_hosts_fails(new_page: NewPage) -> None:
    """It may be what they die of. Its job tries it again, alone."""
    gone = HostGone("a", "connection reset", counts=True)
    turns: list[BridgeEvent] = [seen("a"), gone] * 3
    bridge = StubBridge(*turns, seen("a"))
    (outcome,) = Scene(bridge).run(task(new_page(1)))
    assert isinstance(outcome, EngineError)
    assert outcome.message == "3 hosts that had this page were lost: a: connection reset"


def test_the_loss_of_the_scheduler_is_no_fault_of_a_page(new_page: NewPage) -> None:
    """However often that happens."""
    gone = HostGone("a", "connection reset", counts=False)
    turns: list[BridgeEvent] = [seen("a"), SchedulerSeen(up=False, reason="refused"), gone] * 5
    bridge = StubBridge(*turns, seen("a"), done(6))
    scene = Scene(bridge)
    (outcome,) = scene.run(task(new_page(1)))
    assert isinstance(outcome, PageText)
    assert not scene.seat.status().shown.up


def test_a_page_that_a_leaving_host_returns_goes_elsewhere(new_page: NewPage) -> None:
    """The host says first that it leaves, so it does not get the page again."""
    bridge = StubBridge(
        seen("a"), seen("a", leaving=True), PageReturned(1, "it is about to end", counts=False), seen("b"), done(2)
    )
    scene = Scene(bridge)
    (outcome,) = scene.run(task(new_page(1)))
    assert isinstance(outcome, PageText)
    assert outcome.host == "b"


def test_a_bridge_that_dies_is_replaced(new_page: NewPage) -> None:
    """Its pages are given away by the next one."""
    first = StubBridge(seen(), then(lambda: None), ChildDiedError("was killed by SIGKILL"))
    second = StubBridge(seen(), done(2))
    scene = Scene(first, second)
    (outcome,) = scene.run(task(new_page(1)))
    assert isinstance(outcome, PageText)
    assert first.closed
    assert scene.seat.status().shown.bridge_restarts == 1


def test_a_bridge_that_hangs_is_killed(new_page: NewPage) -> None:
    """It tells something every second, so silence means that it hangs."""
    scene: Scene

    def silence() -> None:
        scene.now += 61

    first = StubBridge(seen(), then(silence))
    scene = Scene(first, StubBridge(seen(), done(2)))
    (outcome,) = scene.run(task(new_page(1)))
    assert isinstance(outcome, PageText)
    assert first.killed


def test_a_stop_loses_no_page(new_page: NewPage) -> None:
    """Pages that hosts have fail as those of workers do: their jobs stay in work/."""
    each = task(new_page(1))
    assert Scene(StubBridge(seen(), then(lambda: None))).run(each) == [None]
    assert isinstance(each.future.exception(timeout=0), EngineError)


def test_a_start_waits_for_hosts() -> None:
    """It says what it waits for, and ends with what is missing."""
    scene = Scene(StubBridge(), live=with_cluster(least_hosts=2))
    scene.seat._take(SchedulerSeen(up=True, reason=""))
    scene.seat._take(seen())
    with pytest.raises(EngineError, match="too few hosts have joined in 300 s: 1 of 2 hosts") as raised:
        scene.seat.wait_ready()
    assert raised.value.exit_code == Exit.UNAVAILABLE
    assert scene.stages[0] == "waiting for hosts: 1 of 2 hosts"


def test_a_start_without_a_scheduler_says_so() -> None:
    """The reason is the scheduler's."""
    scene = Scene(StubBridge())
    scene.seat._take(SchedulerSeen(up=False, reason="Connection refused"))
    with pytest.raises(EngineError, match=r"the scheduler tcp://127.0.0.1:8786 does not answer: Connection refused"):
        scene.seat.wait_ready()


def test_a_start_with_refused_hosts_only_is_a_fault_of_the_configuration() -> None:
    """Trying again would end in the same way."""
    scene = Scene(StubBridge(), live=with_cluster(engine={"precision": "bf16"}))
    scene.seat._take(seen())
    with pytest.raises(EngineError, match=r"gpu1 .* is refused: precision is f32, asked for here bf16") as raised:
        scene.seat.wait_ready()
    assert raised.value.exit_code == Exit.CONFIG


def test_a_start_that_finds_its_hosts_has_the_facts_of_one() -> None:
    """A service without a device of its own names the engine of a host."""
    scene = Scene(StubBridge())
    scene.seat._take(seen(seconds={"load": 0.5}))
    assert scene.seat.wait_ready() == {
        **FACTS,
        "identity": {"precision": "f32", "cpu": "cpu of gpu1"},
        "seconds": {"load": 0.5},
    }


def test_a_bridge_that_cannot_work_ends_the_start() -> None:
    """Certificates that are of no use, for instance."""
    problem = EngineError("host.key cannot be read: Permission denied")
    problem.exit_code = Exit.CONFIG
    scene = Scene(StubBridge(problem))
    scene.run()
    with pytest.raises(EngineError, match=r"host\.key cannot be read") as raised:
        scene.seat.wait_ready()
    assert raised.value.exit_code == Exit.CONFIG


def test_fewer_hosts_later_are_a_shortage() -> None:
    """The service goes on, degraded, and says who is missing and why."""
    scene = Scene(StubBridge())
    scene.seat._take(SchedulerSeen(up=True, reason=""))
    scene.seat._take(seen())
    assert scene.seat.status().shown.short == ""
    assert scene.seat.status().room == 8
    scene.seat._take(HostGone("gpu1", "no answer for 12 s", counts=True))
    assert scene.seat.status().shown.short == "0 of 1 host; gpu1 (tcp://gpu1:8788) is out: no answer for 12 s"
    assert scene.seat.status().room == 0


def test_a_host_with_another_dask_than_the_bridge_gets_no_page(
    new_page: NewPage, caplog: pytest.LogCaptureFixture
) -> None:
    """The service itself imports nothing of Dask."""
    bridge = StubBridge(Joined("2026.8.0"), seen(dask="2026.7.1"))
    assert Scene(bridge).run(task(new_page(1))) == [None]
    assert "refused gpu1 (tcp://gpu1:8788): distributed is 2026.7.1, here 2026.8.0" in caplog.text
    assert bridge.sent == []


def file_task(pages: int = 1) -> FileTask:
    descriptor = os.memfd_create("file")
    os.write(descriptor, b"document")
    return FileTask(descriptor, 8, Profile(), 0, 16, pages=pages)


def file_done(number: int, outcome: FileOutcome | None = None) -> FileDone:
    page = FilePage(PageImage(1, 4, 2, 1, 4, 2, None, -1), text=encoded_text(f"file {number}"))
    return FileDone(number, outcome or FileRead(DocumentInfo("image/png", 1, 8, "0" * 64, ()), 0, (page,)), 0.02, 5)


def test_a_host_reads_a_file(new_page: NewPage) -> None:
    """Beside pages, and from the same room. Its pages carry the name of the host, and it is closed."""
    bridge = StubBridge(seen(), done(1), file_done(2))
    scene = Scene(bridge)
    scene.queue.put(task(new_page(1)))
    each = file_task()
    (outcome,) = scene.run_files(each)
    assert (bridge.sent, bridge.files) == ([("gpu1", 1, False)], [("gpu1", 2, 0)])
    assert isinstance(outcome, FileRead)
    assert [page.text.host for page in outcome.pages if page.text] == ["gpu1"]
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(each.fd)
    (host,) = scene.seat.status().shown.hosts
    assert (host.pages, host.files, host.sent_bytes) == (2, 1, 8 + 5)  # the bridge tells what travelled of a file


def test_hosts_are_told_of_files_that_the_service_is_done_with() -> None:
    """So that they keep them no longer."""
    bridge = StubBridge(seen(), seen())
    scene = Scene(bridge)
    scene.seat.forget_file("k")
    scene.run()
    assert bridge.forgotten == ["k"]


def test_a_scheduler_with_another_dask_is_named(caplog: pytest.LogCaptureFixture) -> None:
    """Once, and in the status for as long as it is so. Hosts read all the same."""
    scene = Scene(StubBridge())
    scene.seat._take(Joined("2026.8.0"))
    for _ in range(2):
        scene.seat._take(SchedulerSeen(up=True, reason="", dask="2025.1.0"))
    told = "the scheduler tcp://127.0.0.1:8786 has another program: distributed is 2025.1.0, here 2026.8.0"
    assert [record.getMessage() for record in caplog.records if told in record.getMessage()] == [
        f"{told}; install the same version there"
    ]
    assert scene.seat.status().shown.scheduler_other == "distributed is 2025.1.0, here 2026.8.0"
    scene.seat._take(SchedulerSeen(up=True, reason="", dask="2026.8.0"))
    assert not scene.seat.status().shown.scheduler_other


def test_a_file_takes_the_room_of_its_pages() -> None:
    """A host with room for eight pages gets no second file beside one of eight."""
    given: list[int] = []
    bridge = StubBridge(seen(), then(lambda: given.append(len(bridge.files))), file_done(1), file_done(2))
    Scene(bridge, live=with_cluster(host_pages=8)).run_files(file_task(pages=8), file_task())
    assert given == [1]
    assert [number for _, number, _ in bridge.files] == [1, 2]


def test_the_files_of_a_lost_host_are_read_by_another() -> None:
    """As its pages are. An answer that comes late is dropped."""
    gone = HostGone("a", "no answer for 12 s", counts=True)
    bridge = StubBridge(seen("a"), seen("b"), gone, file_done(1), file_done(2))
    each = file_task()
    scene = Scene(bridge)
    (outcome,) = scene.run_files(each)
    assert [host for host, _, _ in bridge.files] == ["a", "b"]
    assert isinstance(outcome, FileRead)
    assert outcome.pages[0].text
    assert lines_of(outcome.pages[0].text) == ["file 2"]
    assert each.moves == 1


def test_a_file_that_loses_three_hosts_fails() -> None:
    """It may be what they die of. Its job tries it again, alone, and decodes it here."""
    others = [seen("b"), seen("c"), seen("d")]
    gone = [HostGone(name, "connection reset", counts=True) for name in ("a", "b", "c")]
    bridge = StubBridge(seen("a"), *others, *gone)
    (outcome,) = Scene(bridge).run_files(file_task())
    assert isinstance(outcome, EngineError)
    assert outcome.message == "3 hosts that had this file were lost: c: connection reset"


@pytest.mark.parametrize(
    ("bridge", "decoding"),
    [
        (StubBridge(), {}),
        (StubBridge(seen()), {"pillow": "12"}),
        (StubBridge(seen(), HostGone("gpu1", "off", counts=True)), {}),
    ],
    ids=["nobody", "other decoders", "lost"],
)
def test_a_file_is_decoded_here_where_no_host_takes_it(bridge: StubBridge, decoding: dict[str, str]) -> None:
    """It does not wait for one that may come."""
    scene = Scene(bridge, decoding=decoding)
    assert scene.run_files(file_task()) == [None]
    told = [host.no_files for host in scene.seat.status().shown.hosts]
    assert told in ([], [""], ["pillow is not there, here 12"])


def test_a_decoder_that_dies_at_a_host_names_it() -> None:
    """The document is counted as if the decoder had died here."""
    (outcome,) = Scene(StubBridge(seen(), file_done(1, DecoderDeath("it was killed")))).run_files(file_task())
    assert outcome == DecoderDeath("gpu1: it was killed")


def test_a_stop_ends_files() -> None:
    """Their jobs stay in work/."""
    (outcome,) = Scene(StubBridge(seen(), then(lambda: None))).run_files(file_task())
    assert isinstance(outcome, EngineError)
    assert outcome.message == "the service is stopping"
