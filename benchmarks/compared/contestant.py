"""What is measured of each contestant, and the contestant that is a program of benchmarks/readers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

READERS = Path(__file__).parents[1] / "readers"


@dataclass(frozen=True, slots=True)
class Pass:
    """One reading of one set of files."""

    seconds: float
    cpu_seconds: float
    peak_megabytes: float
    """The most memory held so far, all processes together."""
    texts: list[str]


class Contestant(Protocol):
    """Whoever reads files, alive from `start` to `close`."""

    def start(self) -> float:
        """Load everything; return the seconds from the start of the process until it could read."""

    def read(self, files: Sequence[Path]) -> Pass:
        """Read files."""

    def close(self) -> None:
        """End it."""


class Program:
    """A program that converses as readers/reading.py does."""

    def __init__(self, interpreter: Path, name: str, arguments: Sequence[str | Path], log: Path) -> None:
        self._command = [interpreter, READERS / f"{name}.py", *arguments]
        self._log = log

    def start(self) -> float:
        """See Contestant."""
        began = time.monotonic()
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
            )
        self._answer()
        return time.monotonic() - began

    def read(self, files: Sequence[Path]) -> Pass:
        """See Contestant."""
        assert self._process.stdin is not None
        print(json.dumps([os.fspath(file) for file in files]), file=self._process.stdin, flush=True)
        return Pass(**self._answer())

    def close(self) -> None:
        """See Contestant."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        if line := self._process.stdout.readline():
            answer: dict[str, Any] = json.loads(line)
            return answer
        sys.exit(f"{self._command[1]} ended:\n{self._log.read_text()[-2000:]}")
