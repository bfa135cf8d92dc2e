"""Pages that wait for a worker: in which order they go, how many are held, and what a close does to them."""

from __future__ import annotations

import os
import resource
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from ocrspool.errors import EngineError
from ocrspool.pages import PageOptions
from ocrspool.processes.wakeup import WakeupEvent
from ocrspool.recognition.page_json import decoded
from ocrspool.recognition.page_queue import PageQueue, PageTask
from ocrspool.recognition.stub import echo
from support.stub_pages import NewPage
from support.waiting import wait_until


def queue_for(most_bytes: int = 1000) -> PageQueue:
    return PageQueue(lambda: most_bytes)


def put(queue: PageQueue, new_page: NewPage, *numbers: int, alone: bool = False) -> list[PageTask]:
    tasks = [PageTask(new_page(number), PageOptions("off"), alone) for number in numbers]
    for task in tasks:
        queue.put(task)
    return tasks


def numbers_of(tasks: list[PageTask]) -> list[int]:
    return [task.image.number for task in tasks]


def test_pages_go_in_the_order_in_which_they_came(new_page: NewPage) -> None:
    queue = queue_for()
    put(queue, new_page, 1, 2, 3)
    first = queue.wait_and_take(2, 0)
    assert numbers_of(first) == [1, 2]
    second = queue.take(5)
    assert numbers_of(second) == [3]
    assert queue.take(5) == []
    for task in (*first, *second):
        queue.complete(task, echo(task.image))
        assert decoded(task.future.result(0)).lines[0].text == f"page {task.image.number}"


def test_a_page_that_is_to_be_read_alone_is_never_beside_another(new_page: NewPage) -> None:
    queue = queue_for()
    put(queue, new_page, 1)
    put(queue, new_page, 2, alone=True)
    put(queue, new_page, 3)
    taken = queue.wait_and_take(5, 0)
    assert numbers_of(taken) == [1], "it does not go with those before it"
    assert queue.take(5) == [], "nor to a worker that has others"
    alone = queue.wait_and_take(5, 0)
    assert numbers_of(alone) == [2], "nor with those after it"
    last = queue.wait_and_take(5, 0)
    assert numbers_of(last) == [3]
    for task in (*taken, *alone, *last):
        queue.complete(task, EngineError("over"))


def test_where_engines_are_shared_alone_means_that_nobody_reads_another_page(new_page: NewPage) -> None:
    """A page that ends the engine then ends no other worker's page."""
    queue = PageQueue(lambda: 1000, engines_are_shared=True)
    (before,) = put(queue, new_page, 1)
    (alone,) = put(queue, new_page, 2, alone=True)
    (after,) = put(queue, new_page, 3)
    assert queue.wait_and_take(5, 0) == [before]
    assert queue.wait_and_take(5, 0) == [], "another worker reads"
    queue.complete(before, EngineError("over"))
    assert queue.wait_and_take(5, 0) == [alone]
    assert queue.wait_and_take(5, 0) == [], "a page is read alone"
    queue.give_back(alone)
    assert queue.wait_and_take(5, 0) == [alone], "who had it has gone"
    queue.complete(alone, EngineError("over"))
    assert queue.wait_and_take(5, 0) == [after]
    queue.put_back(after)
    assert queue.wait_and_take(5, 0) == [after]
    queue.complete(after, EngineError("over"))


def test_a_worker_that_waits_gets_the_page_when_the_one_that_is_read_alone_is_done(new_page: NewPage) -> None:
    queue = PageQueue(lambda: 1000, engines_are_shared=True)
    put(queue, new_page, 1, alone=True)
    (after,) = put(queue, new_page, 2)
    (alone,) = queue.wait_and_take(1, 0)
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(queue.wait_and_take, 1, 30)
        queue.complete(alone, EngineError("over"))
        assert waiting.result(timeout=30) == [after]
    queue.complete(after, EngineError("over"))


def test_a_page_that_comes_back_goes_first_and_alone(new_page: NewPage) -> None:
    queue = queue_for()
    put(queue, new_page, 1, 2)
    (task,) = queue.wait_and_take(1, 0)
    queue.put_back(task)
    assert numbers_of(queue.wait_and_take(5, 0)) == [1]
    assert task.alone
    queue.complete(task, EngineError("over"))
    queue.close()


def test_a_page_that_comes_back_after_the_end_fails(new_page: NewPage) -> None:
    queue = queue_for()
    (task,) = put(queue, new_page, 1)
    queue.wait_and_take(1, 0)
    queue.close()
    queue.put_back(task)
    with pytest.raises(EngineError, match="stopping"):
        task.future.result(0)


def test_a_page_that_nobody_wants_any_more_is_left_out(new_page: NewPage) -> None:
    queue = queue_for()
    (unwanted, wanted) = put(queue, new_page, 1, 2)
    assert unwanted.future.cancel()
    assert queue.wait_and_take(5, 0) == [wanted]
    assert not wanted.future.cancel(), "a worker has it"
    queue.complete(wanted, EngineError("over"))


def test_no_more_is_held_than_the_memory_allows(new_page: NewPage) -> None:
    """A page has 8 bytes. The third one waits until the first is done; the bound is asked for each time."""
    asked = threading.Event()

    def bound() -> int:
        asked.set()
        return 16

    queue = PageQueue(bound)
    first, second = put(queue, new_page, 1, 2)
    asked.clear()
    with ThreadPoolExecutor(1) as thread:
        third = PageTask(new_page(3), PageOptions("off"))
        putting = thread.submit(queue.put, third)
        assert asked.wait(30)
        assert numbers_of(queue.wait_and_take(5, 0)) == [1, 2], "the third does not fit"
        queue.complete(first, EngineError("over"))
        putting.result(30)
    assert numbers_of(queue.wait_and_take(5, 0)) == [3]
    for task in (second, third):
        queue.complete(task, EngineError("over"))


def test_a_page_larger_than_the_memory_is_held_by_itself(new_page: NewPage) -> None:
    queue = queue_for(most_bytes=1)
    (task,) = put(queue, new_page, 1)
    queue.close()
    assert isinstance(task.future.exception(0), EngineError)


def test_no_more_is_held_than_may_be_open(new_page: NewPage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each page is an open file, however small it is. The page that waits is told when the queue is closed."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (4, 4))
    queue = queue_for()
    tasks = put(queue, new_page, 1, 2)
    with ThreadPoolExecutor(1) as thread:
        putting = thread.submit(queue.put, PageTask(new_page(3), PageOptions("off")))
        queue.close()
        with pytest.raises(EngineError, match="stopping"):
            putting.result(10)
    assert all(isinstance(task.future.exception(0), EngineError) for task in tasks)


def test_nothing_can_be_put_into_a_closed_queue(new_page: NewPage) -> None:
    queue = queue_for()
    queue.close()
    assert queue.closed
    with pytest.raises(EngineError, match="stopping"):
        queue.put(PageTask(new_page(), PageOptions("off")))


def test_a_close_releases_pages_that_were_cancelled(new_page: NewPage) -> None:
    queue = queue_for()
    (task,) = put(queue, new_page, 1)
    task.future.cancel()
    queue.close()


def test_an_idle_worker_goes_before_a_busy_one(new_page: NewPage) -> None:
    """Whoever has pages already gets none while another worker waits without any."""
    queue = queue_for()
    with ThreadPoolExecutor(1) as thread:
        idle = thread.submit(queue.wait_and_take, 1, 30)
        while not queue._idle:  # until that thread waits; it has nothing to wait for but us
            pass
        with queue._arrived:  # what the idle worker needs to go on
            queue._waiting.append(task := PageTask(new_page(), PageOptions("off")))
            assert queue.take(1) == []
            queue._arrived.notify_all()
        assert idle.result(30) == [task]
    assert queue.take(1) == []
    os.close(task.image.fd)


def test_those_who_wait_elsewhere_are_woken_up(new_page: NewPage, wake: WakeupEvent) -> None:
    queue = queue_for()
    queue.wake_up(wake)
    put(queue, new_page, 1)
    assert wake.wait(0)
    assert not wake.wait(0)
    queue.close()
    assert wake.wait(0)
    queue.wait_closed(60)


class Room:
    """A worker that has pages and room for more, and waits for what wakes it."""

    def __init__(self, queue: PageQueue) -> None:
        self.queue = queue
        self.wake = WakeupEvent()
        assert self.take(1) == []

    def take(self, most: int) -> list[int]:
        tasks = self.queue.take(most, wake=self.wake)
        for task in tasks:
            self.queue.complete(task, EngineError("over"))
        return numbers_of(tasks)

    def is_woken(self) -> bool:
        return self.wake.wait(0)


def test_one_page_wakes_one_worker_that_has_room_for_it(new_page: NewPage) -> None:
    """The one that has had room for longest. One that is full is left alone."""
    queue = queue_for()
    full, first, second = Room(queue), Room(queue), Room(queue)
    assert full.take(0) == []
    put(queue, new_page, 1)
    assert [each.is_woken() for each in (full, first, second)] == [False, True, False]
    assert first.take(1) == [1]
    put(queue, new_page, 2)
    assert [each.is_woken() for each in (full, first, second)] == [False, False, True]
    assert second.take(2) == [2], "it has room for one more"
    put(queue, new_page, 3)
    assert [each.is_woken() for each in (full, first, second)] == [False, False, True]
    queue.close()


def test_a_worker_that_is_woken_and_takes_nothing_wakes_another(new_page: NewPage) -> None:
    """It is about to be replaced, say."""
    queue = queue_for()
    leaving, other = Room(queue), Room(queue)
    put(queue, new_page, 1)
    assert (leaving.is_woken(), other.is_woken()) == (True, False)
    assert leaving.take(0) == []
    assert other.is_woken()
    assert other.take(1) == [1]


def test_a_worker_that_leaves_pages_behind_wakes_another(new_page: NewPage) -> None:
    """There was nobody to be woken when they came."""
    queue = queue_for()
    taken = put(queue, new_page, 1, 2)
    other = WakeupEvent()
    queue._with_room[other] = None
    assert queue.wait_and_take(1, 0) == taken[:1]
    assert other.wait(0)
    queue.complete(taken[0], EngineError("over"))
    queue.close()


def test_a_page_that_is_to_be_read_alone_wakes_nobody_who_has_pages(new_page: NewPage) -> None:
    """Whoever is woken for it could not take it, and would be woken again at once."""
    queue = queue_for()
    busy = Room(queue)
    put(queue, new_page, 1, alone=True)
    assert not busy.is_woken()
    assert busy.take(5) == []
    assert not busy.is_woken()
    queue.close()
    assert busy.is_woken(), "it looks whether the queue is closed"


def test_an_idle_worker_is_told_before_one_that_has_pages(new_page: NewPage) -> None:
    queue = queue_for()
    busy = Room(queue)
    with ThreadPoolExecutor(1) as thread:
        idle = thread.submit(queue.wait_and_take, 1, 60)
        wait_until(lambda: queue._idle)
        (task,) = put(queue, new_page, 1)
        assert idle.result(30) == [task]
    assert not busy.is_woken()
    queue.complete(task, EngineError("over"))
