"""`ocrspool inbox`: an inbox is added, removed again, or opened to the service, with all that belongs to that.

Each command first finds what is in the way, and then does one step after the other, told in a line each.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ocrspool.cli import inbox_folders
from ocrspool.cli.inbox_folders import CannotError
from ocrspool.config import preflight
from ocrspool.config.loader import files, load
from ocrspool.config.sandbox import unit_names
from ocrspool.config.schema import Config, Inbox
from ocrspool.config.value_types import NAME
from ocrspool.errors import Exit
from ocrspool.formatting import counted
from ocrspool.machine import units
from ocrspool.spool.layout import STATES

_MEBIBYTE = 1 << 20
_DROP_INS = Path("/etc/systemd/system")
_MARK = "# Made by `ocrspool inbox add`; `ocrspool inbox remove {name}` takes it away."
_MADE = "# Made with it: "


@dataclass(frozen=True)
class _Step:
    """One change: in words, and how it is made."""

    text: str
    make: Callable[[], object]


def add(path: Path, name: str, root: Path, *, dry_run: bool) -> int:
    """Make the folders of a new inbox, its file in conf.d and the drop-ins of the units. Raise CannotError."""
    config = load(path)
    root = Path(os.path.normpath(Path.cwd() / root))
    names = unit_names(path)
    service = inbox_folders.service(config, names[0] if names else "")
    problems = [*_in_the_way(config, path, name, root), *inbox_folders.in_the_way(root, service, names)]
    if problems:
        raise CannotError(f"inbox {name} cannot be added: " + "; ".join(problems))
    if not dry_run:
        inbox_folders.refuse_unless_root()
    made = inbox_folders.missing(root)
    steps = [
        _Step(
            f"make {root} with {', '.join(STATES)}, for user {service.user} and group {service.group}",
            lambda: inbox_folders.make(root, service),
        ),
        _Step(f"write {_file_of(path, name)}", lambda: _write(_file_of(path, name), _settings(name, root, made))),
        *(
            _Step(f"write {file}", lambda file=file: _write(file, _drop_in(name, root)))  # type: ignore[misc] # mypy knows no default of a lambda
            for file in _drop_ins(names, name)
        ),
        *_reread(names),
    ]
    _make(steps, dry_run=dry_run)
    if not dry_run and not inbox_folders.has_acls(root / "inbox"):
        print(f"note: {root} is on a filesystem without ACLs: people who drop files there need the umask 007")
    if not dry_run and shutil.disk_usage(root).free < config.limits.free_disk_mb * _MEBIBYTE:
        print(f"note: {root} has less room than limits.free_disk_mb asks for: nothing is read there until it has")
    restart = f"systemctl restart {names[0]}" if names else "a restart of the service"
    print(f"{'then' if dry_run else 'next'}: {restart}, which takes the inbox up; files in work are finished first")
    return Exit.OK


def remove(path: Path, name: str, *, dry_run: bool) -> int:
    """Undo `add`. Folders that hold anything stay as they are. Raise CannotError."""
    config = load(path)
    file = _file_of(path, name)
    text = _text_of(file)
    if name not in config.inbox:
        raise CannotError(f"there is no inbox {name}; there are: {', '.join(config.inbox)}")
    if _MARK.format(name=name) not in text:
        raise CannotError(
            f"inbox {name} was not made by `ocrspool inbox add`, which would have written {file}",
            "take it out of the configuration by hand; its folders stay",
        )
    if len(config.inbox) == 1:
        raise CannotError(f"inbox {name} is the only one, and a service needs one", "add another one first")
    if not dry_run:
        inbox_folders.refuse_unless_root()
    names = unit_names(path)
    inbox = config.inbox[name]
    made = [Path(line.removeprefix(_MADE)) for line in text.splitlines() if line.startswith(_MADE)]
    steps = [_Step(f"remove {each}", lambda each=each: _remove(each)) for each in (file, *_drop_ins(names, name))]  # type: ignore[misc] # as above
    steps += _reread(names)
    if names and units.is_active(names[0]):
        steps.append(_Step(f"run systemctl reload {names[0]}", lambda: _run("systemctl", "reload", names[0])))
    _make(steps, dry_run=dry_run)
    kept = inbox_folders.files_in(inbox)
    if dry_run:
        print(f"would remove the folders of {name} that are empty; {counted(kept, 'file')} would stay")
        return Exit.OK
    for line in inbox_folders.remove_empty(inbox, made):
        print(line)
    return Exit.OK


def repair(path: Path, name: str | None, *, dry_run: bool) -> int:
    """Open to the service what people have put into inboxes in such a way that it could not take it."""
    config = load(path)
    if name is not None and name not in config.inbox:
        raise CannotError(f"there is no inbox {name}; there are: {', '.join(config.inbox)}")
    names = unit_names(path)
    service = inbox_folders.service(config, names[0] if names else "")
    if not dry_run:
        inbox_folders.refuse_unless_root()
    for each in [name] if name else config.inbox:
        opened = inbox_folders.Opening(service, dry_run)
        opened.open(config.inbox[each].folder("inbox"))
        would = "would be " if dry_run else ""
        print(f"inbox {each}: {counted(opened.folders, 'folder')} and {counted(opened.files, 'file')} {would}opened")
        for passed_over in opened.passed_over:
            print(f"  left as it is: {passed_over}")
    return Exit.OK


def _in_the_way(config: Config, path: Path, name: str, root: Path) -> Iterator[str]:
    """Yield what keeps an inbox of this name and root from being in this configuration."""
    if not re.fullmatch(NAME, name):
        yield "a name has at most 64 letters (a to z), digits, '.', '_' and '-', and begins with a letter or digit"
        return
    if name in config.inbox:
        yield f"there is an inbox of this name, in {config.inbox[name].folder('inbox')}"
        return
    file = _file_of(path, name)
    if file.exists():
        yield f"{file} is there already"
    names = unit_names(path)
    is_further = bool(names) and "@" in names[0]  # the default inbox is not that of a further service
    if not _names_its_inboxes(path) and not is_further:
        yield f"{path} names no inbox, and the default one would be gone with another one: write [inbox.default] first"
    together = config.model_copy(update={"inbox": {**config.inbox, name: Inbox(root=root)}})
    spools = {each: preflight.really(inbox) for each, inbox in together.inbox.items()}
    yield from (problem for problem in preflight.overlaps(together, spools) if f"inbox.{name}." in problem)


def _names_its_inboxes(path: Path) -> bool:
    return any(re.search(r"(?m)^\s*\[\s*inbox\b|^\s*inbox\s*[.=]", _text_of(file)) for file in files(path))


def _file_of(path: Path, name: str) -> Path:
    return path.parent / "conf.d" / f"{name}.toml"


def _drop_ins(names: tuple[str, ...], name: str) -> list[Path]:
    return [_DROP_INS / f"{unit}.service.d" / f"inbox-{name}.conf" for unit in names]


def _settings(name: str, root: Path, made: list[Path]) -> str:
    lines = [_MARK.format(name=name), *(f"{_MADE}{folder}" for folder in made)]
    return "\n".join((*lines, f'[inbox."{name}"]', f'root = "{root}"', ""))


def _drop_in(name: str, root: Path) -> str:
    # With "-" the service starts without the folder, for instance while its disk is away; the inbox waits then.
    escaped = str(root).replace("%", "%%")
    return f'{_MARK.format(name=name)}\n[Service]\nReadWritePaths="-{escaped}"\n'


def _reread(names: tuple[str, ...]) -> list[_Step]:
    if not names or not units.systemd_runs():
        return []
    return [_Step("run systemctl daemon-reload", lambda: _run("systemctl", "daemon-reload"))]


def _make(steps: list[_Step], *, dry_run: bool) -> None:
    for step in steps:
        if not dry_run:
            step.make()
        print(f"would {step.text}" if dry_run else f"done: {step.text}")


def _run(*command: str) -> None:
    ended = subprocess.run(command, check=False, capture_output=True, text=True)
    if ended.returncode:
        raise CannotError(f"`{' '.join(command)}` failed: {ended.stderr.strip()}", "`systemctl status` may tell why")


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")
    file.chmod(0o644)


def _remove(file: Path) -> None:
    file.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # other files are in it, or it is not there
        file.parent.rmdir()


def _text_of(file: Path) -> str:
    try:
        return file.read_text("utf-8", "replace")
    except OSError:
        return ""
