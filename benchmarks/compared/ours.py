"""This program as a contestant: a real service, from files renamed into its inbox to the last JSON in its outbox."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from compared.contestant import Pass
from serving import peak, serving


class Ours:
    """See Contestant. The settle time is no part of it: a file that is renamed into place is whole."""

    def __init__(self, folder: Path, quality: str = "best") -> None:
        self._folder = folder
        self._quality = quality
        self._open = ExitStack()

    def start(self) -> float:
        """See Contestant; the engine is in the cache."""
        self._folder.mkdir()
        settings = f'after = "delete"\n[profile.default]\nquality = "{self._quality}"\n'
        self._served = self._open.enter_context(serving(self._folder, settings))
        return self._served.start_seconds

    def read(self, files: Sequence[Path]) -> Pass:
        """See Contestant."""
        staged, spool = self._folder / "staged", self._served.spool
        staged.mkdir(exist_ok=True)
        for file in files:
            shutil.copy(file, staged)
        began, cpu = time.perf_counter(), self._served.cpu_seconds()
        for file in files:
            (staged / file.name).rename(spool / "inbox" / file.name)
        results = [spool / "outbox" / f"{file.name}.json" for file in files]
        while sum(1 for _ in (spool / "outbox").iterdir()) < len(files):
            if failed := list((spool / "failed").iterdir()):
                sys.exit(f"failed: {failed}; see {self._served.log}")
            time.sleep(0.005)
        passed = Pass(
            time.perf_counter() - began,
            self._served.cpu_seconds() - cpu,
            sum(map(peak, self._served.processes())),
            [json.loads(result.read_text())["text"] for result in results],
        )
        for result in results:
            result.unlink()
        return passed

    def close(self) -> None:
        """See Contestant."""
        self._open.close()
