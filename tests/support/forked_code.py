"""Code run in a real child process, to be killed at an exact instant or to have fewer rights; a disk that fails."""

from __future__ import annotations

import errno
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

KILLED = 99
"""Exit status of a child that came to its instant."""

NOBODY = 65_534

_TOUCHES = frozenset({"open", "os.rename", "os.link", "os.remove", "os.mkdir", "os.rmdir", "shutil.copyfile"})
"""Audit events of calls that touch the filesystem. Between two nothing changes but the bytes of an open file."""

_WRITES = os.O_CREAT | os.O_TRUNC

_LOOKS = os.O_DIRECTORY | os.O_PATH
"""Opening a folder changes nothing, and is done all the time: killed before that is killed before what comes next."""


def killed_before(touch: int, action: Callable[[], object]) -> bool:
    """Run `action` in a child that dies just before its n-th touch of the disk; False if it never got there.

    The child dies without a finally, an atexit or a flush: as by SIGKILL.
    """
    child = os.fork()
    if child == 0:
        _run_and_exit(action, touch)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in {0, KILLED}, f"the child ended with {status}; its trace is above"
    return status == KILLED


def as_nobody(action: Callable[[], object]) -> Any:  # noqa: ANN401 - whatever JSON carries
    """Return what `action` returns (as JSON) when run by a user without rights."""
    needs_root()
    return _answer(action, NOBODY)


def needs_root() -> None:
    """Skip a test here, where it would go on to become another user and cannot."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")


def _answer(action: Callable[[], object], user: int) -> Any:  # noqa: ANN401 - as above
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)

        def act() -> None:
            os.setgroups([])
            os.setgid(user)
            os.setuid(user)
            os.write(writing, json.dumps(action()).encode())

        _run_and_exit(act, None)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answer = pipe.read()
    assert os.waitpid(child, 0)[1] == 0, "the child failed; its trace is above"
    return json.loads(answer)


def _run_and_exit(action: Callable[[], object], touch: int | None) -> None:
    """End the process here, whatever happens: it is a copy of the test runner."""
    try:
        if touch is not None:
            _kill_before(touch)
        action()
    except BaseException:  # noqa: BLE001 - nothing may get out
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def _kill_before(touch: int) -> None:
    left = touch
    really, folder = os.open, None

    def opening(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:  # noqa: ANN401
        """Remember the folder, which the audit event does not tell."""
        nonlocal folder
        folder = dir_fd
        return really(path, flags, mode, dir_fd=dir_fd)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        if event in _TOUCHES and not _is_look(event, arguments):
            left -= 1
            if left == 0:
                os._exit(KILLED)
        if event == "open" and isinstance(arguments[0], str) and arguments[2] & _WRITES:
            left -= 1
            if left == 0:  # one more instant: the file is there, and empty, because not a byte is written yet
                really(arguments[0], arguments[2], 0o600, dir_fd=folder)
                os._exit(KILLED)

    os.open = opening
    sys.addaudithook(hook)


def _is_look(event: str, arguments: tuple[Any, ...]) -> bool:
    return event == "open" and bool(arguments[2] & _LOOKS) and arguments[2] & os.O_TMPFILE != os.O_TMPFILE


class FailingDisk:
    """A disk that refuses to be changed from some touch on: EIO, in this process, until it is well again."""

    def __init__(self) -> None:
        self._left = 0
        self._lasting = False
        sys.addaudithook(self._hook)  # for good: it cannot be removed

    @contextmanager
    def failing(self, touch: int, *, lasting: bool) -> Iterator[None]:
        """Let the n-th change fail, and all after it if that is `lasting`."""
        self._left, self._lasting = touch, lasting
        try:
            yield
        finally:
            self._left = 0

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._left and event in _TOUCHES and (event != "open" or arguments[2] & _WRITES):
            self._left -= 1
            if not self._left:
                self._left = 1 if self._lasting else 0
                raise OSError(errno.EIO, os.strerror(errno.EIO))
