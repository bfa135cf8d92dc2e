"""Long files that a host keeps between two parts of them: in memory files, few, and not for long.

A document is confidential: nothing here is on a disk. What is kept goes when the service says that it is done with it,
when the node ends, when nobody has asked for it for a while (the service may be lost), and when newer ones need room.
"""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

IDLE_SECONDS = 120.0
"""A file that nobody asks for so long is dropped. A part of 16 pages takes seconds."""
_MOST_FILES = 16
_MOST_BYTES = 256 << 20
"""Four of the largest that travel (recognition/hosts/whole_files.py)."""


@dataclass(slots=True)
class _Kept:
    descriptor: int
    size: int
    used: float
    """When it was last asked for, by the clock."""


class KeptFiles:
    """Memory files by a key that the service has chosen. Any thread may call it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._files: OrderedDict[str, _Kept] = OrderedDict()
        """The one that was asked for last is the last one."""
        self._changing = threading.Lock()

    def keep(self, key: str, descriptor: int) -> bool:
        """Keep a copy of a descriptor. Return False where the file is too large for that."""
        size = os.fstat(descriptor).st_size
        if size > _MOST_BYTES:
            return False
        with self._changing:
            self._drop(key)
            self._files[key] = _Kept(os.dup(descriptor), size, self._clock())
            while len(self._files) > _MOST_FILES or self._bytes() > _MOST_BYTES:
                self._drop(next(iter(self._files)))
        return True

    def opened(self, key: str) -> int | None:
        """Return a descriptor of a file, which the caller closes; None where it is not here any more."""
        with self._changing:
            found = self._files.get(key)
            if found is None:
                return None
            found.used = self._clock()
            self._files.move_to_end(key)
            return os.dup(found.descriptor)

    def forget(self, key: str) -> None:
        """Drop a file, if it is here. Who has it open reads on."""
        with self._changing:
            self._drop(key)

    def drop_idle(self) -> None:
        """Drop what nobody has asked for lately."""
        with self._changing:
            for key in [key for key, kept in self._files.items() if self._clock() - kept.used >= IDLE_SECONDS]:
                self._drop(key)

    def close(self) -> None:
        """Drop all."""
        with self._changing:
            for key in list(self._files):
                self._drop(key)

    def __len__(self) -> int:
        return len(self._files)

    def _bytes(self) -> int:
        return sum(kept.size for kept in self._files.values())

    def _drop(self, key: str) -> None:
        kept = self._files.pop(key, None)
        if kept is not None:
            os.close(kept.descriptor)
