"""The watchdog library's one place: any event in an inbox sets the wake flag, and a rename is remembered as a hint.

Events are never trusted: bursts lose them without a word, so everything here only makes the next scan come sooner.
This module touches no file.
"""

from __future__ import annotations

import logging
import os
import threading
from dataclasses import dataclass
from pathlib import Path

from watchdog.events import (
    DirCreatedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers.api import ObservedWatch
from watchdog.observers.inotify import InotifyObserver

from ocrspool.wake import Wake

_log = logging.getLogger(__name__)

_ARRIVALS: list[type[FileSystemEvent]] = [
    DirCreatedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileMovedEvent,
]
_MOST_HINTS = 10_000


@dataclass(frozen=True, slots=True)
class Hint:
    """What events say about an inbox; all of it may be late, incomplete or missing."""

    arrived: bool
    renamed: frozenset[str]
    """Names, relative to the inbox, that were renamed into place."""


_NOTHING = Hint(arrived=False, renamed=frozenset())


class Watch:
    """Kernel events for the inboxes that have them."""

    def __init__(self, wake: Wake) -> None:
        self._wake = wake
        # "Full events" tells a file renamed in from outside from one created in place.
        self._observer = InotifyObserver(generate_full_events=True)
        self._handlers: dict[Path, _Arrivals] = {}
        self._watches: list[ObservedWatch] = []

    def start(self) -> None:
        """Start the observer's thread."""
        self._observer.start()

    def add(self, folder: Path, *, recursive: bool) -> bool:
        """Watch a folder; False, with the reason logged, where the kernel will not (the timer scan has to do)."""
        handler = _Arrivals(folder, self._wake)
        try:
            watch = self._observer.schedule(handler, os.fspath(folder), recursive=recursive, event_filter=_ARRIVALS)
        except OSError as error:
            _log.warning(
                "no kernel events for %s (%s): it is polled instead; fs.inotify.max_user_watches may be too low",
                folder,
                error.strerror or error,
            )
            return False
        self._handlers[folder] = handler
        self._watches.append(watch)
        return True

    def remove(self, folder: Path) -> None:
        """Stop watching a folder."""
        handler = self._handlers.pop(folder, None)
        for watch in [watch for watch in self._watches if handler and watch.path == os.fspath(folder)]:
            self._watches.remove(watch)
            self._observer.unschedule(watch)

    def hint(self, folder: Path, *, take: bool) -> Hint:
        """Return what events said since it was last taken; `take` starts anew."""
        handler = self._handlers.get(folder)
        return handler.hint(take=take) if handler else _NOTHING

    def alive(self) -> bool:
        """Tell whether events can still arrive: a thread of the library may end while the process lives on."""
        return self._observer.is_alive() and all(emitter.is_alive() for emitter in self._observer.emitters)

    def stop(self) -> None:
        """Stop watching and wait for the threads."""
        if self._observer.is_alive():
            self._observer.stop()
            self._observer.join()


class _Arrivals(FileSystemEventHandler):
    """Runs in the observer's thread, under its lock: remembers and wakes, nothing else, and never raises."""

    def __init__(self, folder: Path, wake: Wake) -> None:
        self._prefix = os.fspath(folder).rstrip("/") + "/"
        self._wake = wake
        self._lock = threading.Lock()
        self._arrived = False
        self._renamed: set[str] = set()

    def on_any_event(self, event: FileSystemEvent) -> None:
        target = os.fsdecode(event.dest_path if isinstance(event, FileMovedEvent | DirMovedEvent) else event.src_path)
        if not target.startswith(self._prefix):  # renamed out of the inbox: by us, as a rule
            return
        with self._lock:
            self._arrived = True
            if (
                isinstance(event, FileMovedEvent) and len(self._renamed) < _MOST_HINTS
            ):  # past that, the settle time has to do
                self._renamed.add(target[len(self._prefix) :])
        self._wake.set()

    def hint(self, *, take: bool) -> Hint:
        with self._lock:
            found = Hint(self._arrived, frozenset(self._renamed))
            if take:
                self._arrived, self._renamed = False, set()
        return found
