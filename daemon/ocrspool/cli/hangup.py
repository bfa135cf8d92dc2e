"""Let a long command continue when its terminal, or the reader of its output, goes away."""

from __future__ import annotations

import contextlib
import os
import signal
import stat
import sys
import threading
from collections.abc import Iterator
from typing import TextIO

_LAST_WORDS_SECONDS = 2.0


@contextlib.contextmanager
def lasting() -> Iterator[TextIO]:
    """Give the stream to show progress on; writing to it may raise OSError once it has gone.

    Whoever started a build of half an hour over a connection that broke still wants the engine. So a hang-up is
    ignored; and child processes, whose libraries print what they like and fail where they cannot, write into a pipe
    that always takes it. SIGTERM ends it as Ctrl-C does: by KeyboardInterrupt, so that everything is put in order.
    """
    hang_up = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    end = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with _relayed(1), _relayed(2) as kept:
            stream = open(kept, "w", encoding=sys.stderr.encoding, errors="backslashreplace", closefd=False)  # noqa: SIM115 - closing it may fail, too
            try:
                yield stream
            finally:
                with contextlib.suppress(OSError):
                    stream.close()
    finally:
        signal.signal(signal.SIGHUP, hang_up)
        signal.signal(signal.SIGTERM, end)


@contextlib.contextmanager
def _relayed(number: int) -> Iterator[int]:
    """Put a pipe in the place of a descriptor that may go away, and pass on what comes; give the descriptor itself."""
    (sys.stdout if number == 1 else sys.stderr).flush()
    if not _may_go_away(number):
        yield number
        return
    kept = os.dup(number)
    terminal = os.isatty(kept)
    end, begin = os.pipe()
    os.dup2(begin, number)
    os.close(begin)
    relay = threading.Thread(target=_pass_on, args=(end, kept), name="relay", daemon=True)
    relay.start()
    try:
        yield kept
    finally:
        if terminal and not os.isatty(kept):  # hung up: what comes later would fail, too
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, number)
            os.close(nowhere)
        else:
            os.dup2(kept, number)
        relay.join(_LAST_WORDS_SECONDS)  # a process that outlives the command may still have the pipe open
        os.close(kept)


def _may_go_away(number: int) -> bool:
    """Tell whether it is a terminal or a pipe: a file stays, and so does the journal's socket."""
    try:
        return os.isatty(number) or stat.S_ISFIFO(os.fstat(number).st_mode)
    except OSError:
        return False


def _pass_on(end: int, kept: int) -> None:
    while data := os.read(end, 1 << 16):
        with contextlib.suppress(OSError):
            os.write(kept, data)
    os.close(end)
