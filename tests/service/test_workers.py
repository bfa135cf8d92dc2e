"""The pool of real workers: an engine that fails is replaced, and each device has its own."""

from __future__ import annotations

import os
import re
import resource
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ocrspool.config.current import CurrentConfig
from ocrspool.config.schema import Config
from ocrspool.config.sections import Engine, Limits, Paths, Service
from ocrspool.errors import DocumentError, EngineError
from ocrspool.pages import PageImage, PageOptions
from ocrspool.processes.child import Child
from ocrspool.processes.environment import of_workers
from ocrspool.recognition.page_json import decoded
from ocrspool.recognition.pool import WorkerPool
from ocrspool.recognition.protocol import about_engine
from support import faulty_worker, worker_pools, worker_replacement
from support.drawn_pages import page
from support.waiting import wait_until

pytestmark = pytest.mark.engine


def test_what_a_worker_writes_is_its_own(engine_cache: Path) -> None:
    """Whatever the service's umask, nobody else can write what a worker puts into the caches: it is machine code."""
    before = os.umask(0o007)
    try:
        with worker_pools.started(engine_cache, Engine()) as workers:
            workers.wait_ready()
            (pid,) = workers.status().pids
            (umask,) = re.findall(r"Umask:\s(\d+)", Path(f"/proc/{pid}/status").read_text("ascii"))
    finally:
        os.umask(before)
    assert int(umask, 8) == 0o077


def test_a_worker_tells_how_it_gets_on(engine_cache: Path) -> None:
    """Before a page has been read: so a stall is told from much to do."""
    config = Config(paths=Paths(cache=engine_cache, runtime=engine_cache))
    child = Child("ocrspool.recognition.child", of_workers(os.environ, engine_cache))
    try:
        answer, _ = child.ask(about_engine("load", config, "cpu"), seconds=60)
        while "stage" in answer:
            answer, _ = child.receive(seconds=60)
        images = [
            worker_pools.image("One line"),
            worker_pools.image("Two lines", "on this one"),
            worker_pools.image("And a third"),
        ]
        for number, each in enumerate(images):
            size = {"width": each.width, "height": each.height, "channels": 1}
            page = {
                "number": number,
                **size,
                "options": PageOptions("off", "none").to_json(),
            }
            child.tell({"op": "recognize", "page": page}, (each.fd,))
        answers: list[dict[str, Any]] = []
        while sum("page" in answer for answer in answers) < len(images):
            answers.append(child.receive(seconds=60)[0])
    finally:
        child.close()
    for each in images:
        os.close(each.fd)
    assert "progress" in answers[0]
    assert {answer["page"]["number"] for answer in answers if "page" in answer} == {0, 1, 2}


def _bad(color: tuple[int, int, int]) -> PageImage:
    """A page at which the worker of faulty_worker.py fails."""
    image = faulty_worker.marked(page("Bad page", size=(544, 96)), color)
    return worker_pools.handed_over(Image.merge("RGB", image.split()[::-1]))


def test_a_page_that_cannot_be_read_costs_itself(
    engine_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is tried once more, alone; the pages beside it are read, and all by the same process."""
    monkeypatch.setattr(sys, "executable", os.fspath(worker_replacement.python(tmp_path, faulty_worker.__name__)))
    with worker_pools.started(engine_cache, Engine()) as workers:
        workers.wait_ready()
        (before,) = workers.status().pids
        bad = [worker_pools.image("Cut short", missing=1), _bad(faulty_worker.ALWAYS), _bad(faulty_worker.REFUSED)]
        pages = [
            each for number, image in enumerate(bad) for each in (worker_pools.image(f"Good page {number}"), image)
        ]
        futures = [workers.submit(image, PageOptions("off")) for image in pages]
        for failed, why in zip(futures[1::2], ("not as large", "not writeable", "no such shape"), strict=True):
            with pytest.raises(DocumentError, match=f"failed 2 times: .*{why}") as lost:
                failed.result(timeout=60)
            assert (lost.value.kind, lost.value.stage, lost.value.page) == ("recognition", "recognize", 1)
        read = [" ".join(line.text for line in decoded(good.result(timeout=60)).lines) for good in futures[::2]]
        assert read == ["Good page 0", "Good page 1", "Good page 2"]
        assert workers.status().pids == (before,)
        assert workers.status().restarts == 0


def test_a_worker_whose_engine_failed_is_replaced(
    engine_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not read the known page any more: the next page is read by another process."""
    monkeypatch.setattr(sys, "executable", os.fspath(worker_replacement.python(tmp_path, faulty_worker.__name__)))
    with worker_pools.started(engine_cache, Engine()) as workers:
        workers.wait_ready()
        (before,) = workers.status().pids
        failed = workers.submit(_bad(faulty_worker.DISORDER), PageOptions("off"))
        with pytest.raises(EngineError, match="reads the known page wrongly"):
            failed.result(timeout=60)
        assert worker_pools.text(workers, "Read after all") == "Read after all"
        (after,) = workers.status().pids
        assert after != before
        assert workers.status().restarts == 1
        assert not Path(f"/proc/{before}").exists()


def test_each_device_has_its_workers(engine_cache: Path) -> None:
    """Two devices with two workers each make four processes; a GPU would be named gpu:0, and here are none."""
    with worker_pools.started(engine_cache, Engine(devices=("cpu", "cpu"), threads=1), Service(workers=2)) as workers:
        workers.wait_ready()
        assert len(set(workers.status().pids)) == 4
        pages = [worker_pools.image(f"Page number {number}") for number in range(8)]
        futures = [workers.submit(image, PageOptions("off")) for image in pages]
        read = [" ".join(line.text for line in decoded(future.result(timeout=60)).lines) for future in futures]
        assert read == [f"Page number {number}" for number in range(8)]
        told = {(page.device, page.engine["fingerprint"]) for page in (future.result() for future in futures)}
        assert told == {("cpu", workers.wait_ready()["fingerprint"])}
        wait_until(lambda: workers.status().ready, 10)


def _replaced(workers: WorkerPool) -> Iterator[bool]:
    """Read pages until another worker does; after each, whether there is one with an engine."""
    (before,) = workers.status().pids
    while workers.status().pids == (before,):
        assert worker_pools.text(workers, "Read without a pause") == "Read without a pause"
        yield workers.status().ready
    wait_until(lambda: not Path(f"/proc/{before}").exists(), 10)


def test_a_worker_that_has_grown_is_replaced_without_a_pause(
    engine_cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its successor loads beside it: at no time is there no engine, and no page has to be read twice."""
    caplog.set_level("INFO")
    with worker_pools.started(engine_cache, Engine(threads=1), Service(worker_pages=3, batch_pages=1)) as workers:
        workers.wait_ready()
        assert all(_replaced(workers))
        assert workers.status().restarts == 0
    assert "worker 1 was replaced after" in caplog.text


def test_without_memory_for_two_the_successor_loads_afterwards(
    engine_cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """There is a pause then, and nothing is lost in it either."""
    caplog.set_level("INFO")
    short = Limits(free_memory_mb=1 << 30)
    with worker_pools.started(
        engine_cache, Engine(threads=1), Service(worker_pages=3, batch_pages=1), short
    ) as workers:
        workers.wait_ready()
        list(_replaced(workers))
        assert workers.status().restarts == 0
    assert "worker 1 is replaced after 3 pages, and memory is short" in caplog.text


def test_a_successor_that_cannot_load_changes_nothing(
    engine_cache: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The engine has gone from the cache: the worker that has it goes on, and why is said."""
    cache = tmp_path / "cache"
    shutil.copytree(engine_cache, cache)
    with worker_pools.started(cache, Engine(threads=1), Service(worker_pages=3, batch_pages=1)) as workers:
        workers.wait_ready()
        (before,) = workers.status().pids
        shutil.rmtree(cache / "engines")
        while "cannot load its engine" not in caplog.text:
            assert worker_pools.text(workers, "Read by the old one") == "Read by the old one"
        assert workers.status().pids == (before,)
        assert workers.status().ready


def test_only_workers_that_have_read_begin_anew(engine_cache: Path) -> None:
    """For want of memory: one that has just loaded would hold no less after another load."""
    with worker_pools.started(engine_cache, Engine(threads=1)) as workers:
        workers.wait_ready()
        (before,) = workers.status().pids
        workers.renew()
        assert worker_pools.text(workers, "First page") == "First page"
        assert workers.status().pids == (before,)
        workers.renew()
        assert all(_replaced(workers))


def test_pages_held_are_bounded_by_what_may_be_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However small pages are: each is an open file. The next one waits, and is told when the pool closes."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (20, 20))
    workers = WorkerPool(CurrentConfig(Config(paths=Paths(cache=tmp_path, runtime=tmp_path))), lambda _: None)
    futures = [workers.submit(worker_pools.image("x"), PageOptions("off")) for _ in range(10)]
    with ThreadPoolExecutor(1) as thread:
        blocked = thread.submit(workers.submit, worker_pools.image("x"), PageOptions("off"))
        with pytest.raises(TimeoutError):
            blocked.result(timeout=0.2)
        workers.close()
        with pytest.raises(EngineError, match="stopping"):
            blocked.result(timeout=30)
    assert all(isinstance(future.exception(timeout=30), EngineError) for future in futures)
