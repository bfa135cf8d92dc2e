"""The launcher starts children of this process, also while a file is open whose server does not answer."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ocrspool.processes.child import Child
from ocrspool.processes.launcher import Launcher
from ocrspool.processes.starting import Command, Start, StartLostError, directly
from support.hanging_share import hanging_share
from support.process_table import children_of, lives
from support.waiting import wait_until

STRANGER = 64123
_WHO = """
import os, socket
from ocrspool.processes.channel import Channel
channel = Channel(socket.socket(fileno=int(sys.argv[1])))
while True:
    channel.receive()
    channel.send({"pid": os.getpid()})
"""


@pytest.fixture
def launcher() -> Iterator[Launcher]:
    made = Launcher()
    made.start()
    yield made
    made.close()


@pytest.fixture(params=["directly", "launcher"])
def start(request: pytest.FixtureRequest, launcher: Launcher) -> Start:
    """Both ways to start a process: they do the same."""
    return directly if request.param == "directly" else launcher


def script(text: str) -> list[str]:
    return [sys.executable, "-I", "-c", text]


def test_a_child_of_ours(start: Start) -> None:
    """Its number is in our table of processes, and we see how it ends."""
    process = start(Command(script("import time; time.sleep(100)"), os.environ))
    assert process.pid in children_of(os.getpid())
    assert process.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.01)
    process.kill()
    assert process.wait(10) == process.returncode == -signal.SIGKILL
    process.kill()  # which does nothing any more


def test_exit_codes(start: Start) -> None:
    """As subprocess tells them."""
    assert start(Command(["/bin/sh", "-c", "exit 7"], os.environ)).wait(10) == 7


def test_what_it_is_given(start: Start) -> None:
    """A descriptor whose number is the last argument, variables, a folder, a session, nothing on standard input."""
    ours, theirs = socket.socketpair()
    text = """if True:
        import json, os, signal, socket, sys
        opened = []
        for at in range(256):
            try:
                os.fstat(at)
            except OSError:
                continue
            opened.append(at)
        said = {
            "environment": dict(os.environ), "folder": os.getcwd(), "session": os.getsid(0) == os.getpid(),
            "input": os.read(0, 10).decode(), "open": opened == [0, 1, 2, int(sys.argv[1])],
            "ignored": [s for s in (2, 15) if signal.getsignal(s) is signal.SIG_IGN],
        }
        socket.socket(fileno=int(sys.argv[1])).sendall(json.dumps(said).encode())
    """
    with ours, theirs:
        name = "caf\udce9"  # which is not UTF-8
        process = start(Command(script(text), {"NAME": name, "PATH": "/usr/bin"}, theirs.fileno(), "/"))
        assert process.wait(10) == 0
        said = json.loads(ours.recv(100_000))
    said["environment"].pop("LC_CTYPE", None)  # Python's own
    assert said == {
        "environment": {"NAME": name, "PATH": "/usr/bin"},
        "folder": "/",
        "session": True,
        "input": "",
        "open": True,
        "ignored": [],
    }


@pytest.mark.parametrize("put", ["file", "link", "link-on-the-way", "pipe", "nothing"])
def test_what_it_reads(start: Start, tmp_path: Path, put: str) -> None:
    """A regular file is its standard input. Others can put a link in its place, or a pipe: then there is nothing."""
    folder, secret = tmp_path / "group", tmp_path / "secret"
    folder.mkdir()
    folder.chmod(0o777)
    secret.mkdir()
    (secret / "file").write_text("ours")
    if put == "file":
        (folder / "file").write_text("ours")
    elif put == "link":
        (folder / "file").symlink_to(secret / "file")
    elif put == "link-on-the-way":
        (folder / "sub").symlink_to(secret)
    elif put == "pipe":
        os.mkfifo(folder / "file")
    path = folder / ("sub/file" if put == "link-on-the-way" else "file")
    if path.is_symlink() or path.parent.is_symlink():
        os.chown(path if path.is_symlink() else path.parent, STRANGER, STRANGER, follow_symlinks=False)
    process = start(Command(["/bin/sh", "-c", f"cat > {tmp_path}/read"], os.environ, reads=str(path)))
    assert process.wait(10) == 0
    assert (tmp_path / "read").read_text() == ("ours" if put == "file" else "")


def test_what_it_reads_does_not_answer(tmp_path: Path) -> None:
    """It is given up, and the launcher starts others meanwhile."""
    launcher = Launcher(begin_seconds=0.2)
    launcher.start()
    with hanging_share(tmp_path / "share") as share:
        (share.folder / "file").write_text("away")
        share.freeze()
        with pytest.raises(TimeoutError, match="did not begin"):
            launcher(Command(["/bin/cat"], os.environ, reads=str(share.folder / "file")))
        assert launcher(Command(["/bin/true"], os.environ)).wait(10) == 0
        share.thaw()
    launcher.close()


def test_what_cannot_be_started(start: Start, tmp_path: Path) -> None:
    """The error is that of the program, and nothing is left."""
    no_program = tmp_path / "text"
    no_program.write_text("text")
    before = set(children_of(os.getpid()))
    with pytest.raises(FileNotFoundError):
        start(Command([str(tmp_path / "missing")], os.environ))
    with pytest.raises(PermissionError):
        start(Command([str(no_program)], os.environ))
    with pytest.raises(ValueError, match="null"):
        start(Command(["/bin/true", "\0"], os.environ))
    assert set(children_of(os.getpid())) == before


def test_a_file_is_open_whose_server_does_not_answer(launcher: Launcher, tmp_path: Path) -> None:
    """A process that is started directly waits for that server before its program begins; this one does not."""
    with hanging_share(tmp_path / "share") as share:
        held = os.open(share.folder / "held", os.O_RDWR | os.O_CREAT)
        share.freeze()
        assert launcher(Command(["/bin/true"], os.environ)).wait(10) == 0
        share.thaw()
        os.close(held)


def test_the_launcher_ends_with_us_and_its_children_do_not(launcher: Launcher) -> None:
    """What it has started goes on when it is closed."""
    (pid,) = (pid for pid in children_of(os.getpid()) if b"launcher_child" in Path(f"/proc/{pid}/cmdline").read_bytes())
    process = launcher(Command(script("import time; time.sleep(100)"), os.environ))
    launcher.close()
    wait_until(lambda: not lives(pid))
    assert process.poll() is None
    process.kill()
    assert process.wait(10) == -signal.SIGKILL


def test_a_launcher_that_has_gone(launcher: Launcher, caplog: pytest.LogCaptureFixture) -> None:
    """Processes are started without it, and the log says so."""
    (pid,) = (pid for pid in children_of(os.getpid()) if b"launcher_child" in Path(f"/proc/{pid}/cmdline").read_bytes())
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not lives(pid))
    assert launcher(Command(["/bin/true"], os.environ)).wait(10) == 0
    assert "the launcher of processes has gone" in caplog.text
    assert launcher(Command(["/bin/true"], os.environ)).wait(10) == 0


def test_a_launcher_that_is_late(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It starts the process when it has been given up. What it has started shares no channel with the other one."""
    launcher = Launcher(answer_seconds=0.2)
    launcher.start()
    assert launcher(Command(["/bin/true"], os.environ)).wait(10) == 0
    (late,) = (
        pid for pid in children_of(os.getpid()) if b"launcher_child" in Path(f"/proc/{pid}/cmdline").read_bytes()
    )
    program = tmp_path / "who.py"
    program.write_text(f"import sys\nsys.path[:0] = {sys.path!r}\n{_WHO}")
    os.kill(late, signal.SIGSTOP)
    with ThreadPoolExecutor(1) as pool:
        starting = pool.submit(Child, str(program), dict(os.environ), options=("-I",), start=launcher)
        wait_until(lambda: "has gone" in caplog.text)
        os.kill(late, signal.SIGCONT)
        child = starting.result()
    for _ in range(20):
        assert child.ask({}, seconds=30) == ({"pid": child.pid}, [])
    child.close()


def test_nothing_is_started_twice() -> None:
    """A launcher that has been asked and says nothing may have started the program: the caller has to know that."""
    launcher = Launcher(answer_seconds=0.2)
    launcher.start()
    assert launcher(Command(["/bin/true"], os.environ)).wait(10) == 0
    (pid,) = (pid for pid in children_of(os.getpid()) if b"launcher_child" in Path(f"/proc/{pid}/cmdline").read_bytes())
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(StartLostError):
        launcher(Command(["/bin/true"], os.environ))
    assert launcher(Command(["/bin/true"], os.environ)).wait(10) == 0
