"""Workers that share an engine, as on a GPU: real processes, with the engine of a CPU in the GPU's place."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ocrspool.config.current import CurrentConfig
from ocrspool.config.schema import Config
from ocrspool.config.sections import Engine, Paths, Service
from ocrspool.decoding.child.page import memory_file
from ocrspool.errors import EngineError, EngineMissingError
from ocrspool.pages import PageImage, PageOptions
from ocrspool.recognition.page_json import decoded
from ocrspool.recognition.pool import WorkerPool
from support.drawn_pages import page
from support.waiting import wait_until

pytestmark = pytest.mark.engine

SHARED = Engine(runtime="tensorrt", devices=("gpu:0",), on_no_gpu="cpu")


@contextmanager
def _pool(cache: Path, service: Service, engine: Engine = SHARED) -> Iterator[WorkerPool]:
    config = Config(paths=Paths(cache=cache, runtime=cache), engine=engine, service=service)
    workers = WorkerPool(CurrentConfig(config), lambda _: None)
    workers.start()
    try:
        yield workers
    finally:
        workers.close()


def _image(*lines: str) -> PageImage:
    image = page(*lines)
    width, height = image.size
    return PageImage(1, width, height, 1, width, height, None, fd=memory_file([image.tobytes()]))


def _text(workers: WorkerPool, *lines: str) -> str:
    found = workers.submit(_image(*lines), PageOptions("off")).result(timeout=60)
    return " ".join(line.text for line in decoded(found).lines)


def _engine(workers: WorkerPool) -> int:
    """The process with the engine: the last one that is told."""
    return workers.status().pids[-1]


def _gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


def test_two_workers_and_one_engine(engine_cache: Path) -> None:
    """The engine's own files are open in one process; each worker reads; all processes end with the pool."""
    with _pool(engine_cache, Service(workers=2)) as workers:
        workers.wait_ready()
        pids = workers.status().pids
        assert len(pids) == 3
        assert [each["workers"] for each in workers.status().engines] == [2]
        futures = [workers.submit(_image(f"Page {number} here"), PageOptions("off")) for number in range(12)]
        read = [decoded(future.result(timeout=60)).lines[0].text for future in futures]
        with_runtime = [pid for pid in pids if "openvino" in Path(f"/proc/{pid}/maps").read_text("utf-8")]
        assert with_runtime == [pids[-1]]
    assert read == [f"Page {number} here" for number in range(12)]
    assert all(map(_gone, pids))


def test_a_worker_that_dies_leaves_the_engine_alone(engine_cache: Path) -> None:
    with _pool(engine_cache, Service(workers=2)) as workers:
        workers.wait_ready()
        first, _, engine = workers.status().pids
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: workers.status().restarts == 1 and workers.status().engines[0]["workers"] == 2, 60)
        assert _engine(workers) == engine
        assert _text(workers, "After it") == "After it"


def test_an_engine_that_dies_is_loaded_anew(engine_cache: Path) -> None:
    """The workers find out by themselves, also those that have nothing to do."""
    with _pool(engine_cache, Service(workers=2)) as workers:
        workers.wait_ready()
        engine = _engine(workers)
        os.kill(engine, signal.SIGKILL)
        with pytest.raises(EngineError, match="has gone"):
            _text(workers, "Lost with it")
        wait_until(lambda: _engine(workers) != engine, 60)
        assert [_text(workers, f"Read again {number}") for number in range(4)] == [f"Read again {n}" for n in range(4)]


def test_an_engine_that_hangs_is_loaded_anew(engine_cache: Path) -> None:
    with _pool(engine_cache, Service(workers=2, worker_seconds=3)) as workers:
        workers.wait_ready()
        engine = _engine(workers)
        os.kill(engine, signal.SIGSTOP)
        with pytest.raises(EngineError, match="gave no answer for 3 s"):
            _text(workers, "Hangs")
        wait_until(lambda: _gone(engine), 60)
        wait_until(lambda: workers.status().ready, 60)
        assert _text(workers, "Goes on") == "Goes on"


def test_what_keeps_it_from_loading_is_told_as_ever(tmp_path: Path) -> None:
    with _pool(tmp_path, Service(workers=2)) as workers, pytest.raises(EngineMissingError, match="no engine"):
        workers.wait_ready()


def test_each_worker_has_its_own_where_that_is_set(engine_cache: Path) -> None:
    with _pool(engine_cache, Service(workers=2), SHARED.model_copy(update={"shared": False})) as workers:
        workers.wait_ready()
        assert len(workers.status().pids) == 2
        assert _text(workers, "Own engines") == "Own engines"
