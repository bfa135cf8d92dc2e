"""Someone who drops documents all the time, whatever happens to the folder."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path

from torture.documents import Document, Documents

_AHEAD = 10
"""Files in the inbox, at most: after a fault the service has a few to go on with, not a hundred."""
_PAUSE_SECONDS = 0.03


class Producer:
    """A thread that drops; what it knows to be in the inbox is in `dropped`."""

    def __init__(self, inbox: Path, outside: Path, seed: int, *, syncs: bool = False, stub: bool = False) -> None:
        self._inbox = inbox
        self._outside = outside
        self._syncs = syncs
        self._documents = Documents(seed, stub=stub)
        self._ended = threading.Event()
        self._allowed = threading.Event()
        self._resting = threading.Event()
        self.dropped: list[Document] = []
        self._thread = threading.Thread(target=self._run, name="producer")
        self._thread.start()

    def go_on(self) -> None:
        self._resting.clear()
        self._allowed.set()

    def pause(self) -> None:
        """Drop nothing more from now on."""
        self._allowed.clear()
        self._resting.wait()

    def close(self) -> None:
        self._ended.set()
        self._allowed.set()
        self._thread.join()

    def ahead(self, count: int) -> list[str]:
        """Return the names of the next documents; to be asked of one that rests."""
        return self._documents.ahead(count)

    def taken(self, count: int) -> list[Document]:
        """Return the next documents for somebody else to drop; to be asked of one that rests."""
        return [self._documents.next() for _ in range(count)]

    def drop(self) -> bool:
        """Rename one more document into the inbox, whole; False when the folder or the disk will not have it."""
        document = self._documents.next()
        whole, target = self._outside / "whole", self._inbox / document.name
        try:
            with whole.open("wb") as file:
                file.write(document.data)
                if self._syncs:
                    file.flush()
                    os.fsync(file.fileno())
            folder = self._inbox  # it is not ours to make, also if it goes at this moment
            for part in Path(document.name).parts[:-1]:
                folder /= part
                with contextlib.suppress(FileExistsError):
                    folder.mkdir()
            whole.rename(target)
        except OSError:
            return False
        if self._syncs:
            for folder in (target.parent, self._inbox):
                _sync(folder)
        self.dropped.append(document)
        return True

    def _run(self) -> None:
        while not self._ended.is_set():
            if not self._allowed.is_set():
                self._resting.set()
                self._allowed.wait()
                continue
            with contextlib.suppress(OSError):
                if sum(1 for _ in self._inbox.iterdir()) < _AHEAD:
                    self.drop()
            self._ended.wait(_PAUSE_SECONDS)
        self._resting.set()


def _sync(folder: Path) -> None:
    """Wait until the names in a folder are on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
