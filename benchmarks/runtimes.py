"""The same models on every CPU runtime: word F1 on OCRSPOOL_CORPUS, pages per second, and how far the texts agree.

usage: scripts/bench runtimes [--models FOLDER|NAME] [--documents N] [RUNTIME...]
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from rapidfuzz.distance import Levenshtein

from ocrspool.engine_request import Runtime
from serving import COMMAND, machine, named_corpus, scratch

RUNTIMES = get_args(Runtime)


@dataclass(frozen=True, slots=True)
class Run:
    """What one runtime made of the documents."""

    texts: dict[str, str]
    pages: int
    seconds: float
    f1: float


def main() -> None:
    arguments = _arguments()
    corpus = named_corpus()
    listed = json.loads((corpus / "manifest.json").read_text())["files"]
    files = [entry["file"] for entry in listed if entry.get("ground_truth")][: arguments.documents]
    print(f"{machine()}\n{len(files)} documents, models {arguments.models}, f32 everywhere")
    runs: dict[str, Run] = {}
    with scratch() as folder:
        for runtime in arguments.runtimes or RUNTIMES:
            runs[runtime] = _run(Path(folder, runtime), runtime, arguments.models, corpus, files)
            run = runs[runtime]
            print(f"{runtime:<12} F1 {run.f1:.4f}   {run.pages} pages in {run.seconds:.0f} s", flush=True)
    for one, other in itertools.combinations(runs, 2):
        print(f"{one} and {other}: {_agreement(runs[one].texts, runs[other].texts)}")
    scores = [run.f1 for run in runs.values()]
    print(f"largest difference of F1: {100 * (max(scores) - min(scores)):.2f} points")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench runtimes")
    parser.add_argument("--models", default=os.environ.get("OCRSPOOL_MODELS", "bundled"))
    parser.add_argument("--documents", type=int)
    parser.add_argument("runtimes", nargs="*", metavar="RUNTIME", help="of: " + ", ".join(RUNTIMES))
    return parser.parse_args()


def _run(folder: Path, runtime: str, models: str, corpus: Path, files: list[str]) -> Run:
    folder.mkdir()
    config = folder / "ocrspool.toml"
    config.write_text(
        "[paths]\ncache = 'cache'\nruntime = 'run'\n[inbox.default]\nroot = 'spool'\n"
        f"[engine]\nruntime = '{runtime}'\nmodels = '{models}'\nprecision = 'f32'\n"
    )
    subprocess.run([COMMAND, "prebuild", "--config", config], check=True, stdout=subprocess.DEVNULL)
    began = time.monotonic()
    outbox = folder / "outbox"
    paths = [corpus / file for file in files]
    subprocess.run([COMMAND, "once", "--config", config, "--outbox", outbox, *paths], check=True)
    seconds = time.monotonic() - began
    results = [json.loads(path.read_text()) for path in outbox.rglob("*.json")]
    predictions = folder / "predictions"
    predictions.mkdir()
    for result in results:
        (predictions / f"{result['source']['name']}.txt").write_text(result["text"])
    return Run(
        {result["source"]["name"]: result["text"] for result in results},
        sum(len(result["pages"]) for result in results),
        seconds,
        _f1(corpus, predictions, folder / "score.json"),
    )


def _f1(corpus: Path, predictions: Path, out: Path) -> float:
    """Return the mean word F1, by the corpus' own script."""
    score: list[str | Path] = [sys.executable, corpus / "score.py", "--manifest", corpus / "manifest.json"]
    options: list[str | Path] = ["--pred", predictions, "--skip-missing", "--json", out]
    subprocess.run([*score, *options], check=True, stdout=subprocess.DEVNULL)
    mean: float = json.loads(out.read_text())["overall"]["mean, all"]["f1"]
    return mean


def _agreement(one: dict[str, str], other: dict[str, str]) -> str:
    """Say in how many documents the texts are the same, and by how many characters they differ in all."""
    same = sum(one[name] == other.get(name) for name in one)
    edits = sum(Levenshtein.distance(one[name], other.get(name, "")) for name in one)
    return f"{same} of {len(one)} texts the same, {edits} of {sum(map(len, one.values()))} characters differ"


if __name__ == "__main__":
    main()
