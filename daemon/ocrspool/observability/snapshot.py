"""What a running service publishes of itself: one frozen value, for the command line, the page, metrics and systemd.

Each attribute is a key of the same name in `status.json` and in `ocrspool status --json`. New attributes have a
default, so that a command can read what a service of an earlier version wrote. The schema in `ocrspool schema status`
is generated from these classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal

from ocrspool.results.reason import Failure, PublishedName
from ocrspool.results.schema import Engine

SCHEMA = "ocrspool-snapshot/1"

State = Literal["ready", "degraded", "stopping"]


@dataclass(frozen=True, slots=True)
class Queue:
    """The files of an inbox that nobody has claimed, as far as the last scan knows."""

    waiting: int = 0
    """Files that can be claimed."""
    oldest: float | None = None
    """When the file that has waited longest came, in seconds of the epoch. A file that cannot be claimed counts too."""
    open: int = 0
    """Files that wait for the program that writes them."""
    unclaimable: int = 0
    """Files that the service may not take, and folders that it may not read."""
    unclaimable_reason: str = ""
    """Why the first of them cannot be taken."""


@dataclass(frozen=True, slots=True)
class InboxStatus:
    """How an inbox is."""

    state: Literal["serves", "waits", "hangs"] = "serves"
    """waits: it cannot be used as it is now. hangs: its disk does not answer."""
    reason: str = ""
    """Why it does not serve, or what its jobs wait for."""
    since: int | None = None
    """When the disk answered last, in seconds of the epoch; null while it answers."""
    stalled: int = 0
    """Jobs that wait for the disk."""
    failed_files: int | None = None
    """Files that lie in failed/, as of the last look; null before the first look."""
    free_bytes: int | None = None
    """Free room on the disk of work/, as of the last look; null before the first look."""


@dataclass(frozen=True, slots=True)
class EngineModel:
    """One net of an engine."""

    name: str
    role: str = ""
    sha256: str = ""
    reader: str | None = None
    """The reader that has it; null for other nets."""
    finder: str | None = None
    """The finder that has it; null for other nets."""
    languages: tuple[str, ...] = ()
    """What that reads."""


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """An engine that reads."""

    runtime: str
    runtime_version: str
    device: str
    precision: str
    fingerprint: str
    name: str = "ocrspool"
    version: str = ""
    """Of ocrspool."""
    models: tuple[EngineModel, ...] = ()
    workers: int | None = None
    """How many workers have it loaded."""

    @classmethod
    def of(cls, engine: Engine) -> EngineStatus:
        """Return the status of an engine that a worker has described."""
        models = tuple(EngineModel(**asdict(model)) for model in engine.models)
        return cls(**{**asdict(engine), "models": models})


@dataclass(frozen=True, slots=True)
class JobProgress:
    """A file that is being read."""

    job: str
    inbox: str = ""
    path: str = ""
    path_base64: str | None = None
    attempt: int = 0
    since: float | None = None
    """When reading began, in seconds of the epoch; null while the file waits for a decoder."""
    pages: int | None = None
    """null before the file is open."""
    read: int = 0
    """Pages that have been read."""


@dataclass(frozen=True, slots=True)
class DeliveredDocument:
    """A document that was delivered."""

    inbox: str
    job: str = ""
    path: str = ""
    """Relative to the inbox."""
    finished_at: str = ""
    """RFC 3339, UTC."""
    pages: int = 0
    lost: int = 0
    """Pages that could not be read."""
    lines: int = 0
    readers: Mapping[str, int] = field(default_factory=dict)
    """Reader → lines that it has read."""
    warnings: tuple[str, ...] = ()
    """Codes."""
    outputs: tuple[str, ...] = ()
    """Formats of the files beside the result."""
    result: PublishedName = PublishedName("")  # noqa: RUF009 - it is frozen
    """The path of the result."""


@dataclass(frozen=True, slots=True)
class InboxCounts:
    """What came out of an inbox since the service started."""

    done: int = 0
    partial: int = 0
    """Documents that were delivered and have lost pages. They are among `done`."""
    failed: int = 0
    pages: int = 0
    warned: int = 0
    """Documents that were delivered with warnings."""
    warnings: Mapping[str, int] = field(default_factory=dict)
    """Code → documents with a warning of this code."""
    lines: Mapping[str, int] = field(default_factory=dict)
    """Reader → lines that it has read."""


@dataclass(frozen=True, slots=True)
class Durations:
    """How long something took, each time: a histogram."""

    sum: float = 0.0
    count: int = 0
    up_to: Mapping[float, int] = field(default_factory=dict)
    """Seconds → how many took no longer. What took longer than all of them is in `count` only."""


@dataclass(frozen=True, slots=True)
class ByMinute:
    """What came out in each minute of the last hour; the present minute is the last."""

    files: tuple[int, ...] = ()
    pages: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class HostStatus:
    """Another machine that reads pages for this service."""

    name: str
    address: str = ""
    state: Literal["in", "out", "refused", "leaving"] = "out"
    """in: it reads. out: it is away, or has no engine. refused: it would read otherwise than the others. leaving: it is
    about to end."""
    reason: str = ""
    """Why it does not read."""
    since: float = 0.0
    """When its state last changed, in seconds of the epoch."""
    version: str = ""
    """Of ocrspool."""
    runtime: str = ""
    precision: str = ""
    fingerprint: str = ""
    """Of its first engine."""
    devices: tuple[str, ...] = ()
    """Kinds of devices that read: cpu, gpu."""
    workers: int = 0
    """Workers that have an engine."""
    worker_restarts: int = 0
    pages: int = 0
    """Pages that it has read for this service."""
    in_work: int = 0
    """Pages that it has now."""
    wire_seconds: float | None = None
    """The mean time of a page, or of a file, beyond its time at the host; null before the first one."""
    files: int = 0
    """Whole files, or parts of long ones, that it has decoded and read for this service."""
    no_files: str = ""
    """Why it gets pages only; empty if it may get whole files."""
    sent_bytes: int = 0
    """Pixels and files that it has got."""
    link_bytes_per_second: float = 0.0
    """What the way to it carries; 0 if that was not measured."""
    link_measured: float = 0.0
    """When that was, in seconds of the epoch: when it joined, or when pages or files last travelled there."""


@dataclass(frozen=True, slots=True)
class ClusterStatus:
    """The machines that read pages for this service."""

    scheduler: str
    """The address of the scheduler."""
    up: bool = False
    """Whether the scheduler answers."""
    reason: str = ""
    """Why it does not."""
    short: str = ""
    """What is missing, if fewer hosts read than the configuration asks for."""
    pages_moved: int = 0
    """Times that a page was given to another host because the first one was lost."""
    bridge_restarts: int = 0
    hosts: tuple[HostStatus, ...] = ()
    scheduler_other: str = ""
    """What the scheduler has installed otherwise than this machine; empty if nothing is, as far as is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceStatus:
    """The part that is published as soon as it changes."""

    state: State
    """degraded: no worker has an engine, a CPU reads in place of a GPU, hosts of the cluster are missing, or an inbox
    does not serve."""
    waiting: int = 0
    """Files that can be claimed, of all inboxes."""
    in_work: int = 0
    """Files that have been claimed and have not ended."""
    responsive: bool = True
    """Whether no part of the service waits longer than it may. systemd's watchdog ends a service of which one does."""
    workers: tuple[int, ...] = ()
    """Process ids."""
    worker_restarts: int = 0
    lack: str = ""
    """Why nothing is claimed; empty while files are claimed."""
    queues: Mapping[str, Queue] = field(default_factory=dict)
    overflows: int = 0
    """Times that the kernel lost events."""
    engines: tuple[EngineStatus, ...] = ()
    """What reads now, one for each device. It may be another than at the start, where a CPU reads in place of a GPU."""
    inboxes: Mapping[str, InboxStatus] = field(default_factory=dict)
    cluster: ClusterStatus | None = None
    """null if the configuration names no cluster."""
    reload_refused: str = ""
    """Why the last reload was refused: the configuration in use is not the one in the file. Otherwise empty."""

    @property
    def unclaimable(self) -> int:
        """Files and folders that the service may not take, of all inboxes."""
        return sum(queue.unclaimable for queue in self.queues.values())

    @property
    def failed_files(self) -> int:
        """Files that lie in the failed/ of all inboxes."""
        return sum(inbox.failed_files or 0 for inbox in self.inboxes.values())


LONGEST_SILENCE_SECONDS = 60.0
"""A snapshot is published at least this often, because the rates fall while nothing happens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusSnapshot(ServiceStatus):
    """All that the service publishes, at one moment."""

    schema: str = SCHEMA
    pid: int
    at: float = 0.0
    """When this was published, in seconds of the epoch."""
    began: float | None = None
    """When the service began to serve, in seconds of the epoch."""
    engine: EngineStatus | None = None
    """What was loaded at the start."""
    start: Mapping[str, float] = field(default_factory=dict)
    """Seconds of each stage of the start."""
    free_memory_bytes: int | None = None
    """Memory that the machine, or the unit, has left."""
    jobs: tuple[JobProgress, ...] = ()
    files_per_minute: float = 0.0
    pages_per_second: float = 0.0
    by_minute: ByMinute = ByMinute()
    since_start: Mapping[str, InboxCounts] = field(default_factory=dict)
    """Of each inbox that something came out of."""
    stages: Mapping[str, Durations] = field(default_factory=dict)
    """How long each stage took of the documents that were delivered."""
    drop_to_result: Mapping[str, Durations] = field(default_factory=dict)
    """How long it took from the arrival of a file to its result, by inbox."""
    last_documents: tuple[DeliveredDocument, ...] = ()
    """Newest first."""
    last_failures: tuple[Failure, ...] = ()
    """Newest first. Files that failed before the start are among them, as long as they lie in failed/."""

    @property
    def reads_with(self) -> tuple[EngineStatus, ...]:
        """The engines that read now, or the one of the start while no worker has one."""
        return self.engines or ((self.engine,) if self.engine is not None else ())
