"""SECURITY.md: each threat of its table names a test that is there, and each test of this folder is in the table."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "SECURITY.md").read_text("utf-8")
HERE = Path(__file__).parent


def threats() -> list[tuple[str, str, str]]:
    """Each row of the table: the threat, what stops it, and its tests."""
    (table,) = re.findall(r"^\| threat \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    rows = [[cell.strip() for cell in line.strip("|\n").split("|")] for line in table.splitlines()]
    assert all(len(row) == 3 for row in rows)
    return [(row[0], row[1], row[2]) for row in rows]


def files(cell: str) -> list[Path]:
    """The test files of a cell: a name without a folder is one beside this file, or beside the one before it."""
    found: list[Path] = []
    for name in re.findall(r"`([\w/]+\.py|scripts/\w+)`", cell):
        beside = [ROOT / name, HERE / name, *(path.parent / name for path in found)]
        found.append(next((path for path in beside if path.is_file()), ROOT / name))
    return found


def test_each_threat_has_a_test() -> None:
    """All of them are files of this checkout, and have tests."""
    for threat, _, cell in threats():
        named = files(cell)
        assert named, threat
        for path in named:
            assert path.is_file(), f"{threat}: {path}"
            assert path.parent.name == "scripts" or "\ndef test_" in path.read_text("utf-8"), path


def test_each_test_of_an_attack_is_in_the_table() -> None:
    """A new file here is a threat that the page does not tell of yet."""
    named = {path for _, _, cell in threats() for path in files(cell)}
    here = {path for path in HERE.glob("test_*.py") if path != Path(__file__)}
    assert here <= named


def test_what_stops_a_threat_is_there() -> None:
    """Modules that the page names exist."""
    named = set(re.findall(r"`((?:\w+/)+\w+\.py)`", PAGE))
    missing = [name for name in named if not any((root / name).is_file() for root in (ROOT, ROOT / "daemon/ocrspool"))]
    assert not missing
