"""Real kernel events: which ones wake, and which names they call renamed."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocrspool.intake.watcher import TELLS_OF_LOSSES, Watch, WatchEvents
from ocrspool.processes.wakeup import WakeupEvent
from support.waiting import wait_until

NOTHING = WatchEvents(arrived=False, renamed=frozenset())


@pytest.fixture
def watch(wake: WakeupEvent) -> Iterator[Watch]:
    """A watch that runs, and leaves no thread behind."""
    before = threading.active_count()
    watch = Watch(wake)
    watch.start()
    yield watch
    watch.stop()
    assert threading.active_count() == before


@pytest.fixture
def inbox(tmp_path: Path, watch: Watch) -> Path:
    folder = tmp_path / "inbox"
    (folder / "sub").mkdir(parents=True)
    assert watch.add(folder, recursive=True) == ""
    return folder


def test_writing_wakes(watch: Watch, wake: WakeupEvent, inbox: Path) -> None:
    """A file written in place sets the flag, below as well as at the top, and is no rename."""
    for name in ("a.png", "sub/b.png"):
        (inbox / name).write_bytes(b"x")
        assert wake.wait(30)
        wait_until(lambda: watch.hint(inbox, take=False).arrived)
        assert watch.hint(inbox, take=True).renamed == frozenset()


@pytest.mark.parametrize("name", ["a.png", "sub/a.png", "\udcff\n.png"])
def test_renames_are_remembered(watch: Watch, inbox: Path, tmp_path: Path, name: str) -> None:
    """A file renamed into the inbox, from outside or from another name in it, is named, until that is taken."""
    for source in (tmp_path / "outside", inbox / ".a.png.part"):
        source.write_bytes(b"x")
        source.rename(inbox / name)
        wait_until(lambda: name in watch.hint(inbox, take=False).renamed)
        assert watch.hint(inbox, take=True).renamed == {name}
        (inbox / name).unlink()


def test_hints_are_taken_once(watch: Watch, inbox: Path, tmp_path: Path) -> None:
    """Looking changes nothing, taking clears, and a folder that is not watched has none."""
    (inbox / "a.png").write_bytes(b"x")
    (inbox / "a.png").rename(inbox / "b.png")
    wait_until(lambda: watch.hint(inbox, take=False).renamed)
    assert watch.hint(inbox, take=True) == WatchEvents(arrived=True, renamed=frozenset({"b.png"}))
    assert watch.hint(tmp_path, take=True) == NOTHING


def test_what_leaves_does_not_arrive(watch: Watch, wake: WakeupEvent, inbox: Path, tmp_path: Path) -> None:
    """Our own claims, which rename files out of the inbox, wake nobody: an end marker is the next thing heard of."""
    (inbox / "a.png").write_bytes(b"x")
    assert wake.wait(30)
    wait_until(lambda: watch.hint(inbox, take=True).arrived)
    drain(wake)
    (inbox / "a.png").rename(tmp_path / "a.png")
    (inbox / "sub").rename(inbox.parent / "sub")
    (inbox / "end").write_bytes(b"")
    (inbox / "end").rename(inbox / "b.png")
    wait_until(lambda: watch.hint(inbox, take=False).renamed)
    assert watch.hint(inbox, take=True).renamed == {"b.png"}


def test_what_arrives_after_a_file_has_left_is_heard_of_at_once(watch: Watch, inbox: Path, tmp_path: Path) -> None:
    """Each claim is such a leaving. The library would wait half a second for the new name, and all events with it.

    A busy machine may need as long for one event, but hardly for each of ten.
    """

    def seconds(number: int) -> float:
        for name in ("leaves", "arrives"):
            (tmp_path / name).write_bytes(b"x")
        (tmp_path / "leaves").rename(inbox / "leaves")
        wait_until(lambda: "leaves" in watch.hint(inbox, take=False).renamed)
        watch.hint(inbox, take=True)
        began = time.monotonic()
        (inbox / "leaves").rename(tmp_path / "left")
        (tmp_path / "arrives").rename(inbox / f"{number}")
        wait_until(lambda: watch.hint(inbox, take=False).renamed)
        return time.monotonic() - began

    assert min(map(seconds, range(10))) < 0.4


def drain(wake: WakeupEvent) -> None:
    """Wait until it has been quiet for a moment."""
    while wake.wait(0.1):
        pass


def test_a_new_folder_is_watched(watch: Watch, inbox: Path) -> None:
    """What is dropped into a folder that was itself dropped in wakes as well."""
    (inbox / "new").mkdir()
    wait_until(lambda: watch.hint(inbox, take=True).arrived)

    def rename_in() -> frozenset[str]:
        (inbox / "new/x").write_bytes(b"")
        (inbox / "new/x").rename(inbox / "new/a.png")
        return watch.hint(inbox, take=True).renamed

    assert wait_until(rename_in) == {"new/a.png"}


def test_what_cannot_be_watched(watch: Watch, tmp_path: Path) -> None:
    """Why the kernel refuses a folder is told, and nothing breaks."""
    assert watch.add(tmp_path / "none", recursive=True) == "No such file or directory"
    assert not watch.is_watching(tmp_path / "none")
    assert watch.hint(tmp_path / "none", take=True) == NOTHING
    assert watch.alive()


def test_remove_and_add_again(watch: Watch, inbox: Path) -> None:
    """A folder that is no longer watched gives no hints; watched again it does."""
    watch.remove(inbox)
    (inbox / "a.png").write_bytes(b"x")
    assert watch.hint(inbox, take=True) == NOTHING
    assert watch.add(inbox, recursive=False) == ""
    (inbox / "b.png").write_bytes(b"x")
    wait_until(lambda: watch.hint(inbox, take=True).arrived)
    watch.remove(inbox)
    watch.remove(inbox)


def test_alive_until_stopped(wake: WakeupEvent, tmp_path: Path) -> None:
    """A watch that was never started is not alive, a running one is, a stopped one is not; stopping twice is fine."""
    watch = Watch(wake)
    assert not watch.alive()
    watch.stop()
    watch.start()
    watch.add(tmp_path, recursive=True)
    assert watch.alive()
    watch.stop()
    assert not watch.alive()
    watch.stop()
    assert os.path.exists(tmp_path)  # noqa: PTH110 - watching changes nothing


_ADD = """
import sys, pathlib
from ocrspool.processes.wakeup import WakeupEvent
from ocrspool.intake.watcher import Watch
watch = Watch(WakeupEvent())
watch.start()
print(watch.add(pathlib.Path(sys.argv[1]), recursive=True))
assert watch.alive()
watch.stop()
"""


@pytest.mark.parametrize(
    ("limit", "refusal"),
    [
        ("max_inotify_watches", "inotify watch limit reached"),
        ("max_inotify_instances", "inotify instance limit reached"),
    ],
)
def test_the_kernel_s_limits(tmp_path: Path, limit: str, refusal: str) -> None:
    """A limit that is reached (a user namespace has its own) is told, and nothing else happens."""
    assert refused(tmp_path, limit, 0) == refusal
    assert refused(tmp_path, limit, 100) == ""


def test_too_few_watches_for_the_folders_below(tmp_path: Path) -> None:
    """Version 7 of the library keeps quiet when it can watch the inbox and not what is in it; version 6 refuses it."""
    for name in "abc":
        (tmp_path / name).mkdir()
    below = " in the folders below (fs.inotify.max_user_watches)" if TELLS_OF_LOSSES else ""
    assert refused(tmp_path, "max_inotify_watches", 2) == f"inotify watch limit reached{below}"


def refused(folder: Path, limit: str, most: int) -> str:
    """What a watch says in a namespace with this limit."""
    inside = f'echo {most} > /proc/sys/user/{limit} && exec "$@"'
    command = [
        "unshare",
        "--user",
        "--map-root-user",
        "sh",
        "-c",
        inside,
        "sh",
        sys.executable,
        "-c",
        _ADD,
        str(folder),
    ]
    ran = subprocess.run(command, check=False, capture_output=True, text=True)
    if "unshare" in ran.stderr or "sh:" in ran.stderr:
        pytest.skip(f"no user namespaces here: {ran.stderr}")
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


def test_a_folder_that_is_not_the_one_that_was(watch: Watch, inbox: Path) -> None:
    """Renamed away, replaced, deleted: what has the name now is not watched, until it is added again."""
    assert watch.is_watching(inbox)
    inbox.rename(inbox.with_name("away"))
    assert not watch.is_watching(inbox)
    inbox.mkdir()
    assert not watch.is_watching(inbox)
    watch.remove(inbox)
    assert watch.add(inbox, recursive=True) == ""
    assert watch.is_watching(inbox)
    inbox.rmdir()
    wait_until(lambda: not watch.is_watching(inbox))
    assert watch.alive()


def test_an_overflow_is_an_arrival(watch: Watch, wake: WakeupEvent, inbox: Path) -> None:
    """Events that were lost may have been anything: a look is taken."""
    drain(wake)
    watch.hint(inbox, take=True)
    logging.getLogger("watchdog.observers.inotify_c").warning("Inotify queue overflowed; filesystem events were lost")
    assert watch.hint(inbox, take=True).arrived
    assert wake.wait(0)
