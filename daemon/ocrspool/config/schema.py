"""The configuration as frozen values: profiles, inboxes, and the whole. sections.py has the other tables.

Every setting has its type, bounds and default here. Nothing is read.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from ocrspool.config.sections import Cluster, Engine, Limits, Log, Metrics, Paths, Section, Service
from ocrspool.config.value_types import (
    Command,
    Folder,
    Formats,
    Mode,
    Name,
    OwnName,
    Patterns,
    Readers,
)
from ocrspool.files.name_patterns import NamePatterns
from ocrspool.pages import DEFAULT_FINDER, DEFAULT_READER, Orientation, PageOptions, ReaderOrder, WordMode
from ocrspool.spool.delivery_options import DeliveryOptions
from ocrspool.spool.layout import STATES

DEFAULT_PATH = Path("/etc/ocrspool/ocrspool.toml")

TINY = "tiny"
PRESETS = {
    "fast": ReaderOrder((TINY,), finder=TINY, search=0.75),
    # 16 pixels are two steps of the net: one for the letter, and one for the gap between two equal letters.
    "balanced": ReaderOrder((TINY, DEFAULT_READER), head_start=1.0, finder=TINY, wary=True, letter_width=16),
    "best": ReaderOrder(),
}
"""The readers and the finder of each quality. Those called tiny need not be configured. What default has read of a line
always stays (docs/performance.md says what it yields)."""
_TINY_MODEL = "PP-OCRv6_tiny"

_IGNORED = (
    *(".[!.]*", "~*", "*~", "*.part", "*.partial", "*.tmp", "*.temp", "*.filepart", "*.crdownload", "*.download"),
    *("*.swp", "@eaDir", "#recycle", "#snapshot", "lost+found", "$RECYCLE.BIN", "System Volume Information"),
    *("Thumbs.db", "desktop.ini"),
)  # fmt: skip


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
    """Who reads. best: the reader default. fast: PP-OCRv6 tiny, as the reader and the finder tiny, on pages that are
    searched at 3/4 of `engine.detection_side`. balanced: the reader and the finder tiny, and then the reader default
    for the lines in which tiny may have made mistakes."""
    readers: Readers = ()
    """The readers that are asked for each line, in turn. Empty: those of `quality`."""
    finder: OwnName = ""
    """Who finds the lines: a name of `engine.finders`, or default. "": that of `quality`, or default if `readers` is
    set."""
    sure: float = Field(0.96, ge=0, le=1)
    """A line that a reader reads with less confidence is read by the next one too. The surest reading stays. With
    `quality`, that of default stays."""

    def reader_order(self) -> ReaderOrder:
        """Return which readers are asked, in turn."""
        if self.readers:
            return ReaderOrder(self.readers, self.sure, finder=self.finder or DEFAULT_FINDER)
        preset = PRESETS[self.quality]
        return replace(preset, sure=self.sure, finder=self.finder or preset.finder)

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
    profile: dict[Name, Profile] = {"default": Profile()}  # noqa: RUF012 - pydantic copies it
    """The profiles by name. The profile named default always exists."""
    inbox: dict[Name, Inbox] = {"default": Inbox(root=Path("/var/spool/ocrspool/default"))}  # noqa: RUF012

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
