"""The short version of the campaign of faults: `scripts/torture` has the long one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from torture.campaign import FAULTS

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]


@pytest.mark.parametrize("only", ["", "worker"], ids=["all with a stub", "workers with the real engine"])
def test_nothing_is_lost_whatever_happens(engine_cache: Path, tmp_path: Path, only: str) -> None:
    """Some faults of each family, once each: every document has one outcome, whole, and the service goes on.

    The real engine takes part where a fault is one of the process that has it. Other faults meet the same code without.
    """
    found = tmp_path / "found.json"
    command = [sys.executable, "-m", "torture", "--seed", "5", "--short", "--only", only, "--json", os.fspath(found)]
    tests = os.fspath(Path(__file__).parents[1])
    ran = subprocess.run(
        [*command, *(["--cache", os.fspath(engine_cache)] if only else ["--stub"])],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": tests},
        timeout=580,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    rows = {row["fault"]: row for row in json.loads(found.read_bytes())["faults"]}
    wanted = [fault for fault in FAULTS if fault.short and only in fault.name]
    assert len(wanted) > 1
    for fault in wanted:
        if f"skipped: {fault.name}" not in ran.stdout:
            assert rows[fault.name]["documents"] > 0
            assert rows[fault.name]["problems"] == []
