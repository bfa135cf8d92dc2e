"""Real processes that assemble documents: what they make, what they may do, and what their death costs."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ocrspool.config.current import CurrentConfig
from ocrspool.config.schema import Config
from ocrspool.config.sections import Paths
from ocrspool.errors import EngineError
from ocrspool.pages import EncodedText
from ocrspool.pipeline.assembler import FoundPage, Parts, draft_of
from ocrspool.pipeline.assembling import pool as pools
from ocrspool.pipeline.assembling.pool import AssemblerPool
from ocrspool.pipeline.draft import Draft
from ocrspool.processes import sandbox
from ocrspool.processes.starting import Command, Process, directly
from ocrspool.recognition.page_json import UnreadableBodyError
from support.process_table import children_of, is_module
from support.sample_parts import as_written, parts
from support.sample_results import ENGINE

MODULE = "ocrspool.pipeline.assembling.child"


class Starts:
    """Starts processes, unless it is told not to."""

    error: OSError | None = None
    dies = False

    def __init__(self) -> None:
        self.pids: list[int] = []

    def __call__(self, command: Command) -> Process:
        if self.error is not None:
            raise self.error
        words = [sys.executable, "-c", "raise SystemExit(3)"] if self.dies else command.words
        process = directly(replace(command, words=words))
        self.pids.append(process.pid)
        return process


@pytest.fixture
def starts() -> Starts:
    return Starts()


@pytest.fixture
def pool(tmp_path: Path, starts: Starts) -> Iterator[AssemblerPool]:
    live = CurrentConfig(Config(paths=Paths(cache=tmp_path, runtime=tmp_path)))
    with contextlib.closing(AssemblerPool(1, live, starts)) as made:
        made.start()
        yield made
    assert not [pid for pid in children_of(os.getpid()) if is_module(pid, MODULE)]


def outputs(draft: Draft) -> dict[str, bytes]:
    """Return all bytes that a draft has."""
    texts = {name: text.data for name, text in draft.texts.items() if isinstance(text.data, bytes)}
    return {"json": draft.beginning, **texts}


def broken() -> Parts:
    """A document with a page whose text is none."""
    first = parts().pages[0]
    assert isinstance(first, FoundPage)
    return replace(parts(), pages=[replace(first, text=EncodedText(b"?", {}))])


def test_a_process_makes_what_the_service_would_make(pool: AssemblerPool, starts: Starts) -> None:
    for _ in range(3):
        assert outputs(pool.draft(ENGINE, parts(as_written))) == outputs(draft_of(ENGINE, parts()))
    assert len(starts.pids) == 1


@pytest.mark.skipif(not sandbox.can_filter(), reason="this kernel filters no system calls")
def test_it_is_confined(pool: AssemblerPool, starts: Starts) -> None:  # noqa: ARG001 - it has a process
    status = Path(f"/proc/{starts.pids[0]}/status").read_text()
    found = dict(line.split(":\t", 1) for line in status.splitlines())
    assert (found["Seccomp"], found["NoNewPrivs"]) == ("2", "1")
    limits = Path(f"/proc/{starts.pids[0]}/limits").read_text()
    assert "Max processes             0 " in limits


@pytest.mark.parametrize("name", [signal.SIGKILL, signal.SIGSEGV])
def test_one_that_dies_costs_nothing(pool: AssemblerPool, starts: Starts, name: signal.Signals) -> None:
    os.kill(starts.pids[0], name)
    assert outputs(pool.draft(ENGINE, parts())) == outputs(draft_of(ENGINE, parts()))
    assert len(starts.pids) == 2


def test_a_document_of_which_two_die_is_tried_again_later(pool: AssemblerPool, starts: Starts) -> None:
    """Its attempt counts, as with a worker that dies. The next document finds a process."""
    os.kill(starts.pids[0], signal.SIGKILL)
    starts.dies = True
    with pytest.raises(EngineError, match="a process that assembled the document ended with exit code 3"):
        pool.draft(ENGINE, parts())
    starts.dies = False
    assert outputs(pool.draft(ENGINE, parts())) == outputs(draft_of(ENGINE, parts()))


def test_a_text_that_is_none_is_told_apart(pool: AssemblerPool, starts: Starts) -> None:
    """A worker wrote that, and the process goes on."""
    with pytest.raises(UnreadableBodyError):
        pool.draft(ENGINE, broken())
    assert outputs(pool.draft(ENGINE, parts())) == outputs(draft_of(ENGINE, parts()))
    assert len(starts.pids) == 1


def test_where_no_process_can_be_started_the_service_does_it(
    pool: AssemblerPool, starts: Starts, caplog: pytest.LogCaptureFixture
) -> None:
    os.kill(starts.pids[0], signal.SIGKILL)
    starts.error = OSError(11, "Resource temporarily unavailable")
    with caplog.at_level(logging.ERROR):
        assert outputs(pool.draft(ENGINE, parts(as_written))) == outputs(draft_of(ENGINE, parts()))
    assert "assembled in the service" in caplog.text
    starts.error = None
    pool.draft(ENGINE, parts())
    assert len(starts.pids) == 2


def test_where_a_process_fails_the_service_does_it(
    pool: AssemblerPool, starts: Starts, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Here by a request that makes no sense; else by what a confined process cannot do, or by a fault of ours."""
    monkeypatch.setattr(pools, "request_pieces", lambda *_: [b"{}"])
    assert outputs(pool.draft(ENGINE, parts(as_written))) == outputs(draft_of(ENGINE, parts()))
    assert "KeyError" in caplog.text
    assert len(starts.pids) == 1


def test_a_document_that_no_message_holds_is_assembled_in_the_service(
    pool: AssemblerPool, starts: Starts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "_MOST_BYTES", 100)
    os.kill(starts.pids[0], signal.SIGKILL)
    assert outputs(pool.draft(ENGINE, parts(as_written))) == outputs(draft_of(ENGINE, parts()))
    assert len(starts.pids) == 1


def test_after_the_end_nothing_is_assembled(pool: AssemblerPool) -> None:
    """The job stays in work/: the error is not the file's fault."""
    pool.close()
    with pytest.raises(EngineError, match="stopping"):
        pool.draft(ENGINE, parts())
