"""`ocrspool doctor`: print the findings, for people or for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from itertools import groupby
from pathlib import Path

from rich.console import Console
from rich.text import Text

from ocrspool.doctor.findings import Finding, Level, report_of
from ocrspool.doctor.run import examine
from ocrspool.errors import Exit
from ocrspool.files import names
from ocrspool.formatting import counted

_MARKS: dict[Level, tuple[str, str]] = {
    "ok": ("ok", "green"),
    "note": ("note", "yellow"),
    "problem": ("PROBLEM", "bold red"),
}

_WIDE = 28
"""Longer names run over, rather than push everything to the right."""


def doctor(path: Path, *, as_json: bool) -> int:
    """Print every finding. 78 where configuration or folders are in the way, 69 where something else is."""
    findings = examine(path)
    problems = {finding.group for finding in findings if finding.level == "problem"}
    if as_json:
        print(json.dumps(asdict(report_of(findings)), indent=2))
    else:
        _show(findings)
    if problems & {"configuration", "permissions"}:
        return Exit.CONFIG
    return Exit.UNAVAILABLE if problems else Exit.OK


def _show(findings: list[Finding]) -> None:
    console = Console(highlight=False, markup=False, soft_wrap=True)
    width = max(len(finding.name) for finding in findings if len(finding.name) <= _WIDE)
    for group, listed in groupby(findings, key=lambda finding: finding.group):
        console.print(group, style="bold")
        for finding in listed:
            mark, style = _MARKS[finding.level]
            text = names.printable(finding.found)
            console.print(Text.assemble("  ", (f"{mark:<8}", style), f"{finding.name:<{width}}  {text}"))
            if finding.advice:
                console.print(f"  {'':<8}→ {names.printable(finding.advice)}")
    console.print()
    console.print(_summary(findings))


def _summary(findings: Iterable[Finding]) -> str:
    levels = [finding.level for finding in findings]
    problems, notes = levels.count("problem"), levels.count("note")
    if not problems:
        return "all is well" + (f"; {counted(notes, 'note')}" if notes else "")
    return f"{counted(problems, 'problem')}, {counted(notes, 'note')}"
