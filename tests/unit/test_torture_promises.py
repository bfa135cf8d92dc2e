"""The table of docs/reliability.md names every fault of the campaign, each once, beside a promise of that page."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from support.waiting import runnable, share_of
from torture import parts
from torture.campaign import FAULTS

_PAGE = (Path(__file__).parents[2] / "docs/reliability.md").read_text("utf-8")


def test_each_fault_tries_a_promise_and_each_promise_is_tried() -> None:
    """A fault that is added to the campaign needs its place on the page."""
    promised = re.findall(r"^(\d)\. ", _PAGE.partition("## A campaign")[0], re.MULTILINE)
    table = _PAGE.partition("### Which fault tries which promise")[2].partition("\n### ")[0]
    rows = re.findall(r"^\| (\d)\. [^|]*\| ([^|]*) \|$", table, re.MULTILINE)
    assert [number for number, _ in rows] == promised
    named = [name for _, names in rows for name in names.split(" · ")]
    assert sorted(named) == sorted(fault.name for fault in FAULTS)


def test_parts_go_on_where_they_were_left(tmp_path: Path) -> None:
    """What a part has found is kept, and counts; a part that ended without a finding of its own is wrong."""
    row = {"fault": "a", "times": 2, "documents": 5, "lost": 0, "duplicated": 0, "corrupted": 0, "problems": []}
    for seed, found in (
        (7, {"faults": [{**row, "recovery_seconds": {"max": 1.5}}]}),
        (8, {"faults": [], "ended": "x"}),
    ):
        (tmp_path / f"{seed}-50.json").write_text(json.dumps({"seed": seed, "seconds": 3.0, **found}), "utf-8")
    told: list[str] = []
    total = parts.summary(parts.Parts(tmp_path, 100, 7).run(2, told.append))
    assert (total["times"], total["documents"], total["seeds"]) == (2, 5, [7, 8])
    assert not parts.is_well(total)
    assert "a part ended: x" in parts.table(total)
    assert len(told) == 2


def test_a_part_that_ended_is_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It counts as wrong, and nothing is kept that the next run would take for what it has found."""
    monkeypatch.setenv("PYTHONPATH", os.fspath(Path(__file__).parents[1]))
    run = parts.Parts(tmp_path, 1, 7, ("--only", "there is no such fault"))
    for _ in range(2):
        (part,) = run.run(1, lambda _: None)
        assert part["ended"].startswith("exit code 1; see ")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["7-1.ended", "7-1.log"]
    assert "no such fault" in (tmp_path / "7-1.log").read_text("utf-8")


@pytest.mark.parametrize(
    ("running", "processors", "niceness", "share"),
    [
        (1, 2, 0, 1.0),
        (2, 2, 0, 1.0),
        (10, 2, 0, 0.2),
        (1000, 2, 0, 0.05),
        (4, 2, 15, 0.05),
        (1, 2, 15, 1.0),
        (9, 8, 3, pytest.approx(8 / (1 + 8 * 1.25**3))),
    ],
)
def test_time_on_a_busy_machine(running: int, processors: int, niceness: int, share: float) -> None:
    """A campaign does not take for a fault what takes long because of others."""
    assert share_of(running, processors, niceness) == share
    assert runnable() >= 1
