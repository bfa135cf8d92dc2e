"""The configuration as frozen values: every setting with its type, bounds and default. Reads nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ocrspool.config.value_types import Command, Devices, Folder, Formats, Listen, Mode, Name, Patterns
from ocrspool.files.name_patterns import NamePatterns
from ocrspool.spool.layout import STATES

DEFAULT_PATH = Path("/etc/ocrspool/ocrspool.toml")

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
    """Where the daemon keeps what it can make again."""

    cache: Folder = Path("/var/cache/ocrspool")
    """Engines, in engines/<fingerprint>. May be deleted; `ocrspool prebuild` makes it again."""
    runtime: Folder = Path("/run/ocrspool")
    """The running daemon's state, for `ocrspool status`."""


class Engine(Section):
    """What recognizes, and on which devices."""

    runtime: Literal["openvino", "onnxruntime", "paddle"] = "openvino"
    """openvino: CPU, no GPU needed, models included. onnxruntime: CPU, CUDA or TensorRT. paddle: CPU or TensorRT."""
    models: str = "bundled"
    """bundled: PP-OCRv6 small, part of the installation; or a name that `prebuild` downloads; or a folder."""
    model_source: str = "https://paddle-model-ecology.bj.bcebos.com/paddlex/official_inference_model/paddle3.0.0"
    """Where `prebuild` finds published models: a web folder of <name>_infer.tar. Nothing else goes to the network."""
    devices: Devices = ("cpu",)
    """cpu, or GPUs: gpu:0, gpu:1. Each has service.workers workers."""
    on_no_gpu: Literal["fail", "cpu"] = "fail"
    """What `serve` does when a GPU of devices is not there: say so and stop, or use the CPU in its place."""
    provider: Literal["auto", "tensorrt", "cuda"] = "auto"
    """What computes on a GPU. auto: TensorRT. cuda: the runtime's own kernels, which need no build."""
    precision: Literal["auto", "f32", "bf16", "f16"] = "auto"
    """auto: the fastest that this device computes without losing accuracy."""
    threads: int = Field(0, ge=0, le=1024)
    """Threads of one worker; 0 = all processors this process may use."""
    batch_lines: int = Field(0, ge=0, le=256)
    """Text lines per call of the recognizer; 0 = what suits the device."""
    line_width: int = Field(0, ge=0, le=8192)
    """Pixels of the widest line that is read at once, scaled to a height of 48; longer ones are cut at gaps. 0 = what
    suits the device."""
    detection_side: int = Field(1280, ge=320, le=4096)
    """Pixels to which the long side of a 3:4 page is reduced to find its lines."""
    workspace_mb: int = Field(1024, ge=64, le=_MOST_MB)
    """GPU memory that TensorRT may use for one net."""
    on_missing: Literal["fail", "build"] = "fail"
    """What `serve` does when the engine is not in the cache: say what differs and stop, or build it first."""


class Service(Section):
    """Processes and patience."""

    workers: int = Field(1, ge=1, le=64)
    """Processes that recognize on each device, each with an engine of its own."""
    decoders: int = Field(0, ge=0, le=256)
    """Processes that open files; 0 = one for every two processors."""
    batch_pages: int = Field(8, ge=1, le=64)
    """Pages recognized together, at most: their text lines share batches. One message carries 64 descriptors."""
    attempts: int = Field(3, ge=1, le=100)
    """How often a file may cost a process its life before it is given up."""
    stop_seconds: float = Field(60, ge=0, le=86_400)
    """How long a stop waits for files in work; the rest is taken up at the next start."""
    worker_pages: int = Field(20_000, ge=1, le=10**9)
    """A worker is replaced after so many pages,"""
    worker_memory_mb: int = Field(4096, ge=256, le=_MOST_MB)
    """or when it holds so much memory."""
    worker_seconds: float = Field(300, gt=0, le=86_400)
    """A worker that gets no further for so long (by a page to search, by a batch of lines) is killed and replaced."""


class Limits(Section):
    """What one file may cost. A file beyond a limit ends in failed/ with the reason."""

    file_mb: int = Field(1024, ge=1, le=_MOST_MB)
    pages: int = Field(2000, ge=1, le=10**6)
    page_megapixels: int = Field(300, ge=1, le=4000)
    page_seconds: float = Field(60, gt=0, le=86_400)
    """Decoding one page, and opening the file."""
    document_seconds: float = Field(3600, gt=0, le=604_800)
    decoder_memory_mb: int = Field(2048, ge=256, le=_MOST_MB)
    memory_mb: int = Field(512, ge=64, le=_MOST_MB)
    """Decoded pages held at one time, over all files; a single page that needs more is reduced to fit."""
    free_disk_mb: int = Field(200, ge=0, le=_MOST_MB)
    """Nothing is claimed while the spool's filesystem has less room than this,"""
    free_memory_mb: int = Field(200, ge=0, le=_MOST_MB)
    """or less memory is available, of the machine or of the service's control group."""


class Log(Section):
    """Messages, on standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "plain", "journal", "json"] = "auto"
    """auto: journal priorities under systemd, plain lines elsewhere."""


class Metrics(Section):
    """Health and numbers, for who asks: /livez, /readyz, /metrics (Prometheus)."""

    listen: Listen = ""
    """A loopback address with a port ("127.0.0.1:9464"), or the path of a Unix socket; "" for none."""
    page: bool = False
    """Whether / there is a page for people. It names files: whoever can reach the address can read those names."""
    page_views: bool = False
    """Whether the page leads to the HTML outputs, which are the documents themselves."""
    page_retry: bool = False
    """Whether the page has a button that puts a failed file back into its inbox."""

    @model_validator(mode="after")
    def _page_is_somewhere(self) -> Metrics:
        if self.page and not self.listen:
            raise ValueError("page needs an address to listen at: metrics.listen")
        if (self.page_views or self.page_retry) and not self.page:
            raise ValueError("page_views and page_retry are parts of the page: set metrics.page = true")
        return self


class Profile(Section):
    """How the files of an inbox are read. Named, so that inboxes can share it."""

    dpi: int = Field(200, ge=36, le=1200)
    """Resolution at which PDF pages are rendered."""
    orientation: Literal["auto", "off"] = "auto"
    """auto: pages on their side or upside down are turned to be read; off: trust that none is."""
    page_side: int = Field(4000, ge=256, le=32_000)
    """Sheets up to A3 and photographs with a longer side (pixels) are reduced to it before recognition; larger sheets
    and long pages are not, because their letters would be lost."""
    pdf_text: Literal["ocr", "prefer"] = "ocr"
    """ocr: every page is read; prefer: a PDF page that has text keeps it, and only pages without any are read."""


class Inbox(Section):
    """A watched folder, the folders around it, and what is done with its files."""

    root: Folder | None = None
    """Holds inbox, work, outbox, done and failed, unless they are given one by one."""
    inbox: Folder | None = None
    work: Folder | None = None
    outbox: Folder | None = None
    done: Folder | None = None
    failed: Folder | None = None
    profile: Name = "default"
    include: Patterns = ("*",)
    """Shell patterns, in any case; one with a "/" is matched with the path inside the inbox."""
    exclude: Patterns = ()
    ignore: Patterns = _IGNORED
    """Excluded as well: names under which copies are still being written, hidden files, what NAS boxes leave behind."""
    recursive: bool = True
    settle_seconds: float = Field(2.0, ge=0, le=86_400)
    """A file is taken when it has not changed for so long; one renamed into the inbox is taken at once."""
    writer_seconds: float = Field(600.0, ge=0, le=86_400)
    """A file that a program has open for writing is waited for; so long after its last change it is taken anyway."""
    incomplete_seconds: float = Field(30.0, ge=0, le=86_400)
    """A file that is empty, or ends before its format says, fails only when it has not changed for so long."""
    after: Literal["keep", "delete"] = "keep"
    """What becomes of a source that has been read: keep moves it to done, delete removes it."""
    outbox_mode: Mode = "auto"
    """Mode of results; their folders get search permission with it, and their owner all. auto: as the umask has it."""
    watch: Literal["auto", "events", "poll"] = "auto"
    """auto: events, but polling on network filesystems, which send none."""
    poll_seconds: float = Field(5.0, ge=0.1, le=86_400)
    rescan_seconds: float = Field(60.0, ge=0.1, le=86_400)
    """Beside events: the whole inbox is looked at this often, because events get lost."""
    outputs: Formats = ("json",)
    """What appears in the outbox for each file; json always does, and last."""
    done_marker: bool = False
    """Whether an empty file NAME.done follows when all outputs of a file are there."""
    on_done: Command = ()
    """A command and its arguments, run after each file that was read; the outputs follow as arguments."""
    on_failed: Command = ()
    """The same after each file that failed; the file and its reason follow as arguments."""
    hook_seconds: float = Field(60.0, gt=0, le=86_400)
    """A command that takes longer is killed."""

    def folder(self, state: str) -> Path:
        """Return the folder of a state: inbox, work, outbox, done or failed."""
        explicit: Path | None = getattr(self, state)
        if explicit is not None:
            return explicit
        if self.root is None:
            raise ValueError(f"no folder for {state}")
        return self.root / state

    def rules(self) -> NamePatterns:
        """Return which names are to be read."""
        return NamePatterns(self.include, self.exclude + self.ignore)

    def mode(self) -> int | None:
        """Return the mode of results; None where the umask is to decide."""
        return None if self.outbox_mode == "auto" else int(self.outbox_mode, 8)

    def folders(self) -> dict[str, Path]:
        """Return the folder of each state, in the order of a file's way."""
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
    profile: dict[Name, Profile] = {"default": Profile()}
    """The profile named default is always there."""
    inbox: dict[Name, Inbox] = {"default": Inbox(root=Path("/var/spool/ocrspool/default"))}

    def profile_of(self, inbox: str) -> Profile:
        """Return the profile of the inbox of this name."""
        return self.profile.get(self.inbox[inbox].profile, Profile())

    def wants(self, output: str) -> bool:
        """Tell whether any inbox has this output."""
        return any(output in inbox.outputs for inbox in self.inbox.values())

    @model_validator(mode="after")
    def _has_an_inbox(self) -> Config:
        if not self.inbox:
            raise ValueError("inbox: at least one is needed")
        return self
