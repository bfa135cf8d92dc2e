"""What stands as code in the documents, and the commands among it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("docs/lab/*.md")])
_CODE = re.compile(r"```.*?\n(.*?)```|`([^`]+)`", re.DOTALL)
_BEFORE = re.compile(r"^(\$ |sudo (-u \w+ )?|ssh \w+ |\.venv/bin/|podman exec \w+ )*")
_COMMAND = re.compile(r"ocrspool ((?:[a-z]+|--[a-z-]+)(?: [^ #|&;>]+)*)")
"""Up to the first two spaces: what comes then explains it."""
_SCRIPT = re.compile(r"(?<![\w/.])scripts/([a-z-]+)(?: ([a-z]+))?")


def name(document: Path) -> str:
    return os.fspath(document.relative_to(ROOT))


def code(document: Path) -> Iterator[str]:
    """Yield each line of code, of a block or of a sentence."""
    for block, inline in _CODE.findall(document.read_text(encoding="utf-8")):
        yield from (block or inline).splitlines()


def commands() -> Iterator[tuple[str, str]]:
    """Yield document and command, without the program's name; each part of a pipe is a command."""
    for document in DOCUMENTS:
        for line in code(document):
            for part in line.split(" | "):
                if found := _COMMAND.match(_BEFORE.sub("", part.strip())):
                    yield name(document), found[1].strip()


def scripts(document: Path) -> Iterator[tuple[str, str]]:
    """Yield each script, and the first word that it is given."""
    for line in code(document):
        yield from _SCRIPT.findall(line)
