"""The only module that uses watchdog: an arrival in an inbox sets the wake flag, and a rename is remembered as a hint.

Events are never trusted, because bursts lose them. An arrival makes the next scan come sooner. An opening without a
close may delay a claim (writers.py). A folder may be deleted, renamed or mounted over while it is watched. `sees`
reports this, and the folder is watched anew. This module opens no file.
"""

from __future__ import annotations

import errno
import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileClosedNoWriteEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileMovedEvent,
    FileOpenedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import inotify_c
from watchdog.observers.api import ObservedWatch
from watchdog.observers.inotify import InotifyObserver

try:
    from watchdog.observers.inotify_move_event_grouper import InotifyMoveEventGrouper as _Pairing
except ImportError:  # version 6
    from watchdog.observers.inotify_buffer import InotifyBuffer as _Pairing  # type: ignore[import-not-found,no-redef]

from ocrspool.intake.writers import Writers
from ocrspool.processes.wakeup import WakeupEvent

_ARRIVALS: list[type[FileSystemEvent]] = [
    DirCreatedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileMovedEvent,
]
_CHANGES_OF_HANDS: list[type[FileSystemEvent]] = [
    DirDeletedEvent,
    FileClosedNoWriteEvent,
    FileDeletedEvent,
    FileOpenedEvent,
]
"""Events that wake nobody and say which files are open. (Each write has an event too; these would be too many.)"""
TELLS_OF_LOSSES = hasattr(inotify_c, "InotifyFD")
"""Whether this version of the library reports that the kernel has lost events: 7 does, 6 does not."""
_MOST_HINTS = 10_000
_PAIR_SECONDS = 0.05
"""How long the library holds an event of a file that has left its name, until it sees the new name. The kernel tells of
both in one go. All later events wait behind it, and for each new file it looks through all that wait: with its own half
second, each claim would delay the next arrival by that, and cost more the more files there are."""
_Pairing.delay = _PAIR_SECONDS


@dataclass(frozen=True, slots=True)
class WatchEvents:
    """What events say about an inbox. All of it may be late, incomplete or missing."""

    arrived: bool
    renamed: frozenset[str]
    """Names, relative to the inbox, that were renamed into place."""


_NOTHING = WatchEvents(arrived=False, renamed=frozenset())


class Watch:
    """Kernel events for the inboxes that have them."""

    def __init__(self, wake: WakeupEvent) -> None:
        self._wake = wake
        self._running = False
        self._observer: _Observer | None = None
        self._watched: dict[Path, _Watched] = {}
        self._overflow = _Overflow(self._on_overflow)
        self.overflows = 0
        """How often the kernel has lost events."""

    def start(self) -> None:
        """Be ready to watch."""
        self._running = True
        logging.getLogger("watchdog").addHandler(self._overflow)

    def _observe(self) -> _Observer:
        """Return the observer, started where it is not. Raise OSError: the kernel counts these too."""
        if self._observer is None:
            self._observer = _Observer()
            self._observer.start()
        return self._observer

    def add(self, folder: Path, *, recursive: bool) -> str:
        """Watch a folder. Return "", or why the kernel will not (polling has to do)."""
        handler = _Arrivals(folder, self._wake)
        try:
            found = folder.stat()
            observer = self._observe()
            watch = observer.watch(handler, folder, recursive=recursive)
        except OSError as error:
            return error.strerror or str(error)
        except RuntimeError as error:  # "can't start new thread"
            return str(error)
        self._watched[folder] = _Watched(watch, handler, (found.st_dev, found.st_ino))
        if recursive and _is_spent(observer, folder.parent):
            self.remove(folder)
            return "inotify watch limit reached in the folders below (fs.inotify.max_user_watches)"
        return ""

    def remove(self, folder: Path) -> None:
        """Stop watching a folder."""
        if self._observer is not None and (watched := self._watched.pop(folder, None)) is not None:
            self._observer.unschedule(watched.watch)

    def is_watching(self, folder: Path) -> bool:
        """Tell whether what happens in the folder of this name, as it is now, raises events here."""
        watched = self._watched.get(folder)
        if self._observer is None or watched is None:
            return False
        listening = {emitter.watch for emitter in self._observer.emitters if emitter.is_alive()}
        try:
            found = folder.stat()
        except OSError:
            return False
        return watched.identity == (found.st_dev, found.st_ino) and watched.watch in listening

    def hint(self, folder: Path, *, take: bool) -> WatchEvents:
        """Return what events have said since the last `take`."""
        watched = self._watched.get(folder)
        return watched.handler.hint(take=take) if watched else _NOTHING

    def written_since(self, folder: Path) -> dict[str, int]:
        """Return by name: a file that changed at this time (ns of the epoch) or later is being written to.

        Like every hint this may be incomplete or wrong.
        """
        watched = self._watched.get(folder)
        return watched.handler.written_since() if watched else {}

    def alive(self) -> bool:
        """Tell whether events still arrive: a thread of the library may end while the process lives on."""
        return self._running and (self._observer is None or self._observer.is_alive())

    def _on_overflow(self) -> None:
        self.overflows += 1
        for watched in list(self._watched.values()):
            watched.handler.force_scan()

    def stop(self) -> None:
        """Stop watching and wait for the threads."""
        self._running = False
        logging.getLogger("watchdog").removeHandler(self._overflow)
        if self._observer is not None:
            self._observer.stop()
            self._observer.join()


class _Observer(InotifyObserver):
    """Gives each event to its handler on the thread that has made it.

    The library has a queue in between, and a thread that empties it. That wakes up one thread more for each event, and
    each file has four.
    """

    def __init__(self) -> None:
        # "Full events" tells a file renamed in from outside from one created in place.
        super().__init__(generate_full_events=True)
        self._arrivals: dict[ObservedWatch, _Arrivals] = {}
        self._adding = threading.Lock()

    @property
    def event_queue(self) -> Any:  # noqa: ANN401 - what has `put`
        """Take events here."""
        return self

    def watch(self, handler: _Arrivals, folder: Path, *, recursive: bool) -> ObservedWatch:
        """Watch a folder. Raise OSError or RuntimeError."""
        with self._adding:  # its first events wait until it is known whose they are
            watch = self.schedule(
                handler, os.fspath(folder), recursive=recursive, event_filter=_ARRIVALS + _CHANGES_OF_HANDS
            )
            self._arrivals[watch] = handler
        return watch

    def unschedule(self, watch: ObservedWatch) -> None:
        """Watch a folder no more."""
        super().unschedule(watch)
        self._arrivals.pop(watch, None)

    def put(self, entry: tuple[FileSystemEvent, ObservedWatch]) -> None:
        """Let the handler of a watch know of an event."""
        event, watch = entry
        with self._adding:
            handler = self._arrivals.get(watch)
        if handler is not None:
            handler.on_any_event(event)

    def put_nowait(self, _: object) -> None:
        """Do nothing: no thread waits for the end of the queue."""

    def run(self) -> None:
        """Wait for the end."""
        self.stopped_event.wait()


def _is_spent(observer: InotifyObserver, other: Path) -> bool:
    """Tell whether no further folder can be watched. The library does not report that for subfolders."""
    try:
        observer.unschedule(observer.schedule(FileSystemEventHandler(), os.fspath(other)))
    except OSError as error:
        return error.errno == errno.ENOSPC
    return False


class _Arrivals(FileSystemEventHandler):
    """Runs in a thread of the library. It only remembers and wakes, and never raises."""

    def __init__(self, folder: Path, wake: WakeupEvent) -> None:
        self._prefix = os.fspath(folder).rstrip("/") + "/"
        self._wake = wake
        self._lock = threading.Lock()
        self._arrived = False
        self._renamed: set[str] = set()
        self._writers = Writers()

    def on_any_event(self, event: FileSystemEvent) -> None:
        name = self._inside(event.src_path)
        moved = isinstance(event, FileMovedEvent | DirMovedEvent)
        target = self._inside(event.dest_path) if moved else name
        with self._lock:
            self._note_writer(event, name, target)
            if target is None or type(event) in _CHANGES_OF_HANDS:  # renamed out of the inbox: by us, as a rule
                return
            self._arrived = True
            # Past so many, the settle time has to do.
            if isinstance(event, FileMovedEvent) and len(self._renamed) < _MOST_HINTS:
                self._renamed.add(target)
        self._wake.set()

    def _inside(self, path: str | bytes) -> str | None:
        """Return the name of a path in the inbox; None for one that is outside, or unknown."""
        path = os.fsdecode(path or "")
        return path[len(self._prefix) :] if path.startswith(self._prefix) else None

    def _note_writer(self, event: FileSystemEvent, name: str | None, target: str | None) -> None:
        """Note who has which file open. Where a folder was renamed, each file in it has an event of its own."""
        if name is None:
            if target is not None and isinstance(event, FileMovedEvent):  # from outside: another file has this name now
                self._writers.moved(target, None)
        elif isinstance(event, FileMovedEvent):
            self._writers.moved(name, target)
        elif isinstance(event, FileDeletedEvent):
            self._writers.moved(name, None)
        elif isinstance(event, DirDeletedEvent) or (isinstance(event, DirMovedEvent) and target is None):
            self._writers.gone_below(name)
        elif isinstance(event, FileCreatedEvent):
            self._writers.created(name, time.time_ns())
        elif isinstance(event, FileOpenedEvent):
            self._writers.opened(name, time.time_ns())
        elif isinstance(event, FileClosedEvent | FileClosedNoWriteEvent):
            self._writers.closed(name, written=isinstance(event, FileClosedEvent))

    def force_scan(self) -> None:
        """Ask for a scan, because events were lost."""
        with self._lock:
            self._arrived = True
            self._writers.forget()
        self._wake.set()

    def written_since(self) -> dict[str, int]:
        with self._lock:
            return self._writers.since()

    def hint(self, *, take: bool) -> WatchEvents:
        with self._lock:
            found = WatchEvents(self._arrived, frozenset(self._renamed))
            if take:
                self._arrived, self._renamed = False, set()
        return found


class _Overflow(logging.Handler):
    """Listens to the log of the library, which reports a queue that overflowed only there."""

    def __init__(self, overflowed: Callable[[], None]) -> None:
        super().__init__(logging.WARNING)
        self._overflowed = overflowed

    def emit(self, record: logging.LogRecord) -> None:
        if "overflow" in record.getMessage():
            self._overflowed()


@dataclass(frozen=True, slots=True)
class _Watched:
    watch: ObservedWatch
    handler: _Arrivals
    identity: tuple[int, int]
    """Device and inode of the watched folder. The folder of that name may be another one by now."""
