"""Where words stand: boxes of ours and of peers against those of PDFium, on pages of known text, rendered and turned.

usage: scripts/bench words [--dpi N]... [--save] [NAME...]

Of the words that a contestant has read right, the table shows how well their boxes overlap the true ones (intersection
over union): the median, and the share of at least 0.6. A true box is the box around the characters of a word, as PDFium
draws them. Needs OCRSPOOL_CORPUS. Peers are installed as by `scripts/bench peers`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import shutil
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "tests"))  # paddleocr_folders

from PIL import Image

from compared import drawn_pdf
from compared.contestant import Program
from compared.drawn_pdf import Box
from compared.peers import environment
from serving import machine, named_corpus, scratch, serving
from support import paddleocr_folders

SAVED = Path("docs/benchmarks")
DPI = (100, 150, 200, 300)
TURNS = {"level": 0.0, "skewed": 1.7, "turned": 90.0}
"""Degrees, counterclockwise."""
_ENOUGH = 0.6

Polygon = list[list[float]]
Read = list[tuple[str, Polygon]]


@dataclass(frozen=True, slots=True)
class Sample:
    """A picture of a page, and its words."""

    file: Path
    kind: str
    words: list[tuple[str, Box]]
    """In pixels of the page before it was turned."""
    size: tuple[int, int]
    """Of that page."""
    turned_size: tuple[int, int]
    degrees: float

    def straight(self, polygon: Polygon) -> Box:
        """Return the box of a polygon of the picture on the page before it was turned."""
        angle = math.radians(self.degrees)
        sine, cosine = math.sin(angle), math.cos(angle)
        xs, ys = [], []
        for x, y in polygon:
            right, down = x - self.turned_size[0] / 2, y - self.turned_size[1] / 2
            xs.append(right * cosine - down * sine + self.size[0] / 2)
            ys.append(right * sine + down * cosine + self.size[1] / 2)
        return min(xs), min(ys), max(xs), max(ys)


def main() -> None:
    arguments = _arguments()
    print(machine())
    with scratch() as folder, contextlib.ExitStack() as alive:
        samples = list(_samples(named_corpus().absolute(), Path(folder), arguments.dpi or DPI))
        print(f"{len(samples)} pictures, {sum(len(sample.words) for sample in samples)} words")
        rows = {}
        for name, read in _contestants(Path(folder), arguments.names, alive):
            print(f"{name} reads", file=sys.stderr, flush=True)
            rows[name] = _overlaps(samples, read([sample.file for sample in samples]))
    table = _table(rows, sum(len(sample.words) for sample in samples))
    print(table)
    if arguments.save:
        SAVED.mkdir(exist_ok=True)
        (SAVED / "words.md").write_text(f"{machine()}\n\n{table}", "utf-8")


def _samples(corpus: Path, folder: Path, resolutions: Sequence[int]) -> Iterator[Sample]:
    for name, document in drawn_pdf.documents(corpus):
        page = document[0]
        words = drawn_pdf.words_of(page)
        for dpi in resolutions:
            scale = dpi / 72
            straight = page.render(scale=scale, grayscale=True).to_pil()
            # Sides are whole pixels, so a page is rendered a little larger than its resolution says.
            scales = straight.width / page.get_width(), straight.height / page.get_height()
            for kind, degrees in TURNS.items():
                turned = straight.rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=255)
                file = folder / f"{name}-{dpi}-{kind}.png"
                turned.save(file, dpi=(dpi, dpi))
                boxes = [(word.text, _scaled(word.box, scales)) for word in words]
                yield Sample(file, f"{dpi} dpi {kind}", boxes, straight.size, turned.size, degrees)


def _scaled(box: Box, scales: tuple[float, float]) -> Box:
    (left, top, right, bottom), (across, down) = box, scales
    return left * across, top * down, right * across, bottom * down


def _contestants(
    folder: Path, names: list[str], alive: contextlib.ExitStack
) -> Iterator[tuple[str, Callable[[list[Path]], list[Read]]]]:
    """Yield whoever can be had, with a function that reads pictures."""
    yield "ocrspool", lambda files: _ours(folder / "ours", files)
    models = folder / "paddle-models"
    models.mkdir()
    peers: dict[str, tuple[list[str], list[str | Path]]] = {
        "rapidocr": (["rapidocr", "onnxruntime"], ["onnxruntime"]),
        "paddleocr-onnxruntime": (["paddleocr==3.7.*", "onnxruntime"], [*paddleocr_folders.made(models)]),
    }
    for name, (packages, more) in peers.items():
        if (not names or name in names) and (python := environment(name, packages)):
            program = Program(python, f"words_{name.partition('-')[0]}", more, folder / f"{name}.log")
            alive.callback(program.close)
            yield name, lambda files, program=program: _theirs(program, files)  # type: ignore[misc]
    if (not names or "tesseract" in names) and shutil.which("tesseract"):
        program = Program(Path(sys.executable), "words_tesseract", [], folder / "tesseract.log")
        alive.callback(program.close)
        yield "tesseract", lambda files: _theirs(program, files)


def _ours(folder: Path, files: list[Path]) -> list[Read]:
    folder.mkdir()
    with serving(folder, "settle_seconds = 0\n") as served:
        for file in files:
            shutil.copy(file, folder / file.name)
            (folder / file.name).rename(served.spool / "inbox" / file.name)
        served.wait_for(len(files), 3600)
        results = [json.loads((served.spool / "outbox" / f"{file.name}.json").read_bytes()) for file in files]
    return [
        [
            (word["text"], word["polygon"])
            for page in result["pages"]
            for line in page["lines"]
            for word in line["words"]
        ]
        for result in results
    ]


def _theirs(program: Program, files: list[Path]) -> list[Read]:
    program.start()
    began = time.monotonic()
    found = [json.loads(text) for text in program.read(files).texts]
    print(f"  in {time.monotonic() - began:.0f} s", file=sys.stderr)
    return found


def _overlaps(samples: list[Sample], read: list[Read]) -> dict[str, list[float]]:
    """Return by kind of picture how well the boxes of words that were read right overlap the true ones."""
    overlaps: dict[str, list[float]] = defaultdict(list)
    for sample, words in zip(samples, read, strict=True):
        left: dict[str, list[Box]] = defaultdict(list)
        for text, box in sample.words:
            left[text].append(box)
        for text, polygon in words:
            if not left[text]:
                continue
            box = sample.straight(polygon)
            nearest = min(left[text], key=lambda true: math.dist(_middle(true), _middle(box)))
            left[text].remove(nearest)
            overlaps[sample.kind].append(_overlap(box, nearest))
    return overlaps


def _middle(box: Box) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def _overlap(one: Box, other: Box) -> float:
    """Return intersection over union."""
    width = max(0.0, min(one[2], other[2]) - max(one[0], other[0]))
    height = max(0.0, min(one[3], other[3]) - max(one[1], other[1]))
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return width * height / (areas - width * height)


def _table(rows: dict[str, dict[str, list[float]]], total: int) -> str:
    kinds = sorted({kind for overlaps in rows.values() for kind in overlaps}, key=lambda kind: (len(kind), kind))
    head = ["pictures", *rows]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for kind in [*kinds, "all"]:
        cells = []
        for overlaps in rows.values():
            values = [value for each, found in overlaps.items() if kind in (each, "all") for value in found]
            share = sum(value >= _ENOUGH for value in values) / len(values) if values else 0.0
            median = statistics.median(values) if values else 0.0
            cells.append(f"{median:.3f}, {100 * share:.1f} %")
        lines.append(f"| {kind} | {' | '.join(cells)} |")
    read = [str(sum(map(len, overlaps.values()))) for overlaps in rows.values()]
    lines.append(f"| words read right, of {total} | {' | '.join(read)} |")
    return "\n".join(lines) + "\n"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench words", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="peers to compare with; all by default")
    parser.add_argument("--dpi", action="append", type=int, metavar="N", help="only this resolution, of four")
    parser.add_argument("--save", action="store_true", help="write the table into docs/benchmarks/")
    return parser.parse_args()


if __name__ == "__main__":
    main()
