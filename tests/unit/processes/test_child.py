"""Child processes that answer, die, hang, and cannot even start. The child is the real decoder."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocrspool.processes.child import Child, ChildDiedError, NoProcessError
from ocrspool.processes.environment import of_workers
from ocrspool.processes.fast_json import loads
from support.forked_code import as_nobody
from support.process_table import lives
from support.waiting import wait_until

PATIENCE = 60.0
LIMITS = {"op": "limits", "memory_mb": 1024, "cpu_seconds": 60}

NewChild = Callable[[str], Child]


def descriptors_of(pid: int) -> dict[str, Path]:
    """Return what a process has open, by number; without the one that looking takes."""
    found = {}
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found[entry.name] = entry.readlink()
    return found


@pytest.fixture
def new_child(tmp_path: Path) -> Iterator[NewChild]:
    """Starts children, ends them, and sees that neither a process nor a descriptor is left over."""
    before = descriptors_of(os.getpid())
    children: list[Child] = []

    def start(module: str = "ocrspool.decoding.child") -> Child:
        children.append(Child(module, of_workers(os.environ, tmp_path)))
        return children[-1]

    yield start
    for child in children:
        child.close()
        assert not lives(child.pid)
    assert descriptors_of(os.getpid()).keys() == before.keys()


def test_question_and_answer(new_child: NewChild) -> None:
    """A child answers until its channel is closed, and then ends by itself."""
    child = new_child("ocrspool.decoding.child")
    child.ask(LIMITS, seconds=PATIENCE)
    for _ in range(3):
        assert child.ask({"op": "close"}, seconds=PATIENCE) == ({"closed": True}, [])
    assert child.alive()
    assert child.resident_bytes() > resource.getpagesize()
    child.close()
    assert not child.alive()
    assert child.resident_bytes() == 0


def test_it_holds_nothing_of_ours(new_child: NewChild, tmp_path: Path) -> None:
    """Not even a descriptor that is inheritable gets into a child: a socket and the standard three are all it has."""
    secret = os.open(tmp_path, os.O_RDONLY)
    os.set_inheritable(secret, True)  # noqa: FBT003 - the function's own form
    child = new_child("ocrspool.decoding.child")
    child.ask(LIMITS, seconds=PATIENCE)
    held = descriptors_of(child.pid).values()
    os.close(secret)
    assert tmp_path not in held
    assert sum(str(path).startswith("socket:") for path in held) == 1


def test_killed_while_idle(new_child: NewChild) -> None:
    """A child that was killed is noticed at the next question, with the signal's name."""
    child = new_child("ocrspool.decoding.child")
    child.ask(LIMITS, seconds=PATIENCE)
    os.kill(child.pid, signal.SIGSEGV)
    wait_until(lambda: not lives(child.pid))
    with pytest.raises(ChildDiedError, match="was killed by SIGSEGV"):
        child.ask(LIMITS, seconds=PATIENCE)
    assert not child.alive()


def test_killed_by_a_signal_without_a_name(new_child: NewChild) -> None:
    """A real-time signal between the named ones has a number."""
    child = new_child("ocrspool.decoding.child")
    child.ask(LIMITS, seconds=PATIENCE)
    os.kill(child.pid, signal.SIGRTMIN + 3)
    with pytest.raises(ChildDiedError, match=f"was killed by signal {signal.SIGRTMIN + 3}"):
        child.receive(seconds=PATIENCE)


def test_signal_kill_ends_a_wait(new_child: NewChild) -> None:
    """Another thread may end a child; whoever waits for it is told."""
    child = new_child("ocrspool.decoding.child")
    child.signal_kill()
    with pytest.raises(ChildDiedError, match="was killed by SIGKILL"):
        child.ask(LIMITS, seconds=PATIENCE)


def test_a_child_that_hangs_is_killed(new_child: NewChild) -> None:
    """No answer in time: the child is dead then, and the error tells that it was the time."""
    child = new_child("ocrspool.decoding.child")
    child.ask(LIMITS, seconds=PATIENCE)
    os.kill(child.pid, signal.SIGSTOP)
    with pytest.raises(ChildDiedError, match=r"gave no answer for 0\.05 s") as caught:
        child.ask(LIMITS, seconds=0.05)
    assert caught.value.overdue
    assert not child.alive()


@pytest.mark.parametrize(("number", "overdue"), [(signal.SIGXCPU, True), (signal.SIGSEGV, False)])
def test_the_limit_of_processor_time_is_told_from_a_crash(
    new_child: NewChild, number: signal.Signals, *, overdue: bool
) -> None:
    """On a busy machine that limit may come before the clock; the document took too long all the same."""
    child = new_child("ocrspool.decoding.child")
    child.ask(LIMITS, seconds=PATIENCE)
    os.kill(child.pid, number)
    with pytest.raises(ChildDiedError) as caught:
        child.ask({"op": "close"}, seconds=PATIENCE)
    assert caught.value.overdue == overdue


@pytest.mark.slow
def test_a_stopped_child_is_ended(new_child: NewChild) -> None:
    """Closing does not wait for ever for a child that does not see it."""
    child = new_child("ocrspool.decoding.child")
    child.ask(LIMITS, seconds=PATIENCE)
    os.kill(child.pid, signal.SIGSTOP)
    child.close()
    assert not lives(child.pid)


@pytest.mark.parametrize(("module", "code"), [("ocrspool.no_such_module", 1), ("this", 0)])
def test_a_child_that_ends_at_once(
    new_child: NewChild, capfd: pytest.CaptureFixture[str], module: str, code: int
) -> None:
    """A child that cannot start, or is none of ours, is said to have ended, with its exit code."""
    with pytest.raises(ChildDiedError, match=f"ended with exit code {code}"):
        new_child(module).ask(LIMITS, seconds=PATIENCE)
    capfd.readouterr()


def test_after_its_death(new_child: NewChild) -> None:
    """A dead child may be killed, closed and asked again: it stays dead, and says so."""
    child = new_child("ocrspool.decoding.child")
    for _ in range(2):
        child.kill()
        child.signal_kill()
        child.close()
        with pytest.raises(ChildDiedError, match="was killed by SIGKILL"):
            child.ask(LIMITS, seconds=PATIENCE)


def test_no_process_is_left(tmp_path: Path) -> None:
    """Where a limit on processes is reached, that is what is said, and nothing else is at fault."""

    def begin() -> str:
        resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
        try:
            Child("ocrspool.decoding.child", of_workers(os.environ, tmp_path))
        except NoProcessError as error:
            return str(error)
        return ""

    assert "no process can be started" in as_nobody(begin)


@given(
    st.recursive(
        st.none() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.binary().map(os.fsdecode),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    )
)
def test_answers_are_read_as_json_reads_them(value: object) -> None:
    """Numbers to the last digit, infinite ones too, and names that are not UTF-8."""
    assert repr(loads(json.dumps(value).encode("ascii"))) == repr(value)


@pytest.mark.parametrize("text", [b"", b"{", b"[" * 100_000, b"\xff", b'{"a": 1} x'])
def test_what_is_no_json_is_refused(text: bytes) -> None:
    """By an exception that the channel takes for the end of the child."""
    with pytest.raises((ValueError, RecursionError)):
        loads(text)
