"""What each choice of readers costs: word F1 against processor time, for thresholds and kinds of evidence; a chart.

usage: scripts/bench quality [--models SET] [--most N] [--save]

Every picture of OCRSPOOL_CORPUS is read whole by the readers tiny (PP-OCRv6 tiny) and default, in one thread, and once
more as `best` does. From these readings follows what any threshold would have given, and what it would have cost
(compared/as_if.py). The finder is that of `balanced`. `--models` names other models for best and for the reader
default. `--most` takes the first pictures only. For balanced, the loss against best is given with the interval in which
it lies for 90 % of the sets of documents that could have been drawn. `--save` writes docs/benchmarks/quality.svg and
.json.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import random
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from statistics import mean
from typing import Any

import cv2

from compared import curve
from compared.as_if import EVIDENCE, Rule, Seen, confidence, outcome
from compared.curve import Point
from ocrspool.config.schema import PRESETS, TINY
from ocrspool.engine.build.builder import build
from ocrspool.engine.loader import load
from ocrspool.engine.ocr import recognizer as recognizing
from ocrspool.engine.ocr.page_state import LineStrip, PageInWork
from ocrspool.engine.ocr.page_text import page_text
from ocrspool.engine.ocr.recognizer import Recognizer
from ocrspool.engine.plan import plan
from ocrspool.engine_request import EngineRequest, Settings
from ocrspool.pages import PageOptions, PageText, ReaderOrder
from serving import machine, named_corpus, scratch

SAVED = Path("docs/benchmarks")
THRESHOLDS = (0.9, 0.92, 0.94, 0.95, 0.96, 0.97, 0.975, 0.98, 0.985, 0.99, 0.995)
LEAST_THRESHOLDS = (0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98)
ALWAYS = replace(PRESETS["balanced"], sure=1.01)
"""Nobody is that sure: every line is read by both."""
BEST = PRESETS["best"]
AS_BEST = Rule(BEST.names, 0.0, confidence)


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/bench quality", description="F1 against time, for readers in turn.")
    parser.add_argument("--models", default="bundled", help="engine.models")
    parser.add_argument("--most", type=int, default=1000, metavar="N", help="read so many pictures only")
    parser.add_argument("--save", action="store_true", help=f"write {SAVED}/quality.svg and .json")
    arguments = parser.parse_args()
    corpus = named_corpus().absolute()
    with scratch() as folder:
        tiny = ((TINY, "PP-OCRv6_tiny"),)
        one = Settings(threads=1)
        request = EngineRequest(models=arguments.models, cache=folder, readers=tiny, finders=tiny, settings=one)
        wanted = plan(request)
        build(wanted, lambda _: None)
        with load(wanted, lambda _: None).recognizer as recognizer:
            seen, best = [list(islice(read(recognizer, corpus, order), arguments.most)) for order in (ALWAYS, BEST)]
    score = scorer(corpus)
    curves = {"tiny": [point(seen, Rule(("tiny",), 0.0, confidence), score)]}
    curves["best"] = [point(best, AS_BEST, score)]
    balanced = PRESETS["balanced"]
    ahead = balanced.head_start
    for name, evidence in EVIDENCE.items():
        steps = THRESHOLDS if name in {"confidence", "certainty without ink"} else LEAST_THRESHOLDS
        curves[name] = [point(seen, Rule(ALWAYS.names, sure, evidence, ahead), score) for sure in steps]
    rules = [Rule(ALWAYS.names, sure, confidence, ahead, balanced.wary) for sure in THRESHOLDS]
    curves["confidence and signs"] = [point(seen, rule, score) for rule in rules]
    print(f"{machine()}\n{len(seen)} pictures; processor time in one thread\n")
    print(curve.markdown(curves))
    rule = Rule(ALWAYS.names, balanced.sure, confidence, ahead, balanced.wary)
    lost, low, high = loss(seen, rule, best, score)
    print(f"\nbalanced loses {lost:.4f} against best ({low:.4f} to {high:.4f})")
    if arguments.save:
        SAVED.mkdir(exist_ok=True)
        (SAVED / "quality.json").write_text(curve.as_json(machine(), curves), "utf-8")
        (SAVED / "quality.svg").write_text(curve.svg(machine(), curves), "utf-8")


def read(recognizer: Recognizer, corpus: Path, order: ReaderOrder) -> Iterator[Seen]:
    """Read every picture of the corpus; yield the pages and what each reading took."""
    pages: list[PageInWork] = []
    spent: defaultdict[tuple[int, str], float] = defaultdict(float)
    _watch(recognizer, pages, spent)
    manifest = json.loads((corpus / "manifest.json").read_text("utf-8"))
    for entry in manifest["files"]:
        file = corpus / entry["file"]
        pixels = cv2.imread(str(file)) if entry.get("ground_truth") and file.suffix != ".pdf" else None
        if pixels is None:
            continue
        print(f"\r{file.name:<60}", end="", file=sys.stderr, flush=True)
        spent.clear()
        began = time.process_time()
        recognizer.submit(pixels, PageOptions(words="none", readers=order)).result()  # type: ignore[arg-type]
        took = time.process_time() - began
        yield Seen(file.name, pages.pop(), took - sum(spent.values()), dict(spent))
    print(file=sys.stderr)


def _watch(recognizer: Recognizer, pages: list[PageInWork], spent: dict[tuple[int, str], float]) -> None:
    """Note each page when its lines have been read, and the processor time of each reading."""

    def noted(page: PageInWork, *arguments: Any) -> PageText:  # noqa: ANN401 - as page_text has them
        pages.append(page)
        return page_text(page, *arguments)

    vars(recognizing)["page_text"] = noted
    read_batch = recognizer._read  # noqa: SLF001 - nobody else needs it

    def timed(reader: Any, batch: Sequence[LineStrip]) -> None:  # noqa: ANN401 - a LineReader
        ended: list[float] = []
        began = time.process_time()
        plain = reader.read

        def read(strips: Any) -> Any:  # noqa: ANN401 - as LineReader has them
            found = plain(strips)
            ended.append(time.process_time())
            return found

        reader.read = read
        try:
            read_batch(reader, list(batch))
        finally:
            del reader.read
        for strip in batch if ended else ():
            spent[id(strip.variant), strip.reader] += (ended[0] - began) / len(batch)

    recognizer._queues._read = timed  # noqa: SLF001


def point(seen: Sequence[Seen], rule: Rule, score: Callable[[str, str], float]) -> Point:
    outcomes = [outcome(each, rule) for each in seen]
    f1 = mean(score(each.name, text) for each, (text, _, _) in zip(seen, outcomes, strict=True))
    return Point(rule.sure, f1, sum(seconds for _, seconds, _ in outcomes), mean(again for _, _, again in outcomes))


def loss(
    seen: Sequence[Seen], rule: Rule, best: Sequence[Seen], score: Callable[[str, str], float]
) -> tuple[float, float, float]:
    """Return the word F1 that a rule loses against best, and an interval: a bootstrap over documents."""
    found = [score(each.name, outcome(each, rule)[0]) for each in seen]
    wanted = [score(each.name, outcome(each, AS_BEST)[0]) for each in best]
    lost = [one - other for one, other in zip(wanted, found, strict=True)]
    chance = random.Random(0)  # noqa: S311 - no secret
    drawn = sorted(mean(chance.choices(lost, k=len(lost))) for _ in range(2000))
    return mean(lost), drawn[100], drawn[-101]


def scorer(corpus: Path) -> Callable[[str, str], float]:
    """Return what gives the word F1 of a text by the corpus' own script."""
    spec = importlib.util.spec_from_file_location("score", corpus / "score.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def score(name: str, text: str) -> float:
        truth = (corpus / "documents" / f"{name}.txt").read_text("utf-8")
        return float(module.measure(truth, text)["f1"])

    return score


if __name__ == "__main__":
    main()
