"""Which files somebody has open for writing, as far as kernel events tell. Pure: it is told of events.

An event says that a file was opened, and not for what; only the last event says that it had been open for writing
(IN_CLOSE_WRITE, inotify(7)). So a file counts as being written to in three cases:
1. its creation was seen, then an opening, and no close since: who creates a file by opening it writes to it,
2. an opening was seen, no close since, and the file has changed since that opening,
3. its creation was seen without an opening, no close since, and the file has changed since. That happens in a folder
   which is so new that its first events were missed. A hard link made of a whole file is created like that too, but it
   does not change.

Events get lost, and equal ones are merged by the kernel and by the library. A wrong count may only delay a claim, and
the scanner bounds that delay.
"""

from __future__ import annotations

from dataclasses import dataclass

_MOST_NAMES = 10_000
"""Of more files the oldest is forgotten. Then only the settle time protects it."""
_SLACK_NS = 1_000_000_000
"""An event arrives a little later than it happened."""
_ALWAYS = -(1 << 63)
"""Earlier than any time of a file."""


@dataclass(slots=True)
class _Opening:
    at_ns: int
    """When it was created or opened, in nanoseconds of the epoch."""
    created: bool
    opens: int

    @property
    def since_ns(self) -> int:
        """A file that changed at this time or later is being written to."""
        if self.opens:
            return _ALWAYS if self.created else self.at_ns - _SLACK_NS
        return self.at_ns + 1


class Writers:
    """What is known of one inbox. Names are relative to it. Not safe for threads: the caller has a lock."""

    def __init__(self) -> None:
        self._open: dict[str, _Opening] = {}

    def created(self, name: str, at_ns: int) -> None:
        """Note that a file of this name has appeared: by open(2), whose event comes next, or as a link."""
        self._open.pop(name, None)  # so that the new one is the youngest
        self._keep(name, _Opening(at_ns, created=True, opens=0))

    def opened(self, name: str, at_ns: int) -> None:
        """Note that somebody has opened it, to read or to write."""
        if (known := self._open.get(name)) is None:
            self._keep(name, _Opening(at_ns, created=False, opens=1))
        else:
            known.opens += 1

    def closed(self, name: str, *, written: bool) -> None:
        """Note that somebody has closed it; `written` says that it had been open for writing."""
        known = self._open.get(name)
        if known is None:
            return
        known.opens -= 1
        if written or known.opens <= 0:
            del self._open[name]

    def moved(self, name: str, to: str | None) -> None:
        """Note that a file has another name now, or (None) has left the inbox. It stays open for its writers."""
        known = self._open.pop(name, None)
        if to is None:
            return
        self._open.pop(to, None)
        if known is not None:
            self._keep(to, known)

    def gone_below(self, folder: str) -> None:
        """Note that a folder has left the inbox, or was removed."""
        for name in [name for name in self._open if name.startswith(folder + "/")]:
            del self._open[name]

    def forget(self) -> None:
        """Forget everything, because events were lost."""
        self._open.clear()

    def since(self) -> dict[str, int]:
        """Return by name: a file that changed at this time (ns of the epoch) or later is being written to."""
        return {name: opening.since_ns for name, opening in self._open.items()}

    def _keep(self, name: str, opening: _Opening) -> None:
        if len(self._open) >= _MOST_NAMES:
            del self._open[next(iter(self._open))]
        self._open[name] = opening
