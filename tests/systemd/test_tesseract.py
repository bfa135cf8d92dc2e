"""Tesseract's processes under the real unit: confined, within its limits, replaced when they die, ended by a stop."""

from __future__ import annotations

import os
import re
import signal
import time
from importlib import metadata
from pathlib import Path

import pytest

from support import script_pages
from support.lab_machine import OPT, SERVICE, Machine, record, run
from support.process_table import children_of, is_module
from support.waiting import wait_until

FONT = "truetype/dejavu/DejaVuSerif.ttf"
SETTINGS = """
[engine.readers]
vietnamese = "tesseract:vie"
[profile.default]
readers = ["vietnamese", "default"]
sure = 0.9
[service]
stop_seconds = 5
"""


@pytest.fixture
def with_reader(machine: Machine) -> Machine:
    """The service installed, with the extra and the reader, and started."""
    script_pages.skip_unless(("vie", FONT))
    python = OPT / "bin/python"
    if run(python, "-c", "import tesserocr", check=False).returncode:
        wanted = f"tesserocr=={metadata.version('tesserocr')}"
        run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", wanted)
    machine.configure(SETTINGS)
    machine.start()
    return machine


def _processes(machine: Machine) -> list[int]:
    (worker,) = machine.children("ocrspool.recognition.child")
    return [pid for pid in children_of(worker) if is_module(pid, "ocrspool.engine.readers.tesseract_process")]


def _status(pid: int, name: str) -> int:
    found = re.search(rf"{name}:\s+(\d+)", Path(f"/proc/{pid}/status").read_text("ascii"))
    assert found
    return int(found[1])


def _read(machine: Machine, *names: str) -> dict[str, str]:
    results = machine.wait_for(list(names))
    return {name: "\n".join(line["text"] for line in result["pages"][0]["lines"]) for name, result in results.items()}


def test_tesseract_under_the_unit(with_reader: Machine) -> None:
    page = script_pages.png(script_pages.page("vie", FONT))
    with_reader.drop("first.png", page)
    text = _read(with_reader, "first.png")["first.png"]
    assert script_pages.word_f1("vie", script_pages.text("vie"), text) >= 0.95

    # Confined: a filter more than the worker has, in the unit's network and control group, with no right to write.
    (worker,) = with_reader.children("ocrspool.recognition.child")
    processes = _processes(with_reader)
    assert processes
    for pid in processes:
        assert _status(pid, "Seccomp_filters") == _status(worker, "Seccomp_filters") + 1
        assert _status(pid, "NoNewPrivs") == 1
        assert Path(f"/proc/{pid}/cgroup").read_text("ascii") == Path(f"/proc/{worker}/cgroup").read_text("ascii")
        assert SERVICE in Path(f"/proc/{pid}/cgroup").read_text("ascii")
        assert Path(f"/proc/{pid}/ns/net").readlink() == Path(f"/proc/{with_reader.pid}/ns/net").readlink()
    record("tesseract-memory.txt", f"{[_status(pid, 'VmRSS') // 1024 for pid in processes]} MB of Tesseract")

    # Killed: the next line starts another one, and nothing else is replaced.
    before = time.time()
    for pid in processes:
        os.kill(pid, signal.SIGKILL)
    with_reader.drop("second.png", page)
    assert _read(with_reader, "first.png", "second.png")["second.png"] == text
    assert "the reader vietnamese: its process" in with_reader.journal(before)
    assert with_reader.children("ocrspool.recognition.child") == [worker]
    again = _processes(with_reader)
    assert again
    assert not set(again) & set(processes)

    # Halted: it answers no more, and a stop ends within its time all the same. The page stays in work/, whole.
    for pid in again:
        os.kill(pid, signal.SIGSTOP)
    with_reader.drop("third.png", page)
    wait_until(with_reader.in_work, 60)
    before = time.time()
    with_reader.stop()
    assert with_reader.show("Result") == "success"
    assert not any(Path(f"/proc/{pid}").exists() for pid in [*again, worker])
    assert len(with_reader.in_work()) == 1
