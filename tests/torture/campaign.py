"""The campaign: one fault after the other, in an order that the seed decides, and the judge after each."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from torture import disks, folders, kernel, limits, neighbors, people, processes, shares, writers
from torture.faults import Fault, missing
from torture.judge import Verdict, judge
from torture.world import World

_FAMILIES = (processes, limits, disks, folders, kernel, people, writers, neighbors, shares)
FAULTS = [fault for family in _FAMILIES for fault in family.FAULTS]


@dataclass
class Row:
    """What came of one kind of fault."""

    fault: Fault
    times: int = 0
    documents: int = 0
    lost: int = 0
    duplicated: int = 0
    corrupted: int = 0
    recovery_seconds: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def add(self, verdict: Verdict) -> None:
        """Count what the judge has found."""
        self.documents += verdict.documents
        self.lost += len(verdict.lost)
        self.duplicated += len(verdict.duplicated)
        self.corrupted += len(verdict.corrupted)
        self.problems += verdict.problems()

    def as_json(self) -> dict[str, Any]:
        seconds = self.recovery_seconds
        return {
            "fault": self.fault.name,
            "times": self.times,
            "documents": self.documents,
            "lost": self.lost,
            "duplicated": self.duplicated,
            "corrupted": self.corrupted,
            "recovery_seconds": {"median": round(median(seconds), 2), "max": round(max(seconds), 2)} if seconds else {},
            "problems": self.problems,
        }


def order(faults: list[Fault], seed: int) -> Iterator[Fault]:
    """Yield faults without end, each as often as any other, in an order that only the seed decides."""
    shuffling = random.Random(seed)
    while True:
        shuffled = list(faults)
        shuffling.shuffle(shuffled)
        yield from shuffled


def run(
    world: World,
    faults: Iterator[Fault],
    tell: Callable[[str], None],
    keep: Callable[[list[Row]], None] = lambda _: None,
) -> list[Row]:
    """Inject faults until there are no more; a row for each kind, in the order of the list.

    `keep` gets the rows after each fault, in case that the campaign is ended before its time.
    """
    rows: dict[str, Row] = {}
    world.daemon.start()
    for fault in faults:
        if reason := missing(world, fault):
            if fault.name not in rows:
                tell(f"skipped: {fault.name} {reason}")
                rows[fault.name] = Row(fault)
            continue
        row = rows.setdefault(fault.name, Row(fault))
        _round(world, fault, row)
        recovery = f"{row.recovery_seconds[-1]:.2f} s to the next result" if row.recovery_seconds else ""
        tell("\n    ".join([f"{fault.name}: {recovery}", *world.notes, *row.problems]))
        keep([row for row in rows.values() if row.times])
    names = [fault.name for fault in FAULTS]
    return [row for row in sorted(rows.values(), key=lambda row: names.index(row.fault.name)) if row.times]


def _round(world: World, fault: Fault, row: Row) -> None:
    """Work, the fault, back to work, quiet, the judge."""
    row.times += 1
    world.notes.clear()
    world.verdicts.clear()
    try:
        world.producer.go_on()
        world.busy()
        world.pause(0.0, 0.3)
        pid, world.forgiven = world.daemon.pid, 0.0
        fault.inject(world)
        if not world.forgiven:
            world.over()
        row.recovery_seconds.append(world.recovered())
        world.producer.pause()
        world.idle()
        if world.daemon.pid != pid and not fault.restarts:
            row.problems.append("the service was restarted")
    except AssertionError as error:
        row.problems.append(f"{error}")
        world.producer.pause()
    if not world.daemon.runs():
        row.problems.append(f"the service ended; its log:\n{world.daemon.log()[-3000:]}")
        world.daemon.start()
    world.verdicts.append(judge(world.at, world.producer.dropped, world.consumer, may_fail=fault.may_fail))
    for verdict in world.verdicts:
        row.add(verdict)
    world.clear()


def limited(faults: Iterator[Fault], seconds: float) -> Iterator[Fault]:
    """Yield faults until the time is over."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        yield next(faults)
