"""Which files count, and when one is settled. The clock is the test's own."""

from __future__ import annotations

import fcntl
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocrspool.config.schema import Inbox
from ocrspool.files.name_patterns import NamePatterns
from ocrspool.intake.scanner import DEEPEST, Scan, Scanner
from ocrspool.spool.claim import claimable
from ocrspool.spool.patience import Patience
from ocrspool.spool.snapshot import FileSnapshot
from support.forked_code import as_nobody

SETTLE = 2.0
WRITER = 100.0
INCOMPLETE = 60.0
PATIENCE = Patience(SETTLE, WRITER, INCOMPLETE)
IGNORED = Inbox(root=Path("/r")).ignore


@dataclass
class Clock:
    """Stands still until it is set."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Watched:
    """An inbox with its scanner and the scanner's clock."""

    root: Path
    clock: Clock = field(default_factory=Clock)
    include: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = IGNORED
    recursive: bool = True
    patience: Patience = PATIENCE
    scanner: Scanner = field(init=False)

    def __post_init__(self) -> None:
        rules = NamePatterns(self.include, self.exclude)
        self.scanner = Scanner(str(self.root), rules, self.patience, self.recursive, self.clock)

    def put(self, name: str, data: bytes = b"x") -> Path:
        """Write a file in place, as a program that copies does."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    def scan_after(self, seconds: float, *renamed: str, written: dict[str, int] | None = None) -> Scan:
        """Let time pass, then scan; of the files in `written` events say that somebody has them open."""
        self.clock.now += seconds
        return self.scanner.scan(frozenset(renamed), written or {})

    def settled_after(self, seconds: float, *renamed: str) -> list[str]:
        """Return the names that a scan finds settled."""
        return [seen.name for seen in self.scan_after(seconds, *renamed).settled]

    def all_settled(self) -> list[str]:
        """Return what is settled when nothing has changed for long enough, by name."""
        self.scan_after(0)
        return sorted(self.settled_after(SETTLE))


@pytest.fixture
def inbox(tmp_path: Path) -> Watched:
    (tmp_path / "inbox").mkdir()
    return Watched(tmp_path / "inbox")


def sighting(path: Path) -> FileSnapshot:
    """See a file as a scan of its folder does."""
    found = path.lstat()
    return FileSnapshot(path.name, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


def test_a_file_settles_after_the_settle_time(inbox: Watched) -> None:
    """A file in place waits exactly as long as it has to, and `due` says when."""
    inbox.put("a.png")
    scan = inbox.scan_after(0)
    assert (scan.settled, scan.waiting, scan.due) == ([], 1, inbox.clock.now + SETTLE)
    assert inbox.settled_after(SETTLE - 0.001) == []
    scan = inbox.scan_after(0.001)
    assert ([seen.name for seen in scan.settled], scan.waiting, scan.due) == (["a.png"], 0, None)


@given(now=st.floats(0, 1e7), settle=st.floats(0, 1e5))
def test_no_rounding_keeps_a_file_waiting(now: float, settle: float) -> None:
    """A scan at the very moment that `due` named finds the file settled, whatever the floats; a renamed one at once."""
    folder = Path(__file__).parent
    clock = Clock(now)
    scanner = Scanner(
        str(folder), NamePatterns((Path(__file__).name,), ()), Patience(settle), recursive=False, clock=clock
    )
    assert len(scanner.scan(frozenset({Path(__file__).name})).settled) == 1
    scanner.unsettle(sighting(Path(__file__)))
    due = scanner.scan().due
    clock.now = now if due is None else due
    assert len(scanner.scan().settled) == 1


def test_a_growing_file_begins_anew(inbox: Watched) -> None:
    """Every byte that arrives puts the claim off by a whole settle time."""
    path = inbox.put("a.png")
    inbox.scan_after(0)
    for _ in range(3):
        with path.open("ab") as file:
            file.write(b"more")
        assert inbox.settled_after(SETTLE) == []
    assert inbox.settled_after(SETTLE) == ["a.png"]


def test_a_settled_file_that_changes_begins_anew_when_it_is_not_claimed(inbox: Watched) -> None:
    """Scans do not look at settled files again; the claim does, and what it refuses settles once more."""
    path = inbox.put("a.png")
    inbox.scan_after(0)
    (seen,) = inbox.scan_after(SETTLE).settled
    path.write_bytes(b"more")
    assert inbox.scan_after(SETTLE).settled == [seen]
    inbox.scanner.unsettle(seen)
    inbox.scan_after(SETTLE)
    assert inbox.settled_after(SETTLE / 2) == []
    assert inbox.scan_after(SETTLE / 2).settled == [sighting(path)]


def test_a_touched_file_begins_anew(inbox: Watched) -> None:
    """A new time without a new byte is a sign of life, too."""
    path = inbox.put("a.png")
    inbox.scan_after(0)
    os.utime(path, ns=(path.stat().st_mtime_ns, path.stat().st_mtime_ns + 1))
    assert inbox.settled_after(SETTLE) == []
    assert inbox.settled_after(SETTLE) == ["a.png"]


def test_a_replaced_file_begins_anew(inbox: Watched, tmp_path: Path) -> None:
    """Another file of the same name, size and time is another file."""
    path = inbox.put("a.png")
    inbox.scan_after(0)
    (tmp_path / "other").write_bytes(b"y")
    os.utime(tmp_path / "other", ns=(path.stat().st_mtime_ns, path.stat().st_mtime_ns))
    (tmp_path / "other").replace(path)
    assert inbox.settled_after(SETTLE) == []
    assert inbox.settled_after(SETTLE) == ["a.png"]


def test_a_renamed_file_is_settled_at_once(inbox: Watched) -> None:
    """What got its name by a rename was whole then; the hint is for this file only, and of names unseen harmless."""
    inbox.put("a.png")
    inbox.put("b.png")
    assert inbox.settled_after(0, "a.png", "gone.png") == ["a.png"]
    assert inbox.settled_after(SETTLE) == ["a.png", "b.png"]


def test_a_file_that_was_being_watched_is_settled_by_its_rename(inbox: Watched) -> None:
    """The usual upload: x.part grows, then becomes x."""
    inbox.put("a.png.part")
    assert inbox.scan_after(0).waiting == 0
    (inbox.root / "a.png.part").rename(inbox.root / "a.png")
    assert inbox.settled_after(0.1, "a.png") == ["a.png"]


def test_an_old_file_moved_in_needs_no_event(inbox: Watched) -> None:
    """`cp -p`, `mv`, an unpacked archive: content older than its entry was not written just now."""
    path = inbox.put("a.png")
    os.utime(path, (0, 0))
    assert inbox.settled_after(0) == ["a.png"]


def test_a_file_from_the_future_settles(inbox: Watched) -> None:
    """A clock that was wrong when the file was made neither hurries nor hinders."""
    os.utime(inbox.put("a.png"), (4e9, 4e9))
    assert inbox.settled_after(0) == []
    assert inbox.settled_after(SETTLE) == ["a.png"]


def test_unsettle_puts_off_and_forget_forgets(inbox: Watched) -> None:
    """A file that could not be claimed waits again; a claimed one that comes back is new."""
    inbox.put("a.png")
    inbox.scan_after(0)
    (seen,) = inbox.scan_after(SETTLE).settled
    inbox.scanner.unsettle(seen)
    scan = inbox.scan_after(0)
    assert (scan.settled, scan.due) == ([], inbox.clock.now + SETTLE)
    assert inbox.settled_after(SETTLE) == ["a.png"]
    inbox.scanner.forget(seen)
    assert inbox.settled_after(0) == []


def test_an_empty_file_is_waited_for(inbox: Watched) -> None:
    """Somebody has opened it and may be about to write; renamed or moved in, an empty file is what it is."""
    path = inbox.put("a.png", b"")
    assert inbox.settled_after(0) == []
    assert inbox.settled_after(INCOMPLETE - 0.1) == []
    path.write_bytes(b"x")
    assert inbox.settled_after(0.2) == []
    assert inbox.settled_after(SETTLE) == ["a.png"]
    inbox.put("b.png", b"")
    os.utime(inbox.put("old.png", b""), (0, 0))
    assert inbox.settled_after(0, "b.png") == ["old.png", "a.png", "b.png"]
    inbox.put("c.png", b"")
    inbox.scan_after(0)
    assert "c.png" in inbox.settled_after(INCOMPLETE)


EVER = -(1 << 63)


def test_a_file_with_a_writer_is_held(inbox: Watched) -> None:
    """However quiet it is; closed, it is settled at once; changed, it has to settle again."""
    path = inbox.put("a.tif")
    inbox.put("b.tif")
    inbox.scan_after(0)
    scan = inbox.scan_after(SETTLE, written={"a.tif": EVER})
    assert ([seen.name for seen in scan.settled], scan.waiting, scan.held) == (["b.tif"], 1, frozenset({"a.tif"}))
    assert scan.due == inbox.clock.now + SETTLE
    path.write_bytes(b"more")
    scan = inbox.scan_after(SETTLE, written={"a.tif": EVER})
    assert scan.held == frozenset()
    assert inbox.scan_after(SETTLE, written={"a.tif": EVER}).held == {"a.tif"}
    assert inbox.settled_after(0) == ["b.tif", "a.tif"]


def test_a_renamed_file_with_a_writer_is_held(inbox: Watched) -> None:
    """Who renames a file may have it open all the same."""
    inbox.put("a.tif")
    assert inbox.scan_after(0, "a.tif", written={"a.tif": EVER}).held == {"a.tif"}
    assert inbox.settled_after(0) == ["a.tif"]


def test_a_file_is_held_under_all_its_names(inbox: Watched) -> None:
    """Events name the file by which it was opened, also where that name does not count."""
    path = inbox.put("a.tif.part")
    (inbox.root / "a.tif").hardlink_to(path)
    inbox.scan_after(0)
    assert inbox.scan_after(SETTLE, written={"a.tif.part": EVER}).held == {"a.tif"}


def test_a_reader_holds_nothing(inbox: Watched) -> None:
    """An event says since when a file would have to have changed."""
    path = inbox.put("a.tif")
    inbox.scan_after(0)
    changed = path.stat().st_mtime_ns
    assert inbox.scan_after(SETTLE, written={"a.tif": changed + 1}).held == frozenset()
    assert inbox.scan_after(0, written={"a.tif": changed}).held == {"a.tif"}


def test_a_file_from_the_future_has_no_writer(inbox: Watched) -> None:
    """Its time was set, and is no sign that somebody wrote to it after it was opened."""
    path = inbox.put("a.tif")
    os.utime(path, (4e9, 4e9))
    inbox.scan_after(0)
    since = path.stat().st_ctime_ns + 1
    assert inbox.scan_after(SETTLE, written={"a.tif": since}).held == frozenset()
    assert inbox.scan_after(0, written={"a.tif": since - 1}).held == {"a.tif"}


def test_a_writer_is_not_waited_for_for_ever(inbox: Watched) -> None:
    """Events may be wrong, and a program may never close its file: so long after its last change it is taken."""
    path = inbox.put("a.tif")
    inbox.scan_after(0)
    ages = (SETTLE, WRITER - 0.5)
    assert [inbox.scan_after(age, written={"a.tif": EVER}).held for age in ages] == [{"a.tif"}] * 2
    path.write_bytes(b"more")
    inbox.scan_after(0, written={"a.tif": EVER})
    assert [inbox.scan_after(age, written={"a.tif": EVER}).held for age in ages] == [{"a.tif"}] * 2
    scan = inbox.scan_after(0.5, written={"a.tif": EVER})
    assert ([seen.name for seen in scan.settled], scan.overdue, scan.held) == (
        ["a.tif"],
        frozenset({"a.tif"}),
        frozenset(),
    )


def test_what_was_given_back_is_left_alone(inbox: Watched) -> None:
    """For so long, also where its times say that it was renamed; a change ends that."""
    path = inbox.put("a.pdf")
    os.utime(path, (1, 1))
    (seen,) = inbox.scan_after(0).settled
    inbox.scanner.forget(seen)
    inbox.scanner.leave_alone(seen.content, 50)
    assert inbox.scan_after(0, "a.pdf").due == inbox.clock.now + SETTLE  # it may change without an event
    assert inbox.settled_after(49) == []
    assert inbox.settled_after(1) == ["a.pdf"]
    inbox.scanner.forget(seen)
    inbox.scanner.leave_alone(seen.content, 50)
    assert inbox.settled_after(0) == []
    path.write_bytes(b"whole")
    inbox.scan_after(0)
    assert inbox.settled_after(SETTLE) == ["a.pdf"]


@given(
    st.lists(
        st.tuples(
            st.floats(0, 3 * WRITER),
            st.sampled_from(["", "write", "touch", "alone", "unsettle"]),
            st.dictionaries(st.sampled_from(["a", "b"]), st.integers(-(1 << 63), 1 << 62)),
        ),
        max_size=12,
    )
)
def test_no_hint_keeps_a_file_waiting(history: list[tuple[float, str, dict[str, int]]]) -> None:
    """Whatever events and files do: one that is left in peace is settled after the longest patience."""
    with tempfile.TemporaryDirectory() as folder:
        inbox = Watched(Path(folder))
        path = inbox.put("a")
        for seconds, act, written in history:
            scan = inbox.scan_after(seconds, *written, written=written)
            assert len(scan.settled) + scan.waiting == 1
            assert scan.settled or (scan.due or 0) > inbox.clock.now
            if act == "write":
                path.write_bytes(path.read_bytes() + b"x")
            elif act == "touch":
                path.write_bytes(b"")
            elif act == "alone":
                inbox.scanner.leave_alone(sighting(path).content, INCOMPLETE)
            elif act == "unsettle":
                inbox.scanner.unsettle(sighting(path))
        inbox.scan_after(0, written={"a": EVER})
        assert inbox.scan_after(INCOMPLETE + WRITER, written={"a": EVER}).settled


def test_due_is_the_soonest(inbox: Watched) -> None:
    """Of several waiting files the next to settle decides when to look again."""
    inbox.put("a.png")
    inbox.scan_after(0)
    inbox.put("b.png")
    scan = inbox.scan_after(0.5)
    assert (scan.waiting, scan.due) == (2, inbox.clock.now + SETTLE - 0.5)
    scan = inbox.scan_after(SETTLE - 0.5)
    assert (scan.waiting, scan.due) == (1, inbox.clock.now + 0.5)


def test_an_empty_inbox(inbox: Watched) -> None:
    """Nothing waits, nothing is due, nothing is wrong."""
    assert inbox.scan_after(0) == Scan([], 0, None, [])


def test_oldest_first(inbox: Watched) -> None:
    """Files are claimed in the order in which they were written, whatever their names; ties go by name."""
    order = [f"{number}.png" for number in range(20)]
    random.Random(7).shuffle(order)
    for age, name in enumerate(order):
        os.utime(inbox.put(name), (age, age))
    os.utime(inbox.put("same.png"), (19, 19))
    assert inbox.settled_after(0) == sorted(order[:19], key=order.index) + sorted([order[19], "same.png"])


@pytest.mark.parametrize(
    "name",
    [
        ".hidden", "~$office.docx", "backup.png~", "a.png.part", "a.partial", "a.tmp", "A.TMP", "a.temp", "a.filepart",
        "a.crdownload", "a.download", ".a.png.swp", "a.swp", "Thumbs.db", "desktop.ini", "DESKTOP.INI",
    ],
)  # fmt: skip
def test_names_of_unfinished_files_are_ignored(inbox: Watched, name: str) -> None:
    """Copies still being written and the litter of other systems are left alone, in any folder and case."""
    inbox.put(name)
    inbox.put(f"sub/{name}")
    inbox.put("sub/a.png")
    assert inbox.all_settled() == ["sub/a.png"]


@pytest.mark.parametrize("folder", ["@eaDir", "#recycle", "#snapshot", "lost+found", "$RECYCLE.BIN", ".git", "x.tmp"])
def test_ignored_folders_are_not_entered(inbox: Watched, folder: str) -> None:
    """What a NAS keeps in its own folders is no document."""
    inbox.put(f"{folder}/a.png")
    inbox.put(f"sub/{folder}/deep/a.png")
    assert inbox.all_settled() == []


@pytest.mark.parametrize(
    ("include", "exclude", "found"),
    [
        (("*.png",), (), ["a.png", "sub/b.PNG"]),
        (("sub/*",), (), ["sub/b.PNG", "sub/c.pdf"]),
        (("SUB/*.png", "d.*"), (), ["d.txt", "sub/b.PNG"]),
        (("*",), ("sub",), ["a.png", "d.txt"]),
        (("*",), ("sub/*.pdf", "d*"), ["a.png", "sub/b.PNG"]),
        (("a.png",), ("a.*",), []),
        ((), (), []),
        (("[", "*.pdf"), (), ["sub/c.pdf"]),
    ],
)
def test_include_and_exclude(
    tmp_path: Path, include: tuple[str, ...], exclude: tuple[str, ...], found: list[str]
) -> None:
    """Without "/" a pattern is matched with the last part, with one with the whole; excluding wins."""
    inbox = Watched(tmp_path, include=include, exclude=exclude)
    for name in ("a.png", "sub/b.PNG", "sub/c.pdf", "d.txt"):
        inbox.put(name)
    assert inbox.all_settled() == found


@given(st.lists(st.text(max_size=20)), st.lists(st.text(max_size=20)), st.text(min_size=1))
def test_any_pattern_compiles(include: list[str], exclude: list[str], name: str) -> None:
    """No pattern that can be configured breaks a scan, nor does one that is malformed spoil its neighbors."""
    rules = NamePatterns([*include, name.translate({ord(c): f"[{c}]" for c in "*?["})], exclude)
    assert rules.wants(name) != rules.excludes(name)


def test_folders_are_left_alone_without_recursion(tmp_path: Path) -> None:
    """`recursive = false` reads the top folder only."""
    inbox = Watched(tmp_path, recursive=False)
    inbox.put("a.png")
    inbox.put("sub/b.png")
    assert inbox.all_settled() == ["a.png"]


@pytest.fixture
def strange(inbox: Watched) -> Iterator[Watched]:
    """An inbox with everything that is not a regular file, named as if it were."""
    outside = inbox.root.parent / "outside"
    outside.mkdir()
    (outside / "secret.png").write_bytes(b"x")
    (inbox.root / "link.png").symlink_to(outside / "secret.png")
    (inbox.root / "dangling.png").symlink_to("nowhere")
    (inbox.root / "folder-link").symlink_to(outside)
    (inbox.root / "loop").symlink_to(".")
    (inbox.root / "folder.png").mkdir()
    os.mkfifo(inbox.root / "pipe.png")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(inbox.root / "socket.png"))
        yield inbox


def test_only_regular_files_count(strange: Watched) -> None:
    """Links, pipes, sockets and folders are never returned, followed, opened or waited for."""
    scan = strange.scan_after(0, "link.png", "pipe.png", "socket.png", "folder.png", "folder-link/secret.png")
    assert scan == Scan([], 0, None, [])


def test_strange_names_are_names(inbox: Watched) -> None:
    """A line feed, a leading dash, an escape, bytes that are no UTF-8 and 255 bytes are all fine."""
    odd = ["a\nb.png", "-rf.png", "\x1b[2J.png", "\udcff\udcfe.png", "é" * 127, "*?[.png", "a~b"]
    for name in odd:
        inbox.put(name)
    assert inbox.all_settled() == sorted(odd)


def test_a_missing_inbox_is_a_problem(tmp_path: Path) -> None:
    """An inbox that was not mounted, or was removed, is said to be missing."""
    scan = Watched(tmp_path / "none").scan_after(0)
    assert scan.settled == []
    assert scan.problems == [f"the inbox {tmp_path / 'none'} is not there"]


def test_an_inbox_that_is_a_file_is_a_problem(tmp_path: Path) -> None:
    """The reason is the system's."""
    (tmp_path / "inbox").write_bytes(b"")
    assert Watched(tmp_path / "inbox").scan_after(0).problems == [f"{tmp_path / 'inbox'}: Not a directory"]


def test_an_unreadable_folder_is_a_problem(open_folder: Path) -> None:
    """One folder without permission is named; everything else is read."""
    inbox = Watched(open_folder)
    inbox.put("a.png")
    inbox.put("locked/b.png").parent.chmod(0o700)

    def scan() -> list[list[str]]:
        inbox.scan_after(0)
        found = inbox.scan_after(SETTLE)
        return [[seen.name for seen in found.settled], found.problems]

    assert as_nobody(scan) == [["a.png"], ["locked/: Permission denied"]]


def test_folders_without_end(inbox: Watched) -> None:
    """Folders below the deepest are reported, once, and not entered."""
    inbox.put("d/" * DEEPEST + "ok.png")
    inbox.put("d/" * (DEEPEST + 2) + "lost.png")
    scan = inbox.scan_after(0)
    assert scan.waiting == 1
    assert len(scan.problems) == 1
    assert re.search(f"more than {DEEPEST} folders deep", scan.problems[0])


def test_paths_without_end(inbox: Watched) -> None:
    """What lies deeper than the system's paths reach is reported, folders as well as files; everything else is read."""
    inbox.put("a.png")
    at = os.open(inbox.root, os.O_RDONLY)
    for _ in range(4096 // 201 + 2):
        for name in ("d" * 200, f"{'f' * 196}.png"):
            if name[0] == "d":
                os.mkdir(name, dir_fd=at)
            else:
                os.close(os.open(name, os.O_CREAT | os.O_WRONLY, dir_fd=at))
        below = os.open("d" * 200, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    os.close(at)
    scan = inbox.scan_after(0)
    assert 15 < scan.waiting < 4096 // 201 + 2
    assert "a.png" in inbox.settled_after(SETTLE)
    assert 1 <= len(scan.problems) <= 2
    assert all(problem.endswith("File name too long") for problem in scan.problems)
    subprocess.run(["rm", "-rf", "d" * 200], cwd=inbox.root, check=True)  # noqa: S607 - what no path of ours reaches


def claims(path: Path, seen: FileSnapshot) -> bool:
    """Ask whether the file at `path` may be claimed."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        return claimable(descriptor, seen)
    finally:
        os.close(descriptor)


def test_claimable_only_as_seen(tmp_path: Path) -> None:
    """A file that has grown, was touched or replaced since it was seen is not to be claimed."""
    path, other = tmp_path / "a", tmp_path / "b"
    path.write_bytes(b"x")
    seen = sighting(path)
    assert claims(path, seen)
    other.write_bytes(b"x")
    os.utime(other, ns=(seen.mtime_ns, seen.mtime_ns))
    assert not claims(other, seen)
    os.utime(path, ns=(0, seen.mtime_ns + 1))
    assert not claims(path, seen)
    os.utime(path, ns=(0, seen.mtime_ns))
    assert claims(path, seen)
    path.write_bytes(b"xy")
    os.utime(path, ns=(0, seen.mtime_ns))
    assert not claims(path, seen)


@pytest.fixture
def leases(tmp_path: Path) -> None:
    """Skips a test where the kernel grants no leases."""
    probe = tmp_path / "probe"
    probe.write_bytes(b"")
    descriptor = os.open(probe, os.O_RDONLY)
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        pytest.skip(f"no leases on this filesystem: {error.strerror}")
    finally:
        os.close(descriptor)


HOLD = "import sys; f = open(sys.argv[1], 'r+b'); print('open', flush=True); sys.stdin.read()"


@pytest.mark.usefixtures("leases")
def test_a_file_open_for_writing_is_not_claimable(tmp_path: Path) -> None:
    """However quiet it is: another process that holds the file open may go on writing; one that ended may not."""
    path = tmp_path / "a.png"
    path.write_bytes(b"x")
    seen = sighting(path)
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"open\n"
        assert not claims(path, seen)
        writer.communicate()
    assert claims(path, seen)


@pytest.mark.usefixtures("leases")
def test_a_file_open_for_reading_is_claimable(tmp_path: Path) -> None:
    """Whoever only reads it (a virus scanner, a thumbnailer) does not hold it up."""
    path = tmp_path / "a.png"
    path.write_bytes(b"x")
    with path.open("rb"):
        assert claims(path, sighting(path))


OPEN_AGAIN_AND_AGAIN = """
import os, sys
for _ in range(int(sys.argv[2])):
    os.close(os.open(sys.argv[1], os.O_WRONLY))
"""


@pytest.mark.usefixtures("leases")
def test_a_writer_at_the_wrong_moment_kills_nobody(tmp_path: Path) -> None:
    """Opening a file for writing while its lease is held sends us a signal, which must not be SIGIO: that one kills."""
    path = tmp_path / "a.png"
    path.write_bytes(b"x")
    seen = sighting(path)
    claimer = os.fork()
    if claimer == 0:  # it would die here, not the test runner
        signal.signal(signal.SIGIO, signal.SIG_DFL)
        while os.getppid() != 1:
            claims(path, seen)
    try:
        subprocess.run([sys.executable, "-c", OPEN_AGAIN_AND_AGAIN, str(path), "20000"], check=True, timeout=60)
        ended = os.waitid(os.P_PID, claimer, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        assert ended is None, "the claiming process was killed"
    finally:
        os.kill(claimer, signal.SIGKILL)
        os.waitpid(claimer, 0)


def test_what_is_no_file_is_not_claimable(tmp_path: Path) -> None:
    """A pipe swapped in after the scan is refused."""
    os.mkfifo(tmp_path / "a")
    assert not claims(tmp_path / "a", sighting(tmp_path / "a"))
