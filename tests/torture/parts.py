"""Very many faults, in parts: each part is a campaign of its own with a seed of its own, in a process of its own.

Several parts run at once, because a campaign waits most of the time. What a part has found is kept in a file, so a run
that was interrupted goes on with the parts that are left. A part that ended before its time counts with the faults that
it has judged, and the next run runs it again. The summary is of all parts.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.waiting import wait_until

FAULTS_EACH = 50
_SECONDS_A_FAULT = 60
"""A part that takes longer than this for each of its faults hangs: of a machine that has nothing else to do."""
_END_SECONDS = 30


@dataclass
class Total:
    """What all parts together have found of one kind of fault."""

    times: int = 0
    documents: int = 0
    lost: int = 0
    duplicated: int = 0
    corrupted: int = 0
    slowest: float = 0.0
    problems: list[str] = field(default_factory=list)

    def add(self, row: dict[str, Any]) -> None:
        """Add what one part found."""
        for name in ("times", "documents", "lost", "duplicated", "corrupted"):
            setattr(self, name, getattr(self, name) + row[name])
        self.slowest = max(self.slowest, row["recovery_seconds"].get("max", 0.0))
        self.problems += row["problems"]


@dataclass(frozen=True)
class Parts:
    """A run of so many faults. `folder` keeps what its parts found, and their logs."""

    folder: Path
    faults: int
    seed: int
    options: tuple[str, ...] = ()
    """What each part is told besides: which faults, with which engine."""

    def run(self, jobs: int, tell: Callable[[str], None]) -> list[dict[str, Any]]:
        """Run the parts that have not been run, so many at once. Return what each part of all found."""
        self.folder.mkdir(parents=True, exist_ok=True)
        sizes = [FAULTS_EACH] * (self.faults // FAULTS_EACH) + [self.faults % FAULTS_EACH] * bool(
            self.faults % FAULTS_EACH
        )
        with ThreadPoolExecutor(jobs) as pool:
            parts = [pool.submit(self._part, self.seed + number, size, tell) for number, size in enumerate(sizes)]
            return [part.result() for part in parts]

    def _part(self, seed: int, faults: int, tell: Callable[[str], None]) -> dict[str, Any]:
        """Return what a part found; run it, if it has not been."""
        kept = self.folder / f"{seed}-{faults}.json"
        if not kept.exists():
            began = time.monotonic()
            found = self._campaign(seed, faults, kept.with_suffix(".new"))
            found["seconds"] = round(time.monotonic() - began, 1)
            kept.with_suffix(".new").write_text(json.dumps(found, indent=1) + "\n", "utf-8")
            kept.with_suffix(".new").rename(kept if not found.get("ended") else kept.with_suffix(".ended"))
        else:
            found = json.loads(kept.read_bytes())
        made = sum(row["times"] for row in found["faults"])
        wrong = sum(bool(row["problems"]) for row in found["faults"]) + bool(found.get("ended"))
        tell(f"seed {seed}: {made} faults in {found['seconds']:.0f} s, " + (f"{wrong} WRONG" if wrong else "all well"))
        return dict(found)

    def _campaign(self, seed: int, faults: int, into: Path) -> dict[str, Any]:
        into.unlink(missing_ok=True)
        command = [sys.executable, "-m", "torture", "--seed", f"{seed}", "--count", f"{faults}", "--json", f"{into}"]
        environment = {name: value for name, value in os.environ.items() if name != "TORTURE_MOUNTS"}
        with (self.folder / f"{seed}-{faults}.log").open("wb") as log:
            process = subprocess.Popen(
                [*_ends_with_us(), *command, *self.options],
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,
            )
            try:
                wait_until(lambda: process.poll() is not None, _SECONDS_A_FAULT * faults + 600)
                code = f"exit code {process.returncode}"
            except AssertionError:
                code = "it hangs"
            finally:
                if process.poll() is None:
                    _end(process)
        try:
            found = dict(json.loads(into.read_bytes()))
        except (OSError, ValueError):
            found = {"seed": seed, "faults": []}
        if not found.get("whole"):  # it says what went wrong in its log
            found["ended"] = f"{code}; see {log.name}"
        return found


def _ends_with_us() -> tuple[str, ...]:
    """Return the words of a command that becomes another one. It is killed when we end, and its mounts end with it."""
    return ("setpriv", "--pdeathsig", "KILL") if shutil.which("setpriv") else ()


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a part: it ends its service and its mounts."""
    process.terminate()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def summary(found: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the totals of all parts, by fault and in all, and what was wrong."""
    totals: dict[str, Total] = {}
    for part in found:
        for row in part["faults"]:
            totals.setdefault(row["fault"], Total()).add(row)
    rows = [{"fault": name, **vars(total)} for name, total in totals.items() if total.times]
    names = ("times", "documents", "lost", "duplicated", "corrupted")
    return {
        "seeds": [part["seed"] for part in found],
        "part_seconds": round(sum(part["seconds"] for part in found), 1),
        **{name: sum(row[name] for row in rows) for name in names},
        "parts_that_ended": [part["ended"] for part in found if part.get("ended")],
        "faults": rows,
    }


def table(total: dict[str, Any]) -> str:
    """Return the summary as lines, for people."""
    width = max((len(row["fault"]) for row in total["faults"]), default=5)
    lines = [f"{'fault':{width}}  times  documents  lost  duplicated  corrupted  slowest recovery"]
    lines += [
        f"{row['fault']:{width}}  {row['times']:5}  {row['documents']:9}  {row['lost']:4}  {row['duplicated']:10}  "
        f"{row['corrupted']:9}  {row['slowest']:14.2f} s"
        for row in total["faults"]
    ]
    lines += [f"{row['fault']}: {problem}" for row in total["faults"] for problem in row["problems"]]
    lines += [f"a part ended: {how}" for how in total["parts_that_ended"]]
    counts = ", ".join(f"{total[name]} {name}" for name in ("lost", "duplicated", "corrupted"))
    return "\n".join([*lines, f"{total['times']} faults, {total['documents']} documents: {counts}"])


def is_well(total: dict[str, Any]) -> bool:
    """Tell whether nothing went wrong in any part."""
    return not total["parts_that_ended"] and not any(row["problems"] for row in total["faults"])
