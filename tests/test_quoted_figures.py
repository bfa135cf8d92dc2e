"""Figures in documents are what the saved output of their command says."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools.quoted_figures import ROOT, Quote, missing_numbers, quotes, saved_output

DOCUMENTS = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
QUOTES = [quote for document in DOCUMENTS for quote in quotes(document)]
HELD = [quote for quote in QUOTES if all(saved_output(name) is not None for name in quote.commands)]


def test_documents_quote_figures() -> None:
    assert len(QUOTES) > 10


@pytest.mark.parametrize("quote", HELD, ids=lambda quote: f"{quote.document}-{'-'.join(quote.commands)}")
def test_a_figure_was_printed(quote: Quote) -> None:
    """Another figure than that of the last saved run is stale, or was mistyped."""
    printed = "\n".join(saved_output(name) or "" for name in quote.commands)
    assert missing_numbers(quote, printed) == [], quote.text


def test_each_benchmark_is_run_for_the_documents_or_left_out() -> None:
    command = [sys.executable, "benchmarks/all.py", "--list", "--again"]
    environment = {**os.environ, "PYTHONPATH": "tests:."}
    listed = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout
    run, _, left_out = listed.partition("left out:")
    names = [line.split("scripts/bench ")[1].split()[0] for line in run.splitlines()]
    names += [line.split()[0] for line in left_out.strip().splitlines()]
    assert sorted(names) == sorted(path.stem for path in (ROOT / "benchmarks").glob("*.py"))


def quoted(text: str, *commands: str) -> Quote:
    return Quote("page.md", text, commands)


def test_both_forms_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.quoted_figures.ROOT", tmp_path)
    page = tmp_path / "page.md"
    page.write_text(
        "| what | figure | command |\n|---|---|---|\n"
        "| start | 0.64 s | `scripts/bench start` |\n"
        "| idle; later | 36; 43 MB | `scripts/bench start`; `scripts/bench memory 100` |\n\n"
        "The run of `scripts/bench soak` is long. A receipt takes\n0.34 s (`scripts/bench first`). It is 7.\n"
    )
    assert [(quote.commands, quote.numbers()) for quote in quotes(page)] == [
        (("start",), ["0.64"]),
        (("start", "memory"), ["36", "43"]),
        (("first",), ["0.34"]),
    ]


@pytest.mark.parametrize(
    ("text", "printed", "missing"),
    [
        ("0.34 s", "0.34 s from file to JSON", []),
        ("0.3 s", "0.34 s", []),
        ("0.35 s", "0.34 s", ["0.35"]),
        ("20,000 files", "20000 files", []),
        ("12,346 words", "12345.6 words", []),
        ("36; 43 MB", "36 MB", ["43"]),
        ("f32, H100, 0.5 s", "0.5", []),
        ("see [x](y.md#z-3), `bench 9` 4 s", "4", []),
    ],
)
def test_rounding_is_allowed_and_nothing_else(text: str, printed: str, missing: list[str]) -> None:
    assert missing_numbers(quoted(text), printed) == missing
