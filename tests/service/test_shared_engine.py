"""Workers that share an engine, as on a GPU: real processes, with the engine of a CPU in the GPU's place."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from ocrspool.config.current import CurrentConfig
from ocrspool.config.schema import Config
from ocrspool.config.sections import Engine, Paths, Service
from ocrspool.errors import EngineError, EngineMissingError
from ocrspool.pages import PageOptions
from ocrspool.recognition.page_json import decoded
from ocrspool.recognition.pool import WorkerPool
from support import worker_pools
from support.waiting import wait_until

pytestmark = pytest.mark.engine

SHARED = Engine(runtime="tensorrt", devices=("gpu:0",), on_no_gpu="cpu", shared="always")


def _engine(workers: WorkerPool) -> int:
    """The process with the engine."""
    pid = workers._shared["gpu:0"].pid
    assert pid is not None
    return pid


def _gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


def test_two_workers_and_one_engine(engine_cache: Path) -> None:
    """The engine's own files are open in one process; each worker reads; all processes end with the pool."""
    with worker_pools.started(engine_cache, SHARED, Service(workers=2)) as workers:
        workers.wait_ready()
        pids = (*workers.status().pids, _engine(workers))
        assert len(pids) == 3
        assert [each["workers"] for each in workers.status().engines] == [2]
        futures = [
            workers.submit(worker_pools.image(f"Page {number} here"), PageOptions("off")) for number in range(12)
        ]
        read = [decoded(future.result(timeout=60)).lines[0].text for future in futures]
        with_runtime = [pid for pid in pids if "openvino" in Path(f"/proc/{pid}/maps").read_text("utf-8")]
        assert with_runtime == [pids[-1]]
    assert read == [f"Page {number} here" for number in range(12)]
    assert all(map(_gone, pids))


def test_a_worker_that_dies_leaves_the_engine_alone(engine_cache: Path) -> None:
    with worker_pools.started(engine_cache, SHARED, Service(workers=2)) as workers:
        workers.wait_ready()
        first, _ = workers.status().pids
        engine = _engine(workers)
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: workers.status().restarts == 1 and workers.status().engines[0]["workers"] == 2, 60)
        assert _engine(workers) == engine
        assert worker_pools.text(workers, "After it") == "After it"


def test_an_engine_that_dies_between_pages_costs_none(engine_cache: Path) -> None:
    """The workers notice before they take another page."""
    with worker_pools.started(engine_cache, SHARED, Service(workers=2)) as workers:
        workers.wait_ready()
        engine = _engine(workers)
        os.kill(engine, signal.SIGKILL)
        wait_until(lambda: not workers._shared["gpu:0"].runs(1), 60)
        assert [worker_pools.text(workers, f"Read anew {number}") for number in range(4)] == [
            f"Read anew {n}" for n in range(4)
        ]
        assert _engine(workers) != engine


def test_pages_in_work_are_lost_with_their_engine(engine_cache: Path) -> None:
    """Their jobs submit them again, as after the death of a worker."""
    with worker_pools.started(engine_cache, SHARED, Service(workers=2)) as workers:
        workers.wait_ready()
        engine = _engine(workers)
        os.kill(engine, signal.SIGSTOP)
        reading = workers.submit(worker_pools.image("Lost with it"), PageOptions("off"))
        wait_until(lambda: any(supervisor._in_work for supervisor in workers._supervisors), 60)
        os.kill(engine, signal.SIGKILL)
        with pytest.raises(EngineError, match="has gone"):
            reading.result(timeout=60)
        assert worker_pools.text(workers, "Goes on") == "Goes on"


def test_an_engine_that_hangs_is_loaded_anew(engine_cache: Path) -> None:
    with worker_pools.started(engine_cache, SHARED, Service(workers=2, worker_seconds=3)) as workers:
        workers.wait_ready()
        engine = _engine(workers)
        os.kill(engine, signal.SIGSTOP)
        with pytest.raises(EngineError, match="gave no answer for 3 s"):
            worker_pools.text(workers, "Hangs")
        wait_until(lambda: _gone(engine), 60)
        wait_until(lambda: workers.status().ready, 60)
        assert worker_pools.text(workers, "Goes on") == "Goes on"


def test_what_keeps_it_from_loading_is_told_as_ever(tmp_path: Path) -> None:
    with (
        worker_pools.started(tmp_path, SHARED, Service(workers=2)) as workers,
        pytest.raises(EngineMissingError, match="no engine"),
    ):
        workers.wait_ready()


def test_a_process_that_is_killed_while_it_loads_is_told_of(engine_cache: Path) -> None:
    """As for want of memory."""
    with worker_pools.started(engine_cache, SHARED, Service(workers=2)) as workers:
        wait_until(lambda: workers._shared["gpu:0"].pid is not None, 60)
        os.kill(_engine(workers), signal.SIGKILL)
        with pytest.raises(EngineError, match="the process with the engine was killed by SIGKILL while it loaded"):
            workers.wait_ready()


def test_each_worker_has_its_own_where_that_is_set(engine_cache: Path) -> None:
    with worker_pools.started(
        engine_cache, SHARED.model_copy(update={"shared": "never"}), Service(workers=2)
    ) as workers:
        workers.wait_ready()
        assert len(workers.status().pids) == 2
        assert worker_pools.text(workers, "Own engines") == "Own engines"


@pytest.mark.parametrize(
    ("engine", "workers", "shared"),
    [
        (Engine(runtime="onnxruntime", provider="cuda", devices=("gpu:0", "gpu:1")), 2, {"gpu:0", "gpu:1"}),
        (Engine(runtime="onnxruntime", provider="cuda", devices=("gpu:0", "cpu")), 2, {"gpu:0"}),
        (Engine(runtime="onnxruntime", provider="cuda", devices=("gpu:0",)), 1, set()),
        (Engine(runtime="onnxruntime", provider="cuda", devices=("gpu:0",), shared="never"), 2, set()),
        (Engine(runtime="onnxruntime", devices=("gpu:0",)), 2, set()),
        (Engine(runtime="onnxruntime", devices=("gpu:0",), shared="always"), 2, {"gpu:0"}),
        (Engine(shared="always"), 2, set()),
    ],
)
def test_who_shares(tmp_path: Path, engine: Engine, workers: int, shared: set[str]) -> None:
    """Unless it is said otherwise: several workers of one GPU, with the provider for which that was measured."""
    config = Config(paths=Paths(cache=tmp_path, runtime=tmp_path), engine=engine, service=Service(workers=workers))
    pool = WorkerPool(CurrentConfig(config), lambda _: None)
    try:
        assert set(pool._shared) == shared
    finally:
        pool.close()


def test_memory_that_is_short_ends_the_engine_too(engine_cache: Path) -> None:
    """It holds the most. Only while no page is read, and not again before it has read one."""
    with worker_pools.started(engine_cache, SHARED, Service(workers=2)) as workers:
        workers.wait_ready()
        first = _engine(workers)
        workers.renew()
        assert _engine(workers) == first
        assert worker_pools.text(workers, "Something to do") == "Something to do"
        workers.renew()
        wait_until(lambda: _gone(first), 60)
        assert worker_pools.text(workers, "And something more") == "And something more"
