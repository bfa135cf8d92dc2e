"""The configuration as frozen values: every setting with its type, bounds and default. This module reads nothing."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ocrspool.config.value_types import (
    Command,
    Devices,
    FinderChoice,
    Folder,
    Formats,
    Listen,
    Mode,
    Name,
    OwnAddress,
    OwnName,
    Patterns,
    ReaderChoice,
    Readers,
    SchedulerAddress,
)
from ocrspool.engine_request import GpuProvider, Precision, Runtime
from ocrspool.files.name_patterns import NamePatterns
from ocrspool.pages import DEFAULT_FINDER, DEFAULT_READER, Orientation, PageOptions, ReaderOrder, WordMode
from ocrspool.spool.delivery_options import DeliveryOptions
from ocrspool.spool.layout import STATES

DEFAULT_PATH = Path("/etc/ocrspool/ocrspool.toml")

TINY = "tiny"
PRESETS = {
    "fast": ((TINY,), TINY),
    "balanced": ((TINY, DEFAULT_READER), DEFAULT_FINDER),
    "best": ((DEFAULT_READER,), DEFAULT_FINDER),
}
"""The readers and the finder of each quality. Those called tiny need not be configured."""
_TINY_MODEL = "PP-OCRv6_tiny"
_HEAD_START = 0.1
"""Of the reader default before tiny: of the lines that both have read, default is right more often (measured: with it,
word F1 is 0.9116 and not 0.9095 on the pictures of the development corpus; docs/performance.md)."""

_MOST_MB = 1 << 30
"""A pebibyte: no limit on anything, and no number that a system call cannot take."""

_IGNORED = (
    *(".[!.]*", "~*", "*~", "*.part", "*.partial", "*.tmp", "*.temp", "*.filepart", "*.crdownload", "*.download"),
    *("*.swp", "@eaDir", "#recycle", "#snapshot", "lost+found", "$RECYCLE.BIN", "System Volume Information"),
    *("Thumbs.db", "desktop.ini"),
)  # fmt: skip


class Section(BaseModel):
    """A table of the file: unknown keys are errors, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Paths(Section):
    """The folders of data that ocrspool can make again."""

    cache: Folder = Path("/var/cache/ocrspool")
    """The folder of the engine cache. It may be deleted: `ocrspool prebuild` makes the engines again."""
    runtime: Folder = Path("/run/ocrspool")
    """The folder in which the running service publishes its state for `ocrspool status`."""


class Engine(Section):
    """What recognizes, and on which devices."""

    runtime: Runtime = "openvino"
    """The library that runs the nets. openvino: CPU. onnxruntime: CPU, CUDA or TensorRT. paddle: CPU or TensorRT.
    tensorrt: TensorRT, or TensorRT for RTX."""
    models: str = "bundled"
    """bundled: PP-OCRv6 small, part of the installation. Otherwise a published set that `prebuild` downloads, or a
    folder. Their recognition net is the reader named default; their detection net is the finder named default."""
    readers: dict[Name, ReaderChoice] = {}
    """Further readers by names of yours: bundled, a published set of which the recognition net is used, a folder, or
    data of Tesseract such as tesseract:vie."""
    finders: dict[Name, FinderChoice] = {}
    """Further finders of lines by names of yours: bundled, a published set of which the detection net is used, or a
    folder. The detection net of `engine.models` is the finder named default."""
    load_readers: Literal["start", "first use"] = "start"
    """When the nets of further readers are loaded. first use: when a line is read by one for the first time. On a GPU
    they are loaded at the start."""
    model_source: str = "https://paddle-model-ecology.bj.bcebos.com/paddlex/official_inference_model/paddle3.0.0"
    """The address from which `prebuild` downloads published models: a web folder of <name>_infer.tar files."""
    devices: Devices = ("cpu",)
    """The devices that recognize: cpu, or GPUs (gpu:0, gpu:1). Each device has `service.workers` workers. The list
    may be empty if there is a cluster: then only its hosts recognize."""
    on_no_gpu: Literal["fail", "cpu"] = "fail"
    """What `serve` does if a GPU of `devices` is missing: fail stops it, cpu uses the CPU in place of the GPU."""
    provider: GpuProvider = "auto"
    """What computes on a GPU. auto: TensorRT, in the runtime tensorrt whichever package is installed. rtx: TensorRT for
    RTX. cuda: the runtime's own CUDA kernels, which need no build."""
    precision: Precision = "auto"
    """The precision of the arithmetic. auto: the fastest on this device without a loss of accuracy."""
    threads: int = Field(0, ge=0, le=1024)
    """The number of threads of one worker. 0: all processors that the process may use, divided among the workers."""
    batch_lines: int = Field(0, ge=0, le=256)
    """The number of text lines in one call of the recognition net. 0: a number that suits the device."""
    line_width: int = Field(0, ge=0, le=8192)
    """The width of the widest line that is read in one piece, in pixels at a height of 48. Longer lines are cut at
    gaps. 0: a width that suits the device."""
    detection_side: int = Field(1280, ge=320, le=4096)
    """The long side, in pixels, to which a page with the proportions 3:4 is reduced to find its lines."""
    workspace_mb: int = Field(1024, ge=64, le=_MOST_MB)
    """The GPU memory that TensorRT may use for one net, in megabytes."""
    on_missing: Literal["fail", "build"] = "fail"
    """What `serve` does if the engine is not in the cache: fail says what differs and stops, build builds it first."""


class Service(Section):
    """The processes of the service: how many, and how long they may take."""

    workers: int = Field(1, ge=1, le=64)
    """The number of worker processes on each device. A worker recognizes and has an engine of its own."""
    decoders: int = Field(0, ge=0, le=256)
    """The number of decoder processes, which open files. 0: one for every two processors."""
    batch_pages: int = Field(8, ge=1, le=64)
    """The highest number of pages that one worker has in work. One message carries at most 64 descriptors."""
    attempts: int = Field(3, ge=1, le=100)
    """How many times a file may end a process before the file is given up."""
    stop_seconds: float = Field(60, ge=0, le=86_400)
    """How long a stop waits for the files in work, in seconds. The others are read after the next start."""
    worker_pages: int = Field(20_000, ge=1, le=10**9)
    """A worker is replaced after this number of pages."""
    worker_memory_mb: int = Field(4096, ge=256, le=_MOST_MB)
    """A worker is replaced when it holds more memory than this, in megabytes."""
    worker_seconds: float = Field(300, gt=0, le=86_400)
    """A worker that makes no progress for this time, in seconds, is killed and replaced. Progress is a page searched
    for lines or a batch of lines read."""


class Limits(Section):
    """What one file may cost. A file that exceeds a limit moves to failed/ with the reason."""

    file_mb: int = Field(1024, ge=1, le=_MOST_MB)
    """The largest size of a file, in megabytes."""
    pages: int = Field(2000, ge=1, le=10**6)
    """The highest number of pages of a file."""
    page_megapixels: int = Field(300, ge=1, le=4000)
    """The highest number of pixels of a page, in millions. A larger image is refused, a PDF page rendered coarser."""
    page_seconds: float = Field(60, gt=0, le=86_400)
    """The longest time that decoding one page may take, or opening the file, in seconds."""
    document_seconds: float = Field(3600, gt=0, le=604_800)
    """The longest time that decoding all pages of a file may take, in seconds. Waits between pages count."""
    decoder_memory_mb: int = Field(2048, ge=256, le=_MOST_MB)
    """The largest address space of a decoder process, in megabytes."""
    memory_mb: int = Field(512, ge=64, le=_MOST_MB)
    """The memory for decoded pages of all files, in megabytes. A page that needs more alone is reduced to fit."""
    free_disk_mb: int = Field(200, ge=0, le=_MOST_MB)
    """No file is claimed while the spool's filesystem has less free space than this, in megabytes."""
    free_memory_mb: int = Field(200, ge=0, le=_MOST_MB)
    """No file is claimed while the machine or the service's control group has less memory than this, in megabytes."""


class Log(Section):
    """Messages on standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The lowest level of the messages that are logged."""
    format: Literal["auto", "plain", "journal", "json"] = "auto"
    """The form of the messages. auto: journal under systemd, plain lines elsewhere."""


class Metrics(Section):
    """The HTTP server for health checks and metrics: /livez, /readyz, /metrics (Prometheus)."""

    listen: Listen = ""
    """A loopback address with a port ("127.0.0.1:9464"), or the path of a Unix socket. "": no server."""
    page: bool = False
    """Whether the server has a status page at /. Everybody who can reach the address can read the file names on it."""
    page_views: bool = False
    """Whether the status page links to the HTML outputs, which are the documents themselves."""
    page_retry: bool = False
    """Whether the status page has a button that puts a failed file back into its inbox."""

    @model_validator(mode="after")
    def _page_is_somewhere(self) -> Metrics:
        if self.page and not self.listen:
            raise ValueError("page needs an address to listen at: metrics.listen")
        if (self.page_views or self.page_retry) and not self.page:
            raise ValueError("page_views and page_retry are parts of the page: set metrics.page = true")
        return self


class Cluster(Section):
    """More machines that recognize for this one. They meet at one Dask scheduler."""

    scheduler: SchedulerAddress = ""
    """The address of the scheduler, for example "tls://10.0.0.5:8786". "": there is no cluster."""
    ca: Folder | None = None
    """The file of the authority that has signed the certificates of all hosts. It should sign nothing else."""
    certificate: Folder | None = None
    """The file of the certificate of this host."""
    key: Folder | None = None
    """The file of the private key of this host. Only the service may read it."""
    name: OwnName = ""
    """The name of this host in status, metrics and results. "": the name of the machine."""
    address: OwnAddress = ""
    """The IP address at which this host can be reached. "": the one from which it reaches the scheduler."""
    port: int = Field(8788, ge=0, le=65_535)
    """The TCP port of `ocrspool node` on this host. 0: any free port."""
    least_hosts: int = Field(1, ge=0, le=1000)
    """The service is ready when so many hosts have joined. With fewer later, it is degraded."""
    start_seconds: float = Field(300, ge=1, le=86_400)
    """The longest time that a start waits for these hosts, in seconds."""
    host_pages: int = Field(8, ge=1, le=64)
    """The highest number of pages that one worker of another host has in work."""
    patience_seconds: float = Field(12, ge=11, le=3600)
    """A host that does not answer for this time, in seconds, is lost. Its pages are read by others."""

    @model_validator(mode="after")
    def _is_encrypted_or_local(self) -> Cluster:
        files = [self.ca, self.certificate, self.key]
        if self.scheduler.startswith("tls:") and None in files:
            raise ValueError("tls:// needs the three files ca, certificate and key")
        if not self.scheduler.startswith("tls:") and files != [None] * 3:
            raise ValueError("ca, certificate and key are for a scheduler at tls://")
        if self.scheduler.startswith("tcp:") and self.address and not ip_address(self.address).is_loopback:
            raise ValueError("address: should be a loopback address, because the scheduler is at tcp://")
        return self


class Profile(Section):
    """How the files of an inbox are read. Several inboxes can name the same profile."""

    dpi: int = Field(200, ge=36, le=1200)
    """The resolution at which PDF pages are rendered, in dots per inch."""
    orientation: Orientation = "auto"
    """auto: pages that lie on their side or upside down are turned before they are read. off: no page is turned."""
    page_side: int = Field(4000, ge=256, le=32_000)
    """The longer side, in pixels, to which sheets up to A3 and photographs are reduced. Larger sheets and long pages
    are not reduced, because their letters would be lost."""
    words: WordMode = "words"
    """What is measured of each line, for the result and all outputs. words: the box of each word. characters: the box
    of each character instead. none: only lines."""
    pdf_text: Literal["ocr", "prefer"] = "ocr"
    """ocr: every page is read. prefer: a PDF page keeps its own text if that text agrees with what the page shows."""
    quality: Literal["fast", "balanced", "best"] = "best"
    """Who reads. best: the reader default. fast: PP-OCRv6 tiny, as the reader and the finder tiny. balanced: the reader
    tiny, and default for the lines of which tiny is not sure."""
    readers: Readers = ()
    """The readers that are asked for each line, in turn. Empty: those of `quality`."""
    finder: OwnName = ""
    """Who finds the lines: a name of `engine.finders`, or default. "": that of `quality`, or default if `readers` is
    set."""
    sure: float = Field(0.96, ge=0, le=1)
    """A line that a reader reads with less confidence is read by the next one too. The surest reading stays."""

    def reader_order(self) -> ReaderOrder:
        """Return which readers are asked, in turn."""
        if self.readers:
            return ReaderOrder(self.readers, self.sure, finder=self.finder or DEFAULT_FINDER)
        readers, finder = PRESETS[self.quality]
        return ReaderOrder(readers, self.sure, _HEAD_START, self.finder or finder)

    def page_options(self) -> PageOptions:
        """Return how each page is read."""
        return PageOptions(self.orientation, self.words, self.reader_order())


class Inbox(Section):
    """A watched folder, the folders that belong to it, and what is done with its files."""

    root: Folder | None = None
    """The folder that holds inbox, work, outbox, done and failed, unless they are set one by one."""
    inbox: Folder | None = None
    """The folder that is watched. Not set: the folder inbox in `root`."""
    work: Folder | None = None
    """The folder of the files in work. Not set: the folder work in `root`. It must be on the filesystem of inbox."""
    outbox: Folder | None = None
    """The folder of the results. Not set: the folder outbox in `root`. It may be on another filesystem."""
    done: Folder | None = None
    """The folder of the sources that were read. Not set: the folder done in `root`. It must be on the filesystem of
    inbox."""
    failed: Folder | None = None
    """The folder of the files that failed. Not set: the folder failed in `root`. It must be on the filesystem of
    inbox."""
    profile: Name = "default"
    """The profile that says how the files are read: the name of a [profile.NAME]."""
    include: Patterns = ("*",)
    """The files that are taken: shell patterns without regard to case. One with a "/" is compared with the path."""
    exclude: Patterns = ()
    """The files that are not taken although `include` matches them."""
    ignore: Patterns = _IGNORED
    """More files that are not taken: names of unfinished copies, hidden files, files that NAS devices leave behind."""
    recursive: bool = True
    """Whether folders inside the inbox are watched too. The outbox has the same tree."""
    settle_seconds: float = Field(2.0, ge=0, le=86_400)
    """A file is taken when it has not changed for this time, in seconds. A file renamed into the inbox is taken at
    once."""
    writer_seconds: float = Field(600.0, ge=0, le=86_400)
    """A file that a program has open for writing is taken when it has not changed for this time, in seconds."""
    incomplete_seconds: float = Field(30.0, ge=0, le=86_400)
    """A file that is empty, or ends before its format says, fails when it has not changed for this time, in seconds."""
    after: Literal["keep", "delete"] = "keep"
    """What happens to a source that has been read. keep: it moves to done. delete: it is deleted."""
    outbox_mode: Mode = "auto"
    """The mode of the results. Their folders get search permission too, and their owner all. auto: by the umask."""
    watch: Literal["auto", "events", "poll"] = "auto"
    """How changes are noticed. auto: by events, but by polling on network filesystems, which send no events."""
    poll_seconds: float = Field(5.0, ge=0.1, le=86_400)
    """The time between two looks at an inbox that is polled, in seconds."""
    rescan_seconds: float = Field(60.0, ge=0.1, le=86_400)
    """The time between two looks at the whole inbox while events arrive too, in seconds. Events can get lost."""
    outputs: Formats = ("json",)
    """The files that appear in the outbox for each source file. json is always made and appears last."""
    done_marker: bool = False
    """Whether an empty file NAME.done appears when all outputs of a file are there."""
    on_done: Command = ()
    """A command and its arguments, run after each file that was read. The outputs follow as arguments."""
    on_failed: Command = ()
    """A command and its arguments, run after each file that failed. The file and its reason follow as arguments."""
    hook_seconds: float = Field(60.0, gt=0, le=86_400)
    """The longest time that a command of `on_done` or `on_failed` may take, in seconds. After that it is killed."""

    def folder(self, state: str) -> Path:
        """Return the folder of a state: inbox, work, outbox, done or failed."""
        explicit: Path | None = getattr(self, state)
        if explicit is not None:
            return explicit
        if self.root is None:
            raise ValueError(f"no folder for {state}")
        return self.root / state

    def rules(self) -> NamePatterns:
        """Return the patterns that say which names are read."""
        return NamePatterns(self.include, self.exclude + self.ignore)

    def delivery(self) -> DeliveryOptions:
        """Return how the files of a job are delivered."""
        mode = None if self.outbox_mode == "auto" else int(self.outbox_mode, 8)
        return DeliveryOptions(delete=self.after == "delete", mode=mode, mark=self.done_marker)

    def folders(self) -> dict[str, Path]:
        """Return the folder of each state, in the order of `STATES`."""
        return {state: self.folder(state) for state in STATES}

    @model_validator(mode="after")
    def _every_folder_is_known(self) -> Inbox:
        missing = [state for state in STATES if self.root is None and getattr(self, state) is None]
        if missing:
            raise ValueError(f"give a root, or all five folders (missing: {', '.join(missing)})")
        return self


class Config(Section):
    """The whole configuration; made without arguments it holds the defaults."""

    paths: Paths = Paths()
    engine: Engine = Engine()
    service: Service = Service()
    limits: Limits = Limits()
    log: Log = Log()
    metrics: Metrics = Metrics()
    cluster: Cluster = Cluster()
    profile: dict[Name, Profile] = {"default": Profile()}
    """The profiles by name. The profile named default always exists."""
    inbox: dict[Name, Inbox] = {"default": Inbox(root=Path("/var/spool/ocrspool/default"))}

    def profile_of(self, inbox: str) -> Profile:
        """Return the profile of the inbox of this name."""
        return self.profile.get(self.inbox[inbox].profile, Profile())

    def wants(self, output: str) -> bool:
        """Tell whether any inbox has this output."""
        return any(output in inbox.outputs for inbox in self.inbox.values())

    @model_validator(mode="after")
    def _has_the_readers(self) -> Config:
        """Add the reader and the finder tiny where a profile asks for them; refuse what no engine has."""
        orders = {name: profile.reader_order() for name, profile in self.profile.items()}
        readers, finders = dict(self.engine.readers), dict(self.engine.finders)
        if DEFAULT_READER in readers:
            raise ValueError("engine.readers: default is the reader of engine.models; give the other one another name")
        if DEFAULT_FINDER in finders:
            raise ValueError("engine.finders: default is the finder of engine.models; give the other one another name")
        if any(TINY in order.names for order in orders.values()):
            readers.setdefault(TINY, _TINY_MODEL)
        if any(order.finder == TINY for order in orders.values()):
            finders.setdefault(TINY, _TINY_MODEL)
        for name, order in orders.items():
            if missing := [reader for reader in order.names if reader not in {DEFAULT_READER, *readers}]:
                raise ValueError(_unknown(f"profile.{name}.readers", "reader", missing[0], {DEFAULT_READER, *readers}))
            if order.finder not in {DEFAULT_FINDER, *finders}:
                raise ValueError(_unknown(f"profile.{name}.finder", "finder", order.finder, {DEFAULT_FINDER, *finders}))
        object.__setattr__(self, "engine", self.engine.model_copy(update={"readers": readers, "finders": finders}))
        return self

    @model_validator(mode="after")
    def _has_an_inbox(self) -> Config:
        if not self.inbox:
            raise ValueError("inbox: at least one is needed")
        return self

    @model_validator(mode="after")
    def _something_recognizes(self) -> Config:
        if not self.engine.devices and not self.cluster.scheduler:
            raise ValueError("engine.devices: should have at least one item, because cluster.scheduler is not set")
        if not self.engine.devices and not self.cluster.least_hosts:
            raise ValueError("cluster.least_hosts: should be 1 or more, because engine.devices is empty")
        return self


def _unknown(key: str, kind: str, name: str, known: set[str]) -> str:
    return f"{key}: there is no {kind} {name}, only {', '.join(sorted(known))}: add it to [engine.{kind}s]"
