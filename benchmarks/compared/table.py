"""What was measured, as a table to read, as Markdown and as JSON."""

from __future__ import annotations

import json
import statistics
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(slots=True)
class Row:
    """What one contestant did with one set of files."""

    name: str
    set_name: str
    files: int
    load_seconds: float
    seconds: list[float] = field(default_factory=list)
    """Of each round, without loading."""
    cpu_seconds: list[float] = field(default_factory=list)
    first_seconds: float | None = None
    """Of the first pass, where that is another matter."""
    f1: float | None = None
    peak_megabytes: float = 0.0
    note: str = ""

    @property
    def page_ms(self) -> float:
        """Milliseconds a page: the median of the rounds."""
        return 1000 * statistics.median(self.seconds) / self.files

    @property
    def cpu_ms(self) -> float:
        """Milliseconds of processor time a page, likewise."""
        return 1000 * statistics.median(self.cpu_seconds) / self.files

    @property
    def loaded_page_ms(self) -> float:
        """Milliseconds a page of a run that begins with loading and reads the set once."""
        first = self.first_seconds if self.first_seconds is not None else self.seconds[0]
        return 1000 * (self.load_seconds + first) / self.files


@dataclass(frozen=True, slots=True)
class Comparison:
    """All rows, and on what they were measured."""

    machine: str
    rounds: int
    rows: list[Row]

    def ours(self, row: Row) -> Row:
        """Return our row of the same set."""
        return next(one for one in self.rows if (one.name, one.set_name) == ("ocrspool", row.set_name))

    def ratio(self, row: Row) -> float:
        """Return how many times as long as ours a page takes."""
        return row.page_ms / self.ours(row).page_ms

    def share(self, set_name: str) -> float | None:
        """Return the limit's time as a share of ours."""
        limits = [row for row in self.rows if (row.name, row.set_name) == ("limit", set_name)]
        return self.ratio(limits[0]) if limits else None

    def sets(self) -> list[str]:
        """Return the names of the sets, in order."""
        return list(dict.fromkeys(row.set_name for row in self.rows))

    def of_set(self, set_name: str) -> list[Row]:
        """Return the rows of one set, quickest first."""
        return sorted((row for row in self.rows if row.set_name == set_name), key=lambda row: row.page_ms)

    def markdown(self) -> str:
        """Return a table for each set."""
        return "\n".join(line for set_name in self.sets() for line in self._table(set_name))

    def summary(self) -> str:
        """Return one line for the table of README.md: what a page takes, set by set, and our share of the limit."""
        parts = []
        for set_name in self.sets():
            others = [
                row for row in self.of_set(set_name) if row.name != "limit" and not row.name.startswith("ocrspool")
            ]
            ratios = ", ".join(f"{row.name} {self.ratio(row):.1f}" for row in others)
            share = self.share(set_name)
            limit = "" if share is None else f", {share:.0%} of what the nets alone allow"
            ours = self.ours(self.of_set(set_name)[0]).page_ms
            parts.append(f"{set_name}: {ours:.0f} ms a page{limit}; times ours: {ratios}")
        return f"| the same files, side by side | {'. '.join(parts)} | `scripts/bench peers` |"

    def save(self, file: Path) -> None:
        """Write everything that was measured."""
        rows = [
            {**asdict(row), "page_ms": round(row.page_ms, 1), "times_ours": round(self.ratio(row), 3)}
            for row in self.rows
        ]
        facts = {"machine": self.machine, "rounds": self.rounds, "share_of_limit": {}, "rows": rows}
        facts["share_of_limit"] = {name: self.share(name) for name in self.sets()}
        file.write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n", "utf-8")

    def _table(self, set_name: str) -> list[str]:
        rows = self.of_set(set_name)
        columns = ["ms a page", "times ours", "CPU ms a page", "first pass", "with loading", "word F1", "peak MB"]
        head = [
            f"| {max(row.files for row in rows)} {set_name} | " + " | ".join(columns) + " | |",
            "|---|" + "---:|" * len(columns) + "---|",
        ]
        share = self.share(set_name)
        said = [] if share is None else ["", f"Our share of the limit on {set_name}: {share:.0%}."]
        return [*head, *map(self._line, rows), *said, ""]

    def _line(self, row: Row) -> str:
        first = "" if row.first_seconds is None else f"{1000 * row.first_seconds / row.files:.0f}"
        spread = f" ({1000 * min(row.seconds) / row.files:.0f}–{1000 * max(row.seconds) / row.files:.0f})"  # noqa: RUF001 - a range
        cells = [
            row.name,
            f"{row.page_ms:.0f}" + (spread if len(row.seconds) > 1 else ""),
            f"{self.ratio(row):.2f}" if self.ratio(row) < 2 else f"{self.ratio(row):.1f}",  # noqa: PLR2004
            f"{row.cpu_ms:.0f}",
            first,
            f"{row.loaded_page_ms:.0f}",
            "" if row.f1 is None else f"{row.f1:.3f}",
            f"{row.peak_megabytes:.0f}",
            row.note,
        ]
        return "| " + " | ".join(cells) + " |"
