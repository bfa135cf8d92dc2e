"""What a supervisor does with its worker, step by step and on the test's own thread: no process, no clock, no sleep."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ocrspool.config.current import CurrentConfig
from ocrspool.errors import EngineError
from ocrspool.pages import PageFault, PageImage, PageOptions, PageText, Recognized
from ocrspool.processes.child import ChildDiedError
from ocrspool.recognition.page_json import decoded
from ocrspool.recognition.page_queue import PageQueue, PageTask
from ocrspool.recognition.stub import FACTS, Behaviour
from ocrspool.recognition.stub_worker import StubWorker
from ocrspool.recognition.supervisor import Place, Timing, WorkerSupervisor
from ocrspool.recognition.worker import OnStage, ReadyWorker, Worker
from support.stub_pages import NewPage, configured

NOT_THERE = EngineError("there is no engine")


class TimelessQueue(PageQueue):
    """Pauses are over at once."""

    def __init__(self) -> None:
        super().__init__(lambda: 10_000)
        self.pauses: list[float] = []

    def wait_closed(self, seconds: float) -> None:
        self.pauses.append(seconds)


class Scene:
    """A supervisor whose workers come from a list. It is the pool, too: it notes what is reported.

    The queue is closed, and so the supervisor ends, when the last page has its outcome or the last worker was used.
    """

    def __init__(self, live: CurrentConfig, workers: list[StubWorker], device: str = "cpu", memory: int = 0) -> None:
        self.queue = TimelessQueue()
        self.events: list[str] = []
        self.outcomes: dict[int, Recognized | PageFault | EngineError] = {}
        self.ready_workers: list[ReadyWorker] = []
        self.now = 0.0
        self._workers = iter(workers)
        self._left = 0
        timing = Timing(clock=lambda: self.now, available_bytes=lambda: memory, ping_seconds=0)
        self.supervisor = WorkerSupervisor(Place(1, device, live), self.queue, self, self.launch, timing)

    def launch(self, on_stage: OnStage) -> Worker:
        on_stage("loading")
        try:
            return next(self._workers)
        except StopIteration:
            if not self._left:
                self.queue.close()
            raise EngineError("no more workers") from None

    def run(self, *images: PageImage) -> None:
        self._left = len(images)
        for image in images:
            self.queue.put(PageTask(image, PageOptions("off")))
        self.supervisor.run()
        self.supervisor.stop()

    def stage(self, text: str) -> None:
        self.events.append(text)

    def ready(self, supervisor: int, worker: ReadyWorker) -> None:
        assert supervisor == 1
        self.events.append(f"ready {worker.pid}")
        self.ready_workers.append(worker)

    def lost(self, supervisor: int, error: EngineError | None) -> None:
        assert supervisor == 1
        self.events.append(f"lost: {error.message if error else 'it had grown'}")

    def page(self, supervisor: int, task: PageTask, outcome: Recognized | PageFault | EngineError) -> None:
        assert supervisor == 1
        self.outcomes[task.image.number] = outcome
        self.queue.complete(task, outcome if not isinstance(outcome, PageFault) else EngineError(outcome.message))
        self._left -= 1
        if not self._left:
            self.queue.close()

    def texts(self) -> dict[int, str]:
        """What became of each page, in words."""
        return {
            number: decoded(outcome).lines[0].text if isinstance(outcome, Recognized) else outcome.message
            for number, outcome in self.outcomes.items()
        }


@pytest.fixture
def scene() -> Callable[..., Scene]:
    """Make a scene with these workers and settings."""

    def new(*workers: StubWorker, device: str = "cpu", memory: int = 0, **service: int) -> Scene:
        return Scene(configured(**service), list(workers), device, memory)

    return new


def on(page: int, behaviour: Behaviour) -> Callable[[PageImage], Behaviour]:
    """Behave so at one page, and well at the others."""
    return lambda image: behaviour if image.number == page else "echo"


def test_pages_are_read_by_a_worker_that_has_loaded(scene: Callable[..., Scene], new_page: NewPage) -> None:
    worker = StubWorker(loads_after=3, pid=77)
    found = scene(worker)
    found.run(new_page(1), new_page(2))
    assert found.events == ["loading", "ready 77"]
    assert found.texts() == {1: "page 1", 2: "page 2"}
    assert worker.closed


def test_a_worker_has_no_more_pages_than_it_may_have(scene: Callable[..., Scene], new_page: NewPage) -> None:
    worker = StubWorker()
    found = scene(worker, batch_pages=2)
    found.run(*(new_page(number) for number in range(1, 6)))
    assert worker.most_in_work == 2
    assert len(found.outcomes) == 5


def test_a_page_that_is_read_alone_has_the_worker_to_itself(scene: Callable[..., Scene], new_page: NewPage) -> None:
    worker = StubWorker()
    found = scene(worker)
    found.queue.put(PageTask(new_page(1), PageOptions("off"), alone=True))
    found.queue.put(PageTask(new_page(2), PageOptions("off")))
    found._left = 2
    found.supervisor.run()
    found.supervisor.stop()
    assert worker.most_in_work == 1


def test_a_worker_that_cannot_load_ends_the_start(scene: Callable[..., Scene]) -> None:
    """The service decides what follows: another try would find the same."""
    found = scene(StubWorker(load_error=NOT_THERE), StubWorker())
    found.run()
    assert found.events == ["loading", "lost: there is no engine"]


@pytest.mark.parametrize(
    ("behaviour", "why"),
    [
        ("crash", "the worker was killed by SIGSEGV"),
        ("hang", "the worker gave no answer for 300 s"),
        ("disorder", "the engine reads the known page wrongly"),
        ("wrong count", "the worker told of page 3, which it does not have"),
    ],
)
def test_a_worker_that_fails_is_replaced_and_its_pages_are_lost(
    scene: Callable[..., Scene], new_page: NewPage, behaviour: Behaviour, why: str
) -> None:
    """All pages that it had: which of them is at fault is not known here."""
    bad, good = StubWorker(on(1, behaviour), pid=1), StubWorker(pid=2)
    found = scene(bad, good, batch_pages=2)
    found.run(new_page(1), new_page(2), new_page(3))
    assert found.events == ["loading", "ready 1", f"lost: {why}", "loading", "ready 2"]
    assert found.texts() == {1: why, 2: why, 3: "page 3"}
    assert bad.closed


def test_a_replacement_that_cannot_load_is_tried_again_and_again(scene: Callable[..., Scene]) -> None:
    """With a longer pause each time, up to a minute."""

    def die() -> None:
        raise ChildDiedError("was killed by SIGKILL")

    failing = [StubWorker(load_error=NOT_THERE) for _ in range(8)]
    found = scene(StubWorker(on_ping=die), *failing)
    found.run()
    assert found.events[1:3] == ["ready 1", "lost: the worker was killed by SIGKILL"]
    assert found.events.count("lost: there is no engine") == 8
    assert found.queue.pauses[:8] == [1, 2, 4, 8, 16, 32, 60, 60]


def test_after_a_worker_has_loaded_pauses_are_short_again(scene: Callable[..., Scene]) -> None:
    def die() -> None:
        raise ChildDiedError("was killed by SIGKILL")

    broken = [StubWorker(load_error=NOT_THERE) for _ in range(4)]
    found = scene(StubWorker(on_ping=die), *broken[:2], StubWorker(on_ping=die), *broken[2:])
    found.run()
    assert found.queue.pauses[:4] == [1, 2, 1, 2]


def test_a_fault_is_reported_and_the_worker_goes_on(scene: Callable[..., Scene], new_page: NewPage) -> None:
    found = scene(StubWorker(on(1, "fault")))
    found.run(new_page(1), new_page(2))
    assert found.outcomes[1] == PageFault("no such shape")
    assert found.texts()[2] == "page 2"
    assert found.events == ["loading", "ready 1"]


def test_a_slow_worker_moves_its_deadline_with_each_step(scene: Callable[..., Scene], new_page: NewPage) -> None:
    """It has its time for each step, not for the page."""
    worker = StubWorker(steps=5)
    found = scene(worker, worker_seconds=100)
    responsive: list[bool] = []

    def behave(_: PageImage) -> Behaviour:
        responsive.append(found.supervisor.responsive())
        found.now += 105  # 5 s of the 10 s of slack
        return "slow"

    worker.behaviour = behave
    found.run(new_page(1))
    assert found.texts() == {1: "page 1"}
    assert len(responsive) == 6
    assert all(responsive[1:])


def test_a_thread_that_waits_for_too_long_is_not_responsive(scene: Callable[..., Scene]) -> None:
    worker = StubWorker()
    found = scene(worker)
    worker.on_ping = found.queue.close
    assert found.supervisor.responsive(), "it has not begun"
    found.run()
    assert found.supervisor.responsive()
    found.now += 10.5
    assert not found.supervisor.responsive()


@pytest.mark.parametrize(
    ("device", "says", "expected"), [("cpu", "cpu", "cpu"), ("gpu:1", "gpu", "gpu:1"), ("gpu:1", "cpu", "cpu")]
)
def test_each_page_says_which_engine_read_it_and_where(
    scene: Callable[..., Scene], new_page: NewPage, device: str, says: str, expected: str
) -> None:
    """The device is the one that reads: not the GPU whose place a CPU has taken."""
    facts = {**FACTS, "device": says}
    found = scene(StubWorker(facts=facts), device=device)
    found.run(new_page(1))
    read = found.outcomes[1]
    assert isinstance(read, PageText)
    assert (read.engine, read.device) == (facts, expected)
    assert found.ready_workers[0].device == expected


def test_pages_name_the_engine_of_the_worker_that_read_them(scene: Callable[..., Scene], new_page: NewPage) -> None:
    """Before and after a replacement that brought another engine: the GPU has gone, and the CPU takes its place."""
    gpu, cpu = {**FACTS, "device": "gpu", "fingerprint": "a"}, {**FACTS, "fingerprint": "b"}
    found = scene(StubWorker(on(2, "crash"), facts=gpu), StubWorker(facts=cpu), device="gpu:0", batch_pages=1)
    found.run(new_page(1), new_page(2), new_page(3))
    first, last = found.outcomes[1], found.outcomes[3]
    assert isinstance(first, PageText)
    assert isinstance(last, PageText)
    assert (first.engine["fingerprint"], first.device) == ("a", "gpu:0")
    assert (last.engine["fingerprint"], last.device) == ("b", "cpu")


def test_a_worker_that_has_read_enough_is_replaced_without_a_pause(
    scene: Callable[..., Scene], new_page: NewPage
) -> None:
    """Its successor loads beside it, while it reads on. It is never reported as lost."""
    old, new = StubWorker(pid=1), StubWorker(pid=2, loads_after=2)
    found = scene(old, new, memory=1 << 40, worker_pages=2, batch_pages=1)
    found.run(*(new_page(number) for number in range(1, 8)))
    assert found.events == ["loading", "ready 1", "ready 2"], "what the successor does while it loads is not shown"
    assert (old.pages, new.pages) == (5, 2)
    assert old.closed
    assert set(found.texts().values()) == {f"page {number}" for number in range(1, 8)}


def test_a_worker_gets_no_more_pages_when_its_successor_is_ready(
    scene: Callable[..., Scene], new_page: NewPage
) -> None:
    """It reads those that it has."""
    old, new = StubWorker(pid=1), StubWorker(pid=2)
    found = scene(old, new, memory=1 << 40, worker_pages=1, batch_pages=3)
    found.run(*(new_page(number) for number in range(1, 10)))
    assert 0 < old.pages < 9
    assert old.pages + new.pages == 9
    assert not found.outcomes.keys() ^ set(range(1, 10))
    assert all(isinstance(outcome, PageText) for outcome in found.outcomes.values())


def test_without_memory_for_two_the_successor_loads_afterwards(scene: Callable[..., Scene], new_page: NewPage) -> None:
    old, new = StubWorker(pid=1, resident=100), StubWorker(pid=2)
    found = scene(old, new, memory=99, worker_pages=2, batch_pages=1)
    found.run(new_page(1), new_page(2), new_page(3))
    assert found.events == ["loading", "ready 1", "lost: it had grown", "loading", "ready 2"]
    assert (old.pages, new.pages) == (2, 1)


def test_a_worker_that_holds_too_much_memory_is_replaced(scene: Callable[..., Scene], new_page: NewPage) -> None:
    old, new = StubWorker(pid=1, resident=(256 << 20) + 1), StubWorker(pid=2)
    found = scene(old, new, memory=1 << 40, worker_memory_mb=256, batch_pages=1)
    found.run(new_page(1), new_page(2), new_page(3))
    assert "ready 2" in found.events


def test_the_memory_of_a_worker_is_looked_at_twice_a_second_at_most(
    scene: Callable[..., Scene], new_page: NewPage
) -> None:
    """It has grown since the first page, and that is found half a second later."""
    old, new = StubWorker(pid=1), StubWorker(pid=2)
    found = scene(old, new, memory=1 << 40, worker_memory_mb=256, batch_pages=1)

    def grow_and_take_time(image: PageImage) -> Behaviour:
        old.resident = (256 << 20) + 1 if image.number > 1 else 0
        found.now += 0.2
        return "echo"

    old.behaviour = grow_and_take_time
    found.run(*(new_page(number) for number in range(1, 8)))
    assert "ready 2" in found.events
    assert old.pages == 5, (
        "after 0.2 s it had not grown; 0.7 s are over at the fourth page, and the next one is the last"
    )


def test_a_successor_that_cannot_load_changes_nothing(scene: Callable[..., Scene], new_page: NewPage) -> None:
    """The worker goes on, and another successor is tried a minute later."""
    old, new = StubWorker(pid=1), StubWorker(pid=3)
    found = scene(old, StubWorker(load_error=NOT_THERE), new, memory=1 << 40, worker_pages=1, batch_pages=1)

    def behave(image: PageImage) -> Behaviour:
        if image.number == 4:
            found.now += 61
        return "echo"

    old.behaviour = behave
    found.run(*(new_page(number) for number in range(1, 7)))
    assert found.events == ["loading", "ready 1", "ready 3"]
    assert len(found.outcomes) == 6
    assert (old.pages, new.pages) == (5, 1)


def test_a_worker_that_has_read_nothing_is_not_renewed(scene: Callable[..., Scene], new_page: NewPage) -> None:
    """Another load would hold no less memory."""
    old, new = StubWorker(pid=1), StubWorker(pid=2)
    found = scene(old, new, memory=1 << 40, batch_pages=1)
    found.supervisor.renew()

    def behave(image: PageImage) -> Behaviour:
        if image.number == 2:
            found.supervisor.renew()
        return "echo"

    old.behaviour = behave
    found.run(new_page(1), new_page(2), new_page(3), new_page(4))
    assert found.events == ["loading", "ready 1", "ready 2"]
    assert old.pages == 3, "its successor loads while it reads the third page"


def test_a_successor_that_still_loads_takes_the_place_of_a_worker_that_dies(
    scene: Callable[..., Scene], new_page: NewPage
) -> None:
    """A third worker is not started."""
    old, new = StubWorker(on(3, "crash"), pid=1), StubWorker(pid=2, loads_after=5)
    found = scene(old, new, memory=1 << 40, worker_pages=1, batch_pages=1)
    found.run(new_page(1), new_page(2), new_page(3), new_page(4))
    assert found.events == ["loading", "ready 1", "lost: the worker was killed by SIGSEGV", "ready 2"]
    assert found.texts()[4] == "page 4"


def test_pages_in_work_fail_when_the_queue_is_closed(scene: Callable[..., Scene], new_page: NewPage) -> None:
    """Those that the worker has, and those that wait."""

    def behave(_: PageImage) -> Behaviour:
        found.queue.close()
        return "slow"

    found = scene(StubWorker(behave), batch_pages=1)
    found.run(new_page(1), new_page(2))
    assert found.texts() == {1: "the service is stopping"}


def test_an_idle_worker_that_does_not_answer_is_replaced(scene: Callable[..., Scene]) -> None:
    """Before the next file comes, which would have to wait."""

    def hang() -> None:
        raise ChildDiedError("gave no answer for 10 s")

    other = StubWorker(pid=2)
    found = scene(StubWorker(on_ping=hang), other)
    other.on_ping = found.queue.close
    found.run()
    assert found.events == ["loading", "ready 1", "lost: the worker gave no answer for 10 s", "loading", "ready 2"]
