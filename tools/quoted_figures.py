"""Figures that documents quote, each beside its command, and the saved outputs of these commands.

A document quotes a figure in two forms. Both are found here, and nothing else is:

- a row of a table of which one cell has nothing but commands: `scripts/bench NAME`, perhaps with arguments;
- a sentence that ends with such a command in parentheses.

`scripts/bench all` saves what each command prints in docs/benchmarks/NAME.txt.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
SAVED = ROOT / "docs" / "benchmarks"
_COMMAND = re.compile(r"`scripts/bench ([a-z_]+)[^`]*`")
_ONLY_COMMANDS = re.compile(r"(?:`scripts/bench [^`]+`[;,\s]*)+")
_IN_PARENTHESES = re.compile(r"\(((?:`scripts/bench [^`]+`[;,\s]*)+)\)\s*\.?$")
_NUMBER = re.compile(r"(?<![\w.])\d+(?:,\d{3})*(?:\.\d+)?(?!\w)")
_ENDS = re.compile(r"(?<=[.!?)])\s+(?=[A-Z*`|-])|\n\n")


@dataclass(frozen=True, slots=True)
class Quote:
    """What one row or one sentence says that commands have printed."""

    document: str
    text: str
    commands: tuple[str, ...]

    def numbers(self) -> list[str]:
        """Return each number as it is written; what stands in code is no figure."""
        return _NUMBER.findall(re.sub(r"`[^`]*`|\]\([^)]*\)", " ", self.text))


def quotes(document: Path) -> Iterator[Quote]:
    """Yield what a document quotes."""
    prose = []
    name = document.relative_to(ROOT).as_posix()
    for line in document.read_text("utf-8").splitlines():
        if not line.startswith("|"):
            prose.append(line)
            continue
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        commands = [cell for cell in cells if _ONLY_COMMANDS.fullmatch(cell)]
        if commands:
            yield Quote(name, line, tuple(_COMMAND.findall(" ".join(commands))))
    for sentence in _ENDS.split("\n".join(prose)):
        if found := _IN_PARENTHESES.search(sentence):
            yield Quote(name, " ".join(sentence.split()), tuple(_COMMAND.findall(found[1])))


def missing_numbers(quote: Quote, printed: str) -> list[str]:
    """Return the numbers of a quote that were not printed, nor anything that rounds to them."""
    values = [float(number.replace(",", "")) for number in _NUMBER.findall(printed)]
    return [number for number in quote.numbers() if not any(_is_rounded(number, value) for value in values)]


def saved_output(command: str) -> str | None:
    """Return what a command printed when it was last saved, None if it never was."""
    file = SAVED / f"{command}.txt"
    return file.read_text("utf-8") if file.is_file() else None


def _is_rounded(number: str, value: float) -> bool:
    """Whether `number` is `value`, to as many places as it has."""
    places = len(number.partition(".")[2])
    return math.isclose(float(number.replace(",", "")), value, rel_tol=0, abs_tol=0.5 / 10.0**places + 1e-9)
