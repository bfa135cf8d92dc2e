"""Models built in processes of their own: each comes as it is done; one that fails or dies does not stop the others."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ocrspool.engine.build import parallel
from ocrspool.engine_request import Settings
from ocrspool.errors import EngineError
from support.process_table import children_of, lives
from support.waiting import wait_until

RUNTIME = """
import os, signal
from ocrspool.errors import EngineError

def build(spec, folder, settings):
    if spec.name == "refused":
        raise EngineError("no such layer", "use another model")
    if spec.name == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    begun = folder / "begun.part"
    begun.write_text(str(os.getpid()))
    begun.rename(folder / "begun")
    others = [folder.parent / name for name in spec.waits_for]
    while not all(other.is_file() for other in others):
        os.sched_yield()
    (folder / "engine").write_text(f"{os.getpid()} {settings.batch_lines}")
    (folder.parent / spec.name).write_text("")
"""

PARENT = """
from pathlib import Path
from types import SimpleNamespace
from ocrspool.engine.build import parallel
from ocrspool.engine_request import Settings

if __name__ == "__main__":
    job = (SimpleNamespace(name="endless", waits_for=("never",)), Path({folder!r}))
    list(parallel.build({module!r}, [job], Settings(threads=1)))
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A runtime of the test's own, which the new processes import as they do a real one."""
    (tmp_path / "runtime_made_here.py").write_text(RUNTIME, "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    return "runtime_made_here"


def _jobs(folder: Path, **models: tuple[str, ...]) -> list[Any]:
    jobs = []
    for name, waits_for in models.items():
        (folder / f"of-{name}").mkdir()
        jobs.append((SimpleNamespace(name=name, waits_for=waits_for), folder / f"of-{name}"))
    return jobs


def _built(module: str, jobs: list[Any], threads: int = 4) -> dict[str, float | EngineError]:
    return {
        spec.name: outcome for spec, outcome in parallel.build(module, jobs, Settings(threads=threads, batch_lines=7))
    }


def test_they_run_at_the_same_time(module: str, tmp_path: Path) -> None:
    """The first waits for the second to be done: one after the other they would wait for ever."""
    jobs = _jobs(tmp_path, first=("second",), second=())
    built = _built(module, jobs)
    assert set(built) == {"first", "second"}
    assert all(isinstance(seconds, float) for seconds in built.values())
    pids = {(folder / "engine").read_text().split()[0] for _, folder in jobs}
    assert len(pids | {str(os.getpid())}) == 3
    assert all((folder / "engine").read_text().endswith(" 7") for _, folder in jobs)


def test_one_that_fails_leaves_the_others_alone(module: str, tmp_path: Path) -> None:
    """An error arrives as it was raised, a death as an error that says so, and the rest is built."""
    built = _built(module, _jobs(tmp_path, refused=(), killed=(), whole=()))
    assert isinstance(built["whole"], float)
    refused, killed = built["refused"], built["killed"]
    assert isinstance(refused, EngineError)
    assert (refused.message, refused.hint) == ("no such layer", "use another model")
    assert isinstance(killed, EngineError)
    assert "built killed died" in killed.message


def test_no_more_at_a_time_than_there_are_threads(module: str, tmp_path: Path) -> None:
    """With one thread they come one after the other, in their order."""
    names = list(_built(module, _jobs(tmp_path, one=(), two=("one",), three=("two",)), threads=1))
    assert names == ["one", "two", "three"]


def test_the_processes_end_with_their_parent(module: str, tmp_path: Path) -> None:
    """A build that is killed leaves no process behind that goes on for a quarter of an hour."""
    ((_, folder),) = _jobs(tmp_path, endless=("never",))
    script = tmp_path / "parent.py"
    script.write_text(PARENT.format(module=module, folder=str(folder)), "utf-8")
    path = {"PYTHONPATH": ":".join([str(tmp_path), *sys.path])}
    parent = subprocess.Popen([sys.executable, script], env={**os.environ, **path})
    try:
        wait_until((folder / "begun").is_file, 30)
        children = children_of(parent.pid)
        assert int((folder / "begun").read_text()) in children
    finally:
        parent.kill()
        parent.wait()
    wait_until(lambda: not any(lives(child) for child in children), 10)
