"""Who has a file open for writing: the rules alone, and with the kernel's own events."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocrspool.intake.watcher import Watch
from ocrspool.intake.writers import Writers
from ocrspool.processes.wakeup import WakeupEvent
from support.waiting import wait_until

SECOND = 1_000_000_000
NOW = 1_700_000_000 * SECOND
OLD = NOW - 100 * SECOND


def written(writers: Writers, name: str, mtime_ns: int) -> bool:
    """Whether a file of this name that changed then is taken for one that is being written."""
    return name in writers.since() and mtime_ns >= writers.since()[name]


def test_who_creates_a_file_writes_to_it() -> None:
    """Until it is closed, however old it says that it is; a reader that comes and goes changes nothing."""
    writers = Writers()
    writers.created("a", NOW)
    writers.opened("a", NOW)
    assert written(writers, "a", OLD)
    writers.opened("a", NOW)
    writers.closed("a", written=False)
    assert written(writers, "a", OLD)
    writers.closed("a", written=True)
    assert writers.since() == {}


def test_who_opens_a_file_may_only_read() -> None:
    """It counts as a writer when the file has changed since."""
    writers = Writers()
    writers.opened("a", NOW)
    assert not written(writers, "a", OLD)
    assert written(writers, "a", NOW)
    writers.closed("a", written=False)
    assert writers.since() == {}


def test_a_link_to_a_whole_file_has_no_writer() -> None:
    """Unless it changes: then the opening was missed, in a folder that had only just been made."""
    writers = Writers()
    writers.created("a", NOW)
    assert not written(writers, "a", NOW)
    assert written(writers, "a", NOW + 1)
    writers.opened("a", NOW)
    writers.closed("a", written=False)
    assert writers.since() == {}


def test_a_name_changes_hands() -> None:
    """A rename takes the writer along, also over another file; what is gone, or came from elsewhere, has none."""
    writers = Writers()
    for name in ("a.part", "b", "sub/c"):
        writers.created(name, NOW)
        writers.opened(name, NOW)
    writers.moved("a.part", "b")
    assert set(writers.since()) == {"b", "sub/c"}
    writers.gone_below("sub")
    writers.moved("unknown", "b")
    assert writers.since() == {}


def test_the_oldest_is_forgotten() -> None:
    """What is known is bounded, whatever happens in the inbox."""
    writers = Writers()
    for number in range(20_000):
        writers.opened(str(number), NOW)
    known = writers.since()
    assert len(known) == 10_000
    assert "19999" in known


CALLS: dict[str, Callable[[Writers, str, str], None]] = {
    "created": lambda writers, name, _: writers.created(name, NOW),
    "opened": lambda writers, name, _: writers.opened(name, NOW),
    "written": lambda writers, name, _: writers.closed(name, written=True),
    "read": lambda writers, name, _: writers.closed(name, written=False),
    "moved": lambda writers, name, other: writers.moved(name, other),
    "removed": lambda writers, name, _: writers.moved(name, None),
    "folder gone": lambda writers, name, _: writers.gone_below(name),
}


@given(st.lists(st.tuples(st.sampled_from(sorted(CALLS)), st.sampled_from("ab"), st.sampled_from(["a", "b", "a/c"]))))
def test_any_order_of_events(history: list[tuple[str, str, str]]) -> None:
    """Events may be missing, twice or late: none of that raises, and the close of a written file is always believed."""
    writers = Writers()
    for call, name, other in history:
        CALLS[call](writers, name, other)
        assert set(writers.since()) <= {"a", "b", "a/c"}
    for name in ("a", "b", "a/c"):
        writers.closed(name, written=True)
    assert writers.since() == {}


@pytest.fixture
def watched(tmp_path: Path, wake: WakeupEvent) -> Iterator[tuple[Watch, Path]]:
    """A watch, and the inbox that it watches."""
    inbox = tmp_path / "inbox"
    (inbox / "sub").mkdir(parents=True)
    watch = Watch(wake)
    watch.start()
    assert watch.add(inbox, recursive=True) == ""
    yield watch, inbox
    watch.stop()


def heard(watch: Watch, inbox: Path) -> None:
    """Wait until everything that has happened so far has been heard of. It also keeps equal events apart."""
    (inbox.parent / "mark").write_bytes(b"")
    (inbox.parent / "mark").rename(inbox / "mark")
    wait_until(lambda: "mark" in watch.hint(inbox, take=True).renamed)
    (inbox / "mark").unlink()


def open_files(watch: Watch, inbox: Path) -> set[str]:
    """The names of the files that are being written, as far as the watch knows."""
    return {
        name
        for name, since in watch.written_since(inbox).items()
        if os.path.lexists(inbox / name) and (inbox / name).lstat().st_mtime_ns >= since
    }


class Users:
    """Programs that write, read, rename, link and remove files in an inbox, one at a time."""

    def __init__(self, inbox: Path, seed: int) -> None:
        self.inbox = inbox
        self.dice = random.Random(seed)
        self.names = [f"{folder}{number}" for folder in ("", "sub/") for number in range(3)]
        self.writing: dict[str, int] = {}
        """Descriptors by name."""

    def act(self) -> None:
        """Do something to a file."""
        name = self.dice.choice(self.names)
        if name in self.writing:
            self._go_on(name, self.dice.choice(["write", "close", "rename", "read", "remove"]))
        elif (self.inbox / name).exists():
            self._touch(self.inbox / name)
        else:
            self._make(name)

    def _go_on(self, name: str, act: str) -> None:
        path, other = self.inbox / name, self.dice.choice(self.names)
        if act == "write":
            os.write(self.writing[name], b"more")
        elif act == "read":
            path.read_bytes()
        elif act == "rename":
            if other not in self.writing:
                path.rename(self.inbox / other)
                self.writing[other] = self.writing.pop(name)
        else:
            if act == "remove":
                path.unlink()
            os.close(self.writing.pop(name))

    def _touch(self, path: Path) -> None:
        if self.dice.random() < 0.5:
            path.read_bytes()
        else:
            path.rename(self.inbox.parent / "claimed")

    def _make(self, name: str) -> None:
        path, whole = self.inbox / name, self.inbox.parent / "whole"
        if self.dice.random() < 0.7:
            self.writing[name] = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL)
            return
        whole.write_bytes(b"whole")
        if self.dice.random() < 0.5:
            whole.rename(path)
        else:
            path.hardlink_to(whole)
            whole.unlink()

    def end(self) -> None:
        """Close everything."""
        while self.writing:
            os.close(self.writing.popitem()[1])


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_what_the_kernel_tells(watched: tuple[Watch, Path], seed: int) -> None:
    """Any history of writers, readers, renames and links: exactly the files are named that somebody writes to."""
    watch, inbox = watched
    users = Users(inbox, seed)
    for _ in range(40):
        users.act()
        heard(watch, inbox)
        assert open_files(watch, inbox) == set(users.writing)
    users.end()
    heard(watch, inbox)
    assert open_files(watch, inbox) == set()


def test_a_file_that_is_opened_again(watched: tuple[Watch, Path]) -> None:
    """Who appends to a file that was closed before is a writer from the first byte."""
    watch, inbox = watched
    (inbox / "a").write_bytes(b"sheet")
    heard(watch, inbox)
    os.utime(inbox / "a", (1e9, 1e9))
    with (inbox / "a").open("ab", buffering=0) as file:
        heard(watch, inbox)
        assert open_files(watch, inbox) == set()
        file.write(b"another")
        assert open_files(watch, inbox) == {"a"}
    heard(watch, inbox)
    assert open_files(watch, inbox) == set()


def test_after_an_overflow_nothing_is_known(watched: tuple[Watch, Path]) -> None:
    """Also not of a folder that is watched anew."""
    watch, inbox = watched
    with (inbox / "a").open("xb"):
        heard(watch, inbox)
        assert open_files(watch, inbox) == {"a"}
        watch._on_overflow()
        assert open_files(watch, inbox) == set()
    with (inbox / "b").open("xb"):
        heard(watch, inbox)
        watch.remove(inbox)
        assert watch.written_since(inbox) == {}
        assert watch.add(inbox, recursive=True) == ""
        assert watch.written_since(inbox) == {}


def test_readers_wake_nobody(watched: tuple[Watch, Path], wake: WakeupEvent) -> None:
    """What only opens a file to read, as our own claim does, asks for no scan, or that would go on for ever."""
    watch, inbox = watched
    (inbox / "a").write_bytes(b"x")
    heard(watch, inbox)
    while wake.wait(0.1):
        pass
    watch.hint(inbox, take=True)
    for _ in range(3):
        (inbox / "a").read_bytes()
    wait_until(lambda: open_files(watch, inbox) == set())
    assert not wake.wait(0.3)
    assert not watch.hint(inbox, take=True).arrived
