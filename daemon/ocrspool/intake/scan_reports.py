"""What the scans of one inbox have found that people should know: said once in the log, and kept for the status.

The thread of the inbox writes it. The main thread may read it: each list is copied at once.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ocrspool.files import names
from ocrspool.intake.scanner import Scan
from ocrspool.observability.snapshot import Queue
from ocrspool.spool.snapshot import FileSnapshot

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Unclaimable:
    """Why a file cannot be claimed, and when it came, in seconds of the epoch."""

    text: str
    since: float


class ScanReports:
    """The reports of one inbox."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._problems: list[str] = []
        self._unclaimable: dict[str, _Unclaimable] = {}
        """The files that cannot be claimed, by name. The log has named each of them once."""
        self._to_try_again = 0
        """How many of the settled files are among them."""
        self._held: frozenset[str] = frozenset()
        """Names of files that wait for their writer, as far as the last scan knows."""
        self._said: frozenset[str] = frozenset()
        """Names of open files of which the log has said that they wait."""
        self._overdue: frozenset[str] = frozenset()
        """Names of open files that have waited for too long."""

    def report(self, scan: Scan, written: Mapping[str, int], writer_seconds: float) -> None:
        """Take note of a scan, and say what is new."""
        if self._unclaimable:
            there = {seen.name for seen in scan.settled}
            self._unclaimable = {name: why for name, why in self._unclaimable.items() if name in there}
        self._to_try_again = len(self._unclaimable)
        self._report_open(scan, written, writer_seconds)
        for problem in scan.problems:
            if problem not in self._problems:
                _log.warning("inbox %s: %s", self._name, names.printable(problem))
        if self._problems and not scan.problems:
            _log.info("inbox %s can be read again", self._name)
        self._problems = scan.problems

    def _report_open(self, scan: Scan, written: Mapping[str, int], writer_seconds: float) -> None:
        """Say once of each file that it waits for its writer, and once that it has waited for too long."""
        for name in sorted(scan.held - self._said):
            _log.info("inbox %s: %s is still open for writing and waits", self._name, names.printable(name))
        for name in sorted(scan.overdue - self._overdue):
            _log.warning(
                "inbox %s: %s is still open for writing, but has not changed for %g s: it is read as it is",
                self._name,
                names.printable(name),
                writer_seconds,
            )
        self._said = scan.held | (self._said & written.keys())
        self._held, self._overdue = scan.held, scan.overdue

    def has_problems(self) -> bool:
        """Tell whether anything could not be looked at when the inbox was scanned last."""
        return bool(self._problems)

    def claims(self, seen: FileSnapshot) -> None:
        """Take note that this settled file is to be claimed now."""
        self._to_try_again -= seen.name in self._unclaimable

    def claimed(self, seen: FileSnapshot) -> None:
        """Take note that it has been claimed."""
        self._unclaimable.pop(seen.name, None)

    def cannot_claim(self, seen: FileSnapshot, error: OSError) -> None:
        """Say once why a file stays where it is."""
        why = f"{names.printable(seen.name)}: {error.strerror}"
        if isinstance(error, PermissionError):
            why += "; the service has to have write permission for its folder"
        if seen.name not in self._unclaimable:
            _log.error("inbox %s: cannot claim %s", self._name, why)
        self._unclaimable[seen.name] = _Unclaimable(why, seen.ctime_ns / 1e9)

    def queue(self, waiting: int, oldest: float | None, root: Path) -> Queue:
        """Return what waits, where so many files do, since then the oldest settled one, and `root` is the inbox."""
        unclaimable, closed = list(self._unclaimable.values()), list(self._closed(root))
        claimable = max(0, waiting - self._to_try_again)
        whys = [why.text for why in unclaimable] + closed
        since = [why.since for why in unclaimable]
        if claimable and oldest is not None:
            since.append(oldest)
        return Queue(
            waiting=claimable,
            oldest=min(since, default=None),
            open=len(self._held),
            unclaimable=len(whys),
            unclaimable_reason=names.printable(whys[0]) if whys else "",
        )

    def unreadable(self, root: Path) -> str:
        """Return why the inbox itself could not be looked at when it was scanned last; "" where it could."""
        return next((text for text in self._problems if text.startswith((f"the inbox {root} ", f"{root}: "))), "")

    def _closed(self, root: Path) -> Iterable[str]:
        """Return the folders in the inbox that could not be looked into when it was scanned last, with the reason."""
        whole = self.unreadable(root)
        return [problem for problem in self._problems if problem != whole]
