"""The quick starts of docs/quick-start.md: each as the blocks of commands that a reader runs one after the other."""

from __future__ import annotations

import re

from support.documented_commands import ROOT

PAGE = ROOT / "docs/quick-start.md"
READER = "anna"
"""Who drops files there."""

_BLOCK = re.compile(r"^```\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def sections() -> dict[str, list[str]]:
    """Return the blocks of each quick start by its heading."""
    _, *parts = re.split(r"^## ", PAGE.read_text("utf-8"), flags=re.MULTILINE)
    return {heading: _BLOCK.findall(text) for heading, _, text in (part.partition("\n") for part in parts)}


def commands(block: str) -> list[str]:
    """Return the commands of a block; what one reads from the lines below it is its part."""
    found = []
    lines = iter(block.splitlines())
    for line in lines:
        command = line
        if told := re.search(r"<< '(\w+)'$", line):
            while not command.endswith(f"\n{told[1]}"):
                command += f"\n{next(lines)}"
        found.append(command)
    return found
