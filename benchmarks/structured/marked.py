"""(no benchmark.) Documents of the corpus, marked up by hand: which lines of their true texts are headings and tables.

The texts themselves stay in the corpus, beside the documents. Lines count from 1.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class MarkedTable:
    """A table: its first line, and for each of its lines the number of words in each cell."""

    first: int
    rows: Sequence[Sequence[int]]


@dataclass(frozen=True)
class Marked:
    """The structure of a document."""

    headings: Mapping[int, int] = field(default_factory=dict)
    """The level of each line that is one."""
    two_lines: frozenset[int] = frozenset()
    """Headings that go on in the next line."""
    tables: Sequence[MarkedTable] = ()


MARKED: Mapping[str, Marked] = {
    "brochure-linn.png": Marked({1: 1, 2: 2, 32: 3, 54: 3, 63: 3, 75: 3, 85: 3}),
    "contract.png": Marked({1: 1}),
    "invoice-contoso.jpg": Marked(
        {1: 1},
        tables=(
            MarkedTable(11, [[2, 2, 2], [2, 2, 2], [3, 3, 3], [3, 3, 3]]),
            MarkedTable(15, [[1, 2, 1, 2, 2, 1], [0, 1, 0, 0, 0, 0]]),
            MarkedTable(
                17,
                [
                    *([1, 1, 2, 1], [1, 2, 1, 1], [0, 0, 1, 1], [0, 0, 2, 1], [0, 0, 1, 1], [0, 0, 3, 1]),
                    [0, 0, 2, 1],
                ],
            ),
        ),
    ),
    "invoice-french.png": Marked(
        {1: 1, 6: 2},
        tables=(
            MarkedTable(
                9,
                [
                    *([1, 1, 1, 1, 2, 2], *[[1, 1, 1, 1, 1, 1]] * 3, [0, 0, 0, 0, 2, 1], [0, 0, 0, 0, 1, 1]),
                    [0, 0, 0, 0, 2, 1],
                ],
            ),
        ),
    ),
    "invoice-italian.png": Marked(
        {1: 1},
        tables=(
            MarkedTable(9, [[2, 2, 3, 2, 2], [1, 1, 3, 1, 1]]),
            MarkedTable(
                11,
                [
                    *([1] * 6, [1, 3, 1, 1, 1, 1], [1] * 6, [1] * 6, [1] * 6),
                    *([0, 0, 0, 0, 1, 1], [0, 0, 0, 0, 2, 1], [0, 0, 0, 0, 1, 1]),
                ],
            ),
        ),
    ),
    "minutes-french.pdf": Marked({1: 1, 2: 2, 4: 3, 10: 3, 12: 3, 14: 3, 16: 3, 17: 3}),
    "paper-first-page-low-res.jpg": Marked({1: 1}, two_lines=frozenset({1})),
    "receipt-hotel.png": Marked(
        {1: 1},
        tables=(
            MarkedTable(
                11,
                [
                    *([1, 1, 0, 1, 1], [1, 2, 0, 1, 0], [1, 3, 0, 1, 0], [1, 3, 0, 1, 0], [1, 2, 0, 1, 0]),
                    *([1, 2, 0, 1, 0], [1, 2, 0, 0, 1], [0, 0, 1, 1, 1], [0, 0, 1, 2, 0]),
                ],
            ),
        ),
    ),
}


def markdown(name: str, corpus: Path) -> str:
    """Return a marked document in Markdown."""
    lines = ["", *(corpus / "documents" / f"{name}.txt").read_text("utf-8").replace("\f", "\n").splitlines()]
    marked = MARKED[name]
    tables = {table.first: table for table in marked.tables}
    blocks: list[str] = []
    number = 1
    while number < len(lines):
        if table := tables.get(number):
            blocks.append(_table(table, lines))
            number += len(table.rows)
        elif level := marked.headings.get(number):
            end = number + 1 + (number in marked.two_lines)
            blocks.append(f"{'#' * level} {' '.join(lines[number:end])}")
            number = end
        else:
            blocks.append(lines[number])
            number += 1
    return "\n\n".join(filter(None, map(str.strip, blocks))) + "\n"


def _table(table: MarkedTable, lines: Sequence[str]) -> str:
    rows = []
    for number, counts in enumerate(table.rows, table.first):
        words = lines[number].split()
        cells = []
        for count in counts:
            cells.append(f"<td>{html.escape(' '.join(words[:count]))}</td>")
            words = words[count:]
        rows.append(f"<tr>{''.join(cells)}</tr>")
    return f"<table>{''.join(rows)}</table>"
