"""Locks on files that may be removed meanwhile."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ocrspool.files import file_lock
from support.cached_engines import held_elsewhere, waits_for_a_lock
from support.waiting import wait_until


def test_one_alone_or_several_together(tmp_path: Path) -> None:
    """Who holds a lock alone keeps everyone out; who shares it keeps out whoever wants it alone."""
    path = tmp_path / "lock"
    path.touch()
    with held_elsewhere(path):
        for shared in (False, True):
            with pytest.raises(file_lock.LockedError, match=r"lock is locked by process \d+ \(\w+"):
                file_lock.take(path, shared=shared)
        assert file_lock.is_held(path)
        assert file_lock.is_held(path, by_anyone=True)
    with held_elsewhere(path, shared=True):
        with pytest.raises(file_lock.LockedError):
            file_lock.take(path)
        assert not file_lock.is_held(path)
        assert file_lock.is_held(path, by_anyone=True)
        with file_lock.held(path, shared=True) as mine, file_lock.held(path) as alone:
            assert (mine, alone) == (True, False)
    assert not file_lock.is_held(path, by_anyone=True)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """It is not held; it is made where that is wanted; else nothing needs to be locked."""
    path = tmp_path / "lock"
    assert not file_lock.is_held(path, by_anyone=True)
    with pytest.raises(FileNotFoundError):
        file_lock.take(path)
    with file_lock.held(path) as mine:
        assert mine
    assert not path.exists()
    with file_lock.held(path, flags=file_lock.NEW_LOCK) as mine:
        assert mine
        assert file_lock.is_held(path)
    assert path.exists()


def test_folders_can_be_locked(tmp_path: Path) -> None:
    """An import locks the folder that it unpacks into."""
    with file_lock.held(tmp_path):
        assert file_lock.is_held(tmp_path)
    assert not file_lock.is_held(tmp_path, by_anyone=True)


WAIT = """
import os, pathlib, sys
from ocrspool.files import file_lock
flags = file_lock.NEW_LOCK if sys.argv[2] == "new" else os.O_RDONLY
try:
    descriptor = file_lock.take(pathlib.Path(sys.argv[1]), seconds=60, flags=flags)
except FileNotFoundError:
    print("gone", flush=True)
else:
    print("held", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize(("flags", "said"), [("new", b"held\n"), ("old", b"gone\n")])
def test_a_lock_that_is_removed_while_it_is_waited_for(tmp_path: Path, flags: str, said: bytes) -> None:
    """Whoever waited gets the lock that others will ask for, or learns that there is none, but not a removed file's."""
    path = tmp_path / "lock"
    holder = file_lock.take(path, flags=file_lock.NEW_LOCK)
    command = [sys.executable, "-c", WAIT, os.fspath(path), flags]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as waiter:
        wait_until(lambda: waits_for_a_lock(waiter.pid, path))
        path.unlink()
        os.close(holder)
        assert waiter.stdout is not None
        assert waiter.stdout.readline() == said
        assert file_lock.is_held(path) == (flags == "new")
        waiter.communicate()


def test_a_lock_that_is_never_given_back(tmp_path: Path) -> None:
    """The wait ends, and names who has it; whoever waits is told at once."""
    path = tmp_path / "lock"
    path.touch(0o600)
    told: list[str] = []
    with held_elsewhere(path), pytest.raises(file_lock.LockedError) as caught:
        file_lock.take(path, seconds=0.2, on_wait=told.append)
    assert told == [f"waiting: {caught.value.message}"]
    assert "(python" in caught.value.message


def test_a_new_lock_is_ours_alone(tmp_path: Path) -> None:
    """Whoever can read a file can lock it."""
    os.close(file_lock.take(tmp_path / "lock", flags=file_lock.NEW_LOCK))
    assert (tmp_path / "lock").stat().st_mode & 0o777 == 0o600
