"""Which hosts there are, which of them may read, and which one gets the next page. Pure: no thread, no process."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ocrspool.config.schema import Config
from ocrspool.decoding.facts import decoding_difference
from ocrspool.recognition.hosts.answers import HostReport
from ocrspool.recognition.hosts.file_queue import FileTask
from ocrspool.recognition.hosts.identity import asked, compared, difference, missing_reader
from ocrspool.recognition.hosts.program import code, other_program
from ocrspool.recognition.hosts.transport_choice import HostWay
from ocrspool.recognition.page_queue import PageTask

State = Literal["in", "out", "refused", "leaving"]

Task = PageTask | FileTask
"""What a host is asked to do."""

_SMOOTH = 0.1
"""The weight of the newest page in the mean of the seconds on the wire."""


@dataclass(slots=True, eq=False)
class Host:
    """One host, from the first time that it was seen."""

    name: str
    address: str = ""
    state: State = "out"
    reason: str = ""
    """Why it does not read."""
    report: HostReport | None = None
    """What it said of itself last."""
    since: float = 0.0
    """When its state last changed, in seconds of the epoch."""
    link: float = 0.0
    """Bytes a second that the way to it carries; 0 if that was not measured."""
    link_measured: float = 0.0
    """When that was, in seconds of the epoch."""
    in_work: dict[int, Task] = field(default_factory=dict)
    """The pages and files that it has, by number."""
    pages: int = 0
    """Pages that it has read for this service."""
    wire_seconds: float | None = None
    """What a page or a file took beyond the time at the host, on average; what was read lately counts most."""
    sent_bytes: int = 0
    """Pixels and files that it has got."""
    files: int = 0
    """Whole files, or parts of them, that it has decoded and read."""
    no_files: str = ""
    """Why it gets pages only; "" if it may get whole files."""
    wait_seconds: float = 0.0
    """How long a file waits there for a decoder, on average."""

    def pages_in_work(self) -> int:
        """Return how many pages it has, as far as is known of its files."""
        return sum(task.pages if isinstance(task, FileTask) else 1 for task in self.in_work.values())

    def room(self, host_pages: int) -> int:
        """Return how many more pages it may get now."""
        if self.state != "in" or self.report is None or any(task.alone for task in self.in_work.values()):
            return 0
        return max(0, self.report.workers * host_pages - self.pages_in_work())


class Roster:
    """All hosts, by name."""

    def __init__(
        self,
        config: Config,
        local_engine: Callable[[], Mapping[str, Any] | None],
        clock: Callable[[], float] = time.time,
        decoding: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        """`local_engine` returns the facts of this machine's own engine, once that is loaded.

        `decoding` returns what decoding depends on here, and a host that gets files has to have the same.
        """
        self._cluster = config.cluster
        self._engine = config.engine
        self._asked = asked(config.engine)
        self._has_local = bool(config.engine.devices)
        self._local_engine = local_engine
        self._decoding = decoding
        self._clock = clock
        self._first: tuple[str, dict[str, str]] | None = None
        """Where no engine is on this machine: the first host that came, and what all others have to have then."""
        self._code = code()
        self.dask = ""
        """The version of Dask on this machine, once the bridge has told it."""
        self.hosts: dict[str, Host] = {}

    @property
    def files_wanted(self) -> bool:
        """Whether hosts are to get whole files at all."""
        return self._cluster.files != "never"

    def report(self, name: str, address: str, report: HostReport, link: float = 0.0) -> tuple[Host, bool]:
        """Take what a host says of itself, and how many bytes a second the way to it carries.

        Return the host, and whether its state or a reason of it has changed.
        """
        host = self.hosts.setdefault(name, Host(name))
        host.address, host.report, host.link = address, report, link
        no_files, host.no_files = host.no_files, self._no_files(report)
        is_news = self._set(host, *self._judged(report))
        return host, is_news or (host.state == "in" and host.no_files != no_files)

    def gone(self, name: str, reason: str) -> tuple[Host, bool, list[Task]]:
        """Take note that a host is away. Return it, whether it had not been away, and what it had."""
        host = self.hosts.setdefault(name, Host(name))
        tasks = list(host.in_work.values())
        host.in_work.clear()
        return host, self._set(host, "out", reason), tasks

    def next_host(self, *, for_a_file: bool = False) -> Host | None:
        """Return the host that is to get the next page or file: the one with the least share of its room in use."""
        each = self._cluster.host_pages
        fit = [host for host in (self.take_files() if for_a_file else self.hosts.values()) if host.room(each)]
        return min(fit, key=lambda host: host.pages_in_work() / host.room(each), default=None)

    def take_files(self) -> list[Host]:
        """Return the hosts that decode whole files, whether they have room now or not."""
        return [host for host in self.admitted() if not host.no_files]

    def ways(self) -> list[HostWay]:
        """Return the way of whole files to each of these hosts."""
        return [HostWay(host.link, host.wait_seconds) for host in self.take_files()]

    def take(self, number: int) -> tuple[Host, Task] | None:
        """Return the host and the task of a number. None where nobody waits for it: the host was given up before."""
        for host in self.hosts.values():
            if (task := host.in_work.pop(number, None)) is not None:
                return host, task
        return None

    def read(self, host: Host, wire_seconds: float) -> None:
        """Take note that a host has read a page."""
        host.pages += 1
        _note_wire(host, wire_seconds)

    def read_file(self, host: Host, pages: int, wait_seconds: float, wire_seconds: float) -> None:
        """Take note that a host has read so many pages of a file, which waited so long for a decoder there."""
        host.files += 1
        host.pages += pages
        _note_wire(host, wire_seconds)
        host.wait_seconds += _SMOOTH * (wait_seconds - host.wait_seconds)

    def admitted(self) -> list[Host]:
        """Return the hosts that read."""
        return [host for host in self.hosts.values() if host.state == "in"]

    def refused(self) -> list[Host]:
        """Return the hosts that may not read."""
        return [host for host in self.hosts.values() if host.state == "refused"]

    def room(self) -> int:
        """Return how many pages all hosts together may have."""
        each = self._cluster.host_pages
        return sum(each * host.report.workers for host in self.admitted() if host.report is not None)

    def _judged(self, report: HostReport) -> tuple[State, str]:
        if report.leaving:
            return "leaving", "it is about to end"
        if why := other_program(report, self._code, self.dask):
            return "refused", why
        if not report.engines:
            return "out", "none of its workers has an engine"
        if why := difference(report, self._asked, "asked for here", exactly=False):
            return "refused", why
        if why := missing_reader(report, self._engine):
            return "refused", why
        where, wanted = self._wanted(report)
        if wanted is None:
            return "out", "the engine of this machine is still loading"
        if why := difference(report, wanted, where, exactly=True):
            return "refused", why
        return "in", ""

    def _no_files(self, report: HostReport) -> str:
        if not self.files_wanted:
            return 'cluster.files is "never"'
        return decoding_difference(report.decoding, self._decoding())

    def _wanted(self, report: HostReport) -> tuple[str, dict[str, str] | None]:
        if self._has_local:
            facts = self._local_engine()
            return "here", None if facts is None else compared(facts)
        if self._first is None:
            self._first = (report.name, compared(report.engines[0]))
        name, wanted = self._first
        return f"on {name}, which came first,", wanted

    def _set(self, host: Host, state: State, reason: str) -> bool:
        if (host.state, host.reason) == (state, reason) and host.since:
            return False
        host.since = self._clock() if host.state != state or not host.since else host.since
        host.state, host.reason = state, reason
        return True


def _note_wire(host: Host, seconds: float) -> None:
    before = seconds if host.wire_seconds is None else host.wire_seconds
    host.wire_seconds = before + _SMOOTH * (seconds - before)
