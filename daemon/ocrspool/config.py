"""The configuration: TOML files to frozen values, every problem found at once, each with the file and key it is in.

Reading is all this module does: what folders and devices are really like is looked at by `check`.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import tomli
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from ocrspool.errors import ConfigError

DEFAULT_PATH = Path("/etc/ocrspool/ocrspool.toml")

_MOST_MB = 1 << 30
"""A pebibyte: no limit on anything, and no number that a system call cannot take."""


def _usable(folder: Path) -> Path:
    """Refuse what no folder can be called, and "", which would mean the folder of the configuration."""
    if folder == Path() or "\0" in str(folder):
        raise ValueError("should name a folder")
    return folder


Folder = Annotated[Path, AfterValidator(_usable), PlainSerializer(str, return_type=str)]

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]

_MOST_SHOWN = 80
"""Characters of a wrong value that a message repeats."""

_IGNORED = (
    *(
        ".*",
        "~*",
        "*~",
        "*.part",
        "*.partial",
        "*.tmp",
        "*.temp",
        "*.filepart",
        "*.crdownload",
        "*.download",
        "*.swp",
    ),
    *("@eaDir", "#recycle", "#snapshot", "lost+found", "$RECYCLE.BIN", "System Volume Information"),
    *("Thumbs.db", "desktop.ini"),
)


class Section(BaseModel):
    """A table of the file: unknown keys are errors, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Paths(Section):
    """Where the daemon keeps what it can make again."""

    cache: Folder = Path("/var/cache/ocrspool")
    """Engines, in engines/<fingerprint>. May be deleted; `ocrspool prebuild` makes it again."""
    runtime: Folder = Path("/run/ocrspool")
    """The running daemon's state, for `ocrspool status`."""


class Engine(Section):
    """What recognizes, and on which device."""

    runtime: Literal["openvino"] = "openvino"
    """openvino: CPU, no GPU needed, models included."""
    device: str = "cpu"
    precision: Literal["auto", "f32", "bf16"] = "auto"
    """auto: the fastest that this device computes without losing accuracy."""
    threads: int = Field(0, ge=0, le=1024)
    """Threads of one worker; 0 = all processors this process may use."""
    on_missing: Literal["fail", "build"] = "fail"
    """What `serve` does when the engine is not in the cache: say what differs and stop, or build it first."""


class Service(Section):
    """Processes and patience."""

    workers: int = Field(1, ge=1, le=64)
    """Processes that recognize, each with an engine of its own."""
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
    """or when it holds so much memory after a batch."""
    worker_seconds: float = Field(300, gt=0, le=86_400)
    """A worker that does not answer for so long is killed and replaced."""


class Limits(Section):
    """What one file may cost. A file beyond a limit ends in failed/ with the reason."""

    file_mb: int = Field(1024, ge=1, le=_MOST_MB)
    pages: int = Field(2000, ge=1, le=10**6)
    page_megapixels: int = Field(200, ge=1, le=4000)
    page_seconds: float = Field(60, gt=0, le=86_400)
    """Decoding one page, and opening the file."""
    document_seconds: float = Field(3600, gt=0, le=604_800)
    decoder_memory_mb: int = Field(2048, ge=256, le=_MOST_MB)
    memory_mb: int = Field(512, ge=64, le=_MOST_MB)
    """Decoded pages held at one time, over all files."""
    free_disk_mb: int = Field(200, ge=0, le=_MOST_MB)
    """Nothing is claimed while the spool's filesystem has less room than this."""


class Log(Section):
    """Messages, on standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "plain", "journal", "json"] = "auto"
    """auto: journal priorities under systemd, plain lines elsewhere."""


class Profile(Section):
    """How the files of an inbox are read. Named, so that inboxes can share it."""

    dpi: int = Field(200, ge=36, le=1200)
    """Resolution at which PDF pages are rendered."""
    orientation: Literal["auto", "off"] = "auto"
    """auto: pages on their side or upside down are turned to be read; off: trust that none is."""
    page_side: int = Field(4000, ge=256, le=32_000)
    """Pages with a longer side (in pixels) are reduced to it before recognition."""


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
    include: tuple[str, ...] = ("*",)
    """Shell patterns, in any case; one with a "/" is matched with the path inside the inbox."""
    exclude: tuple[str, ...] = ()
    ignore: tuple[str, ...] = _IGNORED
    """Excluded as well: names under which copies are still being written, hidden files, what NAS boxes leave behind."""
    recursive: bool = True
    settle_seconds: float = Field(2.0, ge=0, le=86_400)
    """A file is taken when it has not changed for so long; one renamed into the inbox is taken at once."""
    after: Literal["keep", "delete"] = "keep"
    """What becomes of a source that has been read: keep moves it to done, delete removes it."""
    watch: Literal["auto", "events", "poll"] = "auto"
    """auto: events, but polling on network filesystems, which send none."""
    poll_seconds: float = Field(5.0, ge=0.1, le=86_400)
    rescan_seconds: float = Field(60.0, ge=0.1, le=86_400)
    """Beside events: the whole inbox is looked at this often, because events get lost."""

    def folder(self, state: str) -> Path:
        """Return the folder of a state: inbox, work, outbox, done or failed."""
        explicit: Path | None = getattr(self, state)
        if explicit is not None:
            return explicit
        if self.root is None:
            raise ValueError(f"no folder for {state}")
        return self.root / state

    @model_validator(mode="after")
    def _every_folder_is_known(self) -> Inbox:
        missing = [state for state in STATES if self.root is None and getattr(self, state) is None]
        if missing:
            raise ValueError(f"give a root, or all five folders (missing: {', '.join(missing)})")
        return self


STATES = ("inbox", "work", "outbox", "done", "failed")
"""The five states of a file, in the order of its way; failed is the exit."""


class Config(Section):
    """The whole configuration; made without arguments it holds the defaults."""

    paths: Paths = Paths()
    engine: Engine = Engine()
    service: Service = Service()
    limits: Limits = Limits()
    log: Log = Log()
    profile: dict[Name, Profile] = {"default": Profile()}
    """The profile named default is always there."""
    inbox: dict[Name, Inbox] = {"default": Inbox(root=Path("/var/spool/ocrspool/default"))}

    def profile_of(self, inbox: str) -> Profile:
        """Return the profile of the inbox of this name."""
        return self.profile.get(self.inbox[inbox].profile, Profile())

    @model_validator(mode="after")
    def _profiles_are_known(self) -> Config:
        problems = [
            f"inbox.{name}.profile: there is no profile {inbox.profile!r} ({_list(self.profile)})"
            for name, inbox in self.inbox.items()
            if inbox.profile not in {"default", *self.profile}
        ]
        if problems:
            raise ValueError("; ".join(problems))
        if not self.inbox:
            raise ValueError("inbox: at least one is needed")
        return self


@dataclass(slots=True)
class Live:
    """The configuration in effect: what a reload replaces, and everyone reads anew each time."""

    config: Config


def load(path: Path) -> Config:
    """Read the file at `path` and conf.d/*.toml beside it, in order of their names; a later value wins.

    Relative folders are relative to the folder of `path`. Raise ConfigError with every problem found.
    """
    problems: list[str] = []
    merged: dict[str, Any] = {}
    origins: dict[tuple[str, ...], Path] = {}
    for file in [path, *sorted((path.parent / "conf.d").glob("*.toml"))]:
        table = _read(file, problems)
        _merge(merged, table, origins, file, ())
    if problems:
        raise ConfigError(problems)
    try:
        config = Config.model_validate(merged)
    except ValidationError as error:
        raise ConfigError([_explain(detail, origins, path) for detail in error.errors()]) from error
    return _absolute(config, path.resolve().parent)


def _read(file: Path, problems: list[str]) -> dict[str, Any]:
    try:
        return tomli.loads(file.read_text("utf-8"))
    except OSError as error:
        problems.append(f"{file}: {error.strerror}")
    except UnicodeDecodeError as error:
        problems.append(f"{file}: not UTF-8 text (byte {error.start})")
    except (ValueError, RecursionError) as error:  # TOMLDecodeError; a number of 5,000 digits, tables 500 deep
        problems.append(f"{file}: not TOML: {error}")
    return {}


def _merge(
    into: dict[str, Any],
    table: dict[str, Any],
    origins: dict[tuple[str, ...], Path],
    file: Path,
    at: tuple[str, ...],
) -> None:
    for key, value in table.items():
        here = (*at, key)
        origins[here] = file
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value, origins, file, here)
        elif isinstance(value, dict):
            into[key] = {}
            _merge(into[key], value, origins, file, here)
        else:
            into[key] = value


def _explain(detail: ErrorDetails, origins: dict[tuple[str, ...], Path], path: Path) -> str:
    """Return "file: key: what is wrong" for one of pydantic's errors."""
    keys = tuple(str(part) for part in detail["loc"] if part != "[key]")
    file = next((origins[keys[:n]] for n in range(len(keys), 0, -1) if keys[:n] in origins), path)
    message = detail["msg"].removeprefix("Value error, ").replace("Input should", "should")
    if detail["type"] == "extra_forbidden":
        known = _known_keys(keys[:-1])
        near = difflib.get_close_matches(keys[-1], known, n=1)
        message = "unknown key" + (f"; did you mean {near[0]!r}?" if near else f"; known here: {', '.join(known)}")
    elif detail["type"] not in {"value_error", "missing"}:
        message += f", not {_shown(detail['input'])}"
    return ": ".join(filter(None, [str(file), ".".join(keys), message]))


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except ValueError:  # an integer of more digits than Python converts
        return "such a number"
    return text if len(text) <= _MOST_SHOWN else text[:_MOST_SHOWN] + "…"


def _known_keys(keys: tuple[str, ...]) -> list[str]:
    """Return the keys of the table at this place; the names of profiles and inboxes are free."""
    section: type[Section] = Config
    names = iter(keys)
    for key in names:
        annotation = section.model_fields[key].annotation
        if args := get_args(annotation):
            annotation = args[1]
            next(names, None)
        if isinstance(annotation, type) and issubclass(annotation, Section):
            section = annotation
    return list(section.model_fields)


def _absolute(config: Config, base: Path) -> Config:
    """Return the configuration with every folder absolute."""

    def settle(section: Section) -> dict[str, Path]:
        return {key: base / value for key, value in section if isinstance(value, Path)}

    return config.model_copy(
        update={
            "paths": config.paths.model_copy(update=settle(config.paths)),
            "inbox": {name: inbox.model_copy(update=settle(inbox)) for name, inbox in config.inbox.items()},
        }
    )


def _list(names: dict[str, Any]) -> str:
    return "there are: " + ", ".join(sorted(names))
