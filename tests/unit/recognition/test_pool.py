"""The pool with stub workers: what it makes of what its supervisors report. Threads are real, processes are not."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from ocrspool.config.schema import Config
from ocrspool.config.sections import Engine, Limits, Service
from ocrspool.errors import DocumentError, EngineError
from ocrspool.pages import PageImage, PageOptions
from ocrspool.processes.child import ChildDiedError
from ocrspool.recognition.api import PageRecognizer
from ocrspool.recognition.page_json import decoded
from ocrspool.recognition.pool import WorkerPool, page_memory_mb
from ocrspool.recognition.stub import FACTS, Behaviour
from ocrspool.recognition.stub_worker import StubWorker
from ocrspool.recognition.supervisor import Timing
from ocrspool.recognition.worker import OnStage, Worker
from support.stub_pages import NewPage, configured

SECONDS = 30
"""No test takes that long, unless it fails."""


@contextmanager
def started(*workers: StubWorker, devices: tuple[str, ...] = ("cpu",), **service: int) -> Iterator[WorkerPool]:
    """A pool whose workers come from a list, whichever supervisor asks first."""
    lock, left = threading.Lock(), iter(workers)

    def launch(_: OnStage) -> Worker:
        with lock:
            worker = next(left, None)
        if worker is None:
            raise EngineError("no more workers")
        return worker

    timing = Timing(available_bytes=lambda: 0, ping_seconds=0.001)
    pool = WorkerPool(configured(*devices, **service), lambda _: None, launch, timing)
    pool.start()
    try:
        yield pool
    finally:
        pool.close()


def text(pool: PageRecognizer, image: PageImage) -> str:
    return decoded(pool.submit(image, PageOptions("off")).result(SECONDS)).lines[0].text


def until(true: Callable[[], bool]) -> None:
    """Wait for another thread; idle ones turn once in a millisecond."""
    for _ in range(SECONDS * 1000):
        if true():
            return
        threading.Event().wait(0.001)
    raise AssertionError("it does not happen")


def test_pages_become_text(new_page: NewPage) -> None:
    with started(StubWorker()) as pool:
        assert pool.wait_ready() == FACTS
        futures = [pool.submit(new_page(number), PageOptions("off")) for number in range(20)]
        assert [decoded(future.result(SECONDS)).lines[0].text for future in futures] == [
            f"page {number}" for number in range(20)
        ]


def test_each_device_has_its_workers(new_page: NewPage) -> None:
    """Two devices with two workers each: four workers, and all of them are counted."""
    workers = [StubWorker(pid=pid) for pid in range(1, 5)]
    with started(*workers, devices=("cpu", "cpu"), workers=2) as pool:
        pool.wait_ready()
        status = pool.status()
        assert sorted(status.pids) == [1, 2, 3, 4]
        assert status.ready
        assert status.responsive
        (engine,) = status.engines
        assert (engine["workers"], engine["device"], engine["fingerprint"]) == (4, "cpu", FACTS["fingerprint"])
        assert "models" not in engine
        assert text(pool, new_page(3)) == "page 3"
    assert all(worker.closed or worker.killed for worker in workers)


def test_a_start_that_fails_says_why() -> None:
    """Whichever worker it is, and without waiting for the others."""
    error = EngineError("no engine")
    with started(StubWorker(load_error=error)) as pool, pytest.raises(EngineError, match="no engine"):
        pool.wait_ready()
    with started(StubWorker(loads_after=10**9), StubWorker(load_error=error), workers=2) as pool:
        with pytest.raises(EngineError, match="no engine"):
            pool.wait_ready()
        assert not pool.status().ready


def test_a_page_that_fails_once_is_read_the_second_time(new_page: NewPage) -> None:
    """Alone: the lines of another page may have been the reason."""
    behaves = iter(["fault"])
    worker = StubWorker(lambda _: next(behaves, "echo"))  # type: ignore[arg-type]
    with started(worker) as pool:
        assert text(pool, new_page(7)) == "page 7"
        assert worker.pages == 2
        assert pool.status().restarts == 0


def test_a_page_that_fails_twice_is_lost_and_the_others_are_read(new_page: NewPage) -> None:
    worker = StubWorker(lambda image: "fault" if image.number == 2 else "echo")
    with started(worker) as pool:
        futures = {number: pool.submit(new_page(number), PageOptions("off")) for number in (1, 2, 3)}
        with pytest.raises(DocumentError, match="failed 2 times: no such shape") as lost:
            futures[2].result(SECONDS)
        assert (lost.value.kind, lost.value.stage, lost.value.page) == ("recognition", "recognize", 2)
        assert {decoded(futures[number].result(SECONDS)).lines[0].text for number in (1, 3)} == {"page 1", "page 3"}
        assert pool.status().restarts == 0


@pytest.mark.parametrize("behaviour", ["crash", "hang", "disorder", "wrong count"])
def test_a_worker_that_fails_is_replaced_and_counted(new_page: NewPage, behaviour: Behaviour) -> None:
    with started(StubWorker(behaviour, pid=1), StubWorker(pid=2)) as pool:
        pool.wait_ready()
        with pytest.raises(EngineError):
            pool.submit(new_page(1), PageOptions("off")).result(SECONDS)
        assert text(pool, new_page(1)) == "page 1"
        status = pool.status()
        assert (status.pids, status.restarts) == ((2,), 1)


def test_while_no_worker_has_an_engine_it_is_not_ready(new_page: NewPage) -> None:
    """The page that was submitted meanwhile is read as soon as there is one."""
    second = StubWorker(loads_after=10**9)
    with started(StubWorker("crash"), second) as pool:
        pool.wait_ready()
        assert pool.status().ready
        with pytest.raises(EngineError):
            pool.submit(new_page(1), PageOptions("off")).result(SECONDS)
        status = pool.status()
        assert (status.ready, status.engines) == (False, ())
        waiting = pool.submit(new_page(2), PageOptions("off"))
        second.loads_after = 0
        assert decoded(waiting.result(SECONDS)).lines[0].text == "page 2"
        assert pool.status().ready


def test_a_cpu_in_a_gpus_place_is_told(new_page: NewPage) -> None:
    """Pages and status name what really reads, when workers differ."""
    gpu, cpu = {**FACTS, "device": "gpu", "fingerprint": "a"}, {**FACTS, "fingerprint": "b"}
    with started(StubWorker(facts=gpu), devices=("gpu:0",)) as pool:
        pool.wait_ready()
        assert not pool.status().uses_cpu_fallback
        assert pool.submit(new_page(1), PageOptions("off")).result(SECONDS).device == "gpu:0"
    with started(StubWorker(facts=gpu), StubWorker(facts=cpu), devices=("gpu:0", "gpu:1")) as pool:
        pool.wait_ready()
        status = pool.status()
        assert status.uses_cpu_fallback
        assert {(each["fingerprint"], each["device"] == "cpu", each["workers"]) for each in status.engines} == {
            ("a", False, 1),
            ("b", True, 1),
        }
        read = [pool.submit(new_page(number), PageOptions("off")).result(SECONDS) for number in range(20)]
        assert {(page.engine["fingerprint"], page.device == "cpu") for page in read} <= {("a", False), ("b", True)}


def test_only_workers_that_have_read_are_renewed(new_page: NewPage) -> None:
    """One that has just loaded would hold no less memory after another load."""
    with started(StubWorker(pid=1), StubWorker(pid=2)) as pool:
        pool.wait_ready()
        pool.renew()
        assert text(pool, new_page(1)) == "page 1"
        assert pool.status().pids == (1,)
        pool.renew()
        until(lambda: pool.status().pids == (2,))
        assert pool.status().restarts == 0


def test_a_close_fails_what_was_not_read(new_page: NewPage) -> None:
    with started(StubWorker("slow", steps=10**9), batch_pages=1) as pool:
        pool.wait_ready()
        futures = [pool.submit(new_page(number), PageOptions("off")) for number in range(3)]
        cancelled = pool.submit(new_page(9), PageOptions("off"))
        assert cancelled.cancel()
    for future in futures:
        with pytest.raises(EngineError, match="stopping"):
            future.result(SECONDS)
    with pytest.raises(EngineError, match="stopping"):
        pool.submit(new_page(4), PageOptions("off"))


def test_a_pool_that_was_never_started_can_be_closed(new_page: NewPage) -> None:
    pool = WorkerPool(configured(), lambda _: None)
    future = pool.submit(new_page(), PageOptions("off"))
    pool.close()
    assert isinstance(future.exception(0), EngineError)
    assert not pool.status().ready


def test_stages_of_loading_are_passed_on() -> None:
    stages: list[str] = []

    def launch(on_stage: OnStage) -> Worker:
        on_stage("loading the library")
        return StubWorker()

    pool = WorkerPool(configured(), stages.append, launch)
    pool.start()
    pool.wait_ready()
    pool.close()
    assert stages == ["loading the library"]


def test_an_idle_worker_that_has_died_is_replaced() -> None:
    def die() -> None:
        raise ChildDiedError("was killed by SIGKILL")

    with started(StubWorker(pid=1, on_ping=die), StubWorker(pid=2)) as pool:
        pool.wait_ready()
        until(lambda: pool.status().pids == (2,) and pool.status().ready)
        assert pool.status().restarts == 1


@pytest.mark.parametrize(
    ("devices", "workers", "asked", "megabytes"),
    [
        (("cpu",), 8, 0, 512),
        (("gpu:0",), 1, 0, 512),
        (("gpu:0",), 6, 0, 1152),
        (("gpu:0", "gpu:1"), 6, 0, 2304),
        (("gpu:0", "cpu"), 6, 0, 1152),
        (("gpu:0", "gpu:1"), 6, 256, 256),
    ],
)
def test_pages_that_workers_of_gpus_may_have_in_work_have_room(
    devices: tuple[str, ...], workers: int, asked: int, megabytes: int
) -> None:
    """But not more than was asked for. What a single page may take does not depend on the machine."""
    limits = Limits(memory_mb=asked)
    config = Config(engine=Engine(devices=devices), service=Service(workers=workers, batch_pages=16), limits=limits)
    assert page_memory_mb(config) == megabytes
    assert limits.page_mb == (asked or 512)


def test_too_little_memory_for_a_page_is_refused() -> None:
    with pytest.raises(ValueError, match="memory_mb: should be 0, or 64 or more"):
        Limits(memory_mb=63)
