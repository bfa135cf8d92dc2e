"""Someone who opens every file of the outbox the moment that it is there: it has to be whole, and stay what it is."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path


class Consumer:
    """A thread that reads. Times are on the monotonic clock."""

    def __init__(self, outbox: Path) -> None:
        self._outbox = outbox
        self._ended = threading.Event()
        self._seen: dict[tuple[str, int, int], str] = {}
        self.versions: dict[str, set[str]] = {}
        """By name, the digests of all that ever stood there."""
        self.problems: list[str] = []
        self.arrivals: list[float] = []
        """When each result was first seen."""
        self._thread = threading.Thread(target=self._run, name="consumer")
        self._thread.start()

    def close(self) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(0.004):
            for path, there in _files(self._outbox):
                # Asking for its state is a third of the work of opening it, and there are thousands of files.
                if (path, there.st_ino, there.st_mtime_ns) not in self._seen:
                    with contextlib.suppress(OSError):  # replaced meanwhile, or its disk is away
                        self._look(path)

    def _look(self, path: str) -> None:
        name = os.path.relpath(path, self._outbox)
        with open(path, "rb") as file:  # noqa: PTH123 - of a name that may be any bytes
            found = os.fstat(file.fileno())
            key = (path, found.st_ino, found.st_mtime_ns)
            if key in self._seen:
                return
            data = file.read()
        self._seen[key] = digest = hashlib.sha256(data).hexdigest()
        if name not in self.versions:
            self.arrivals.append(time.monotonic())
        self.versions.setdefault(name, set()).add(digest)
        try:
            whole = json.loads(data)["schema"] == "ocrspool-result/1"
        except (ValueError, KeyError, TypeError):
            whole = False
        if not whole or not name.endswith(".json"):
            self.problems.append(f"{name}: no whole result: {data[:60]!r}")


def hidden(path: Path) -> bool:
    """Tell whether a consumer passes it over: on another filesystem, results are made in a hidden folder."""
    return any(part.startswith(".") for part in path.parts)


def _files(folder: str | Path) -> Iterator[tuple[str, os.stat_result]]:
    """Yield the files in a folder and below, each with its state. What cannot be read is passed over."""
    try:
        with os.scandir(folder) as entries:
            found = list(entries)
    except OSError:
        return
    for entry in found:
        with contextlib.suppress(OSError):
            if entry.is_dir(follow_symlinks=False):
                if not hidden(Path(entry.name)):
                    yield from _files(entry.path)
            elif not entry.is_symlink():
                yield entry.path, entry.stat(follow_symlinks=False)
