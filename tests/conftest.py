"""Fixtures that several folders share."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import cast

import pytest

from support.daemon_process import Daemon, NewDaemon, ocrspool

_FAST = ("unit", "test_imports.py", "test_layout.py")
_NOT_FAST = {"crash", "engine", "root", "slow", "systemd"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what `scripts/test fast` runs: the unit tests that have none of the other markers, and two more files."""
    for item in items:
        inside = item.path.relative_to(Path(__file__).parent)
        if inside.parts[0] in _FAST and not _NOT_FAST & {mark.name for mark in item.iter_markers()}:
            item.add_marker("fast")


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, dict[str, object] | None, dict[str, object] | None]:
    """Escape what UTF-8 cannot express: captured logs hold names of any bytes, and pytest-xdist refuses those."""
    report = yield
    return report and cast("dict[str, object]", _escaped(report))


def _escaped(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, dict):
        return {_escaped(key): _escaped(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_escaped(each) for each in value)
    return value


@pytest.fixture(scope="session")
def engine_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An engine cache, built once by the real `prebuild` for all tests that only read it.

    Processes of pytest-xdist, whose folders lie side by side, share one: the first builds it, the others wait.
    """
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "engines"
    folder.mkdir(exist_ok=True)
    config = folder / "ocrspool.toml"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not config.exists():
            made = folder / "new.toml"
            made.write_text("[paths]\ncache = 'cache'\nruntime = 'run'\n[inbox.default]\nroot = 'spool'\n", "utf-8")
            built = ocrspool("prebuild", "--config", made, seconds=300)
            assert built.returncode == 0, built.stderr
            made.rename(config)
    return folder / "cache"


@pytest.fixture
def new_daemon(tmp_path: Path, engine_cache: Path) -> Iterator[NewDaemon]:
    """Makes services for one test, and sees to it that they end and leave nothing behind."""
    with contextlib.ExitStack() as daemons:

        def make(name: str = "d", **options: object) -> Daemon:
            daemon = Daemon(tmp_path / name, **{"cache": engine_cache, **options})  # type: ignore[arg-type] # as Daemon states them
            daemons.callback(daemon.close)  # whatever becomes of the others
            return daemon

        yield make


@pytest.fixture(scope="session", autouse=True)
def ctrl_c() -> Iterator[None]:
    """SIGINT means something to the processes of tests, also where a shell started these in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session", autouse=True)
def umask() -> Iterator[None]:
    """Files made here are as readable as those of most users."""
    before = os.umask(0o022)
    yield
    os.umask(before)
