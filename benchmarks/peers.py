"""Side by side with what else there is: time, accuracy, memory on the same files; and how near the nets' own limit.

usage: scripts/bench peers [--quick] [--receipts N] [--pages N] [--rounds N] [--save] [NAME...]

Each peer is installed into an environment of its own below build/peers. All contestants are loaded once and then read
the same files in turn, in an order that turns round each time. The table is printed as Markdown; --save also writes it,
all figures as JSON and a chart into docs/benchmarks/.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "tests"))  # paddleocr_folders

from compared import chart
from compared.documents import PAGES, sets, word_f1
from compared.peers import Entry, entries
from compared.table import Comparison, Row
from serving import machine, named_corpus, scratch

SAVED = Path("docs/benchmarks")


def main() -> None:
    arguments = _arguments()
    corpus = named_corpus().absolute()
    on = machine()
    with scratch() as folder, contextlib.ExitStack() as alive:
        files = sets(corpus, arguments.receipts, arguments.pages, Path(folder))
        compared = list(entries(Path(folder), lambda name: not arguments.names or name in arguments.names))
        runs = [_Run(entry, files, corpus, Path(folder)) for entry in compared]
        for run in runs:
            run.start()
            alive.callback(run.entry.contestant.close)
        for number in range(arguments.rounds):
            for run in runs if number % 2 == 0 else reversed(runs):
                run.read(number)
    comparison = Comparison(on, arguments.rounds, [row for run in runs for row in run.rows.values()])
    print(f"{on}\nmedians (and ranges) of {arguments.rounds} rounds\n\n{comparison.markdown()}")
    print(f"for README.md:\n{comparison.summary()}")
    if arguments.save:
        SAVED.mkdir(exist_ok=True)
        comparison.save(SAVED / "peers.json")
        chart.save(comparison, SAVED / "peers.svg")
        (SAVED / "peers.md").write_text(f"{on}; medians of {arguments.rounds} rounds.\n\n{comparison.markdown()}")


class _Run:
    """One contestant on its way through the rounds."""

    def __init__(self, entry: Entry, files: dict[str, list[Path]], corpus: Path, folder: Path) -> None:
        self.entry = entry
        self._files = {name: paths[: entry.most_files] for name, paths in files.items()}
        self._corpus = corpus
        self._folder = folder
        self.rows: dict[str, Row] = {}

    def start(self) -> None:
        """Load; read once where that is another matter than reading again."""
        _tell(f"{self.entry.name}: loading")
        load = self.entry.contestant.start()
        for name, paths in self._files.items():
            row = self.rows[name] = Row(self.entry.name, name, len(paths), load, note=self.entry.note)
            if self.entry.warms:
                _tell(f"{self.entry.name}: {name}, first pass")
                first = self.entry.contestant.read(paths)
                row.first_seconds = first.seconds
                if self.entry.most_files is not None:
                    row.seconds.append(first.seconds)
                    row.cpu_seconds.append(first.cpu_seconds)
                    row.peak_megabytes = first.peak_megabytes
                    self._score(row, first.texts)

    def read(self, number: int) -> None:
        """Read every set once."""
        for name, paths in self._files.items():
            if self.entry.most_files is not None:
                return
            _tell(f"{self.entry.name}: {name}, round {number + 1}")
            row, passed = self.rows[name], self.entry.contestant.read(paths)
            row.seconds.append(passed.seconds)
            row.cpu_seconds.append(passed.cpu_seconds)
            row.peak_megabytes = passed.peak_megabytes
            if number == 0:
                self._score(row, passed.texts)

    def _score(self, row: Row, texts: list[str]) -> None:
        """Note the accuracy; the limit has no texts, and says in which batches it was reached."""
        if self.entry.name == "limit":
            row.note += f": {texts[0]}"
            return
        predictions = self._folder / "predictions" / row.name / row.set_name
        predictions.mkdir(parents=True)
        for file, text in zip(self._files[row.set_name], texts, strict=False):
            (predictions / f"{file.name}.txt").write_text(text)
        row.f1 = word_f1(self._corpus, predictions, self._folder)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench peers", description="Compare with other programs.")
    parser.add_argument("--quick", action="store_true", help="2 receipts, 1 page, 1 round: to see it work")
    parser.add_argument("--receipts", type=int, default=10)
    parser.add_argument("--pages", type=int, default=5, help=f"at most {len(PAGES)}")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--save", action="store_true", help=f"write {SAVED}/peers.json, .svg and .md")
    parser.add_argument("names", nargs="*", metavar="NAME", help="compare with these only: limit, rapidocr, ...")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.receipts, arguments.pages, arguments.rounds = 2, 1, 1
    return arguments


def _tell(what: str) -> None:
    print(f"\r{what:<60}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
