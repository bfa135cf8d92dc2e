"""Run each benchmark that the documents quote, and save what it prints: scripts/bench all [--list] [NAME...].

Each output is kept in docs/benchmarks/NAME.txt. The whole takes hours. What this commit has saved already is passed
over, so it can be stopped and started again. Figures of time come first: they need a machine with nothing else to do.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from serving import machine
from tools.quoted_figures import ROOT, SAVED, missing_numbers, quotes, saved_output


@dataclass(frozen=True, slots=True)
class Run:
    """One benchmark as it is run for the documents."""

    name: str
    minutes: int
    """About, on 2 cores."""
    arguments: tuple[str, ...] = ()
    needs: str = "OCRSPOOL_CORPUS"
    """A variable of the environment that names material; "" for none."""


RUNS = (
    Run("start", 1, needs=""),
    Run("first", 1),
    Run("peers", 15, ("--save",)),
    Run("service", 3),
    Run("around", 3),
    Run("cost", 4),
    Run("memory", 5),
    Run("flat", 10, ("10000",), needs=""),
    Run("burst", 3, ("20000",), needs=""),
    Run("audit", 4, ("50000",), needs=""),
    Run("hostile", 2),
    Run("corpus", 3),
    Run("quality", 8, ("--save",)),
    Run("scripts", 15, ("--save",)),
    Run("structure", 6),
    Run("misread", 5, needs=""),
    Run("outputs", 8),
    Run("words", 40, ("--save",)),
    Run("cluster", 6, ("100",), needs=""),
    Run("cluster_faults", 4, needs="OCRSPOOL_HOST_LAB"),
    Run("cluster_files", 3, needs="OCRSPOOL_HOST_LAB"),
    Run("endurance", 60, ("200000",), needs=""),
    Run("soak", 35, ("100000", "--svg", "docs/reliability/soak.svg"), needs=""),
)

LEFT_OUT = {
    "all": "is this",
    "chart": "is no benchmark",
    "cluster_devices": "needs several GPUs",
    "hotspots": "prints functions and not figures",
    "nets": "needs a GPU",
    "runtimes": "needs runtimes that cannot be installed beside each other",
    "serving": "is no benchmark",
    "throughput": "needs a GPU",
    "versions": "needs a checkout of another version",
}
"""Each other file of this folder, and why it is not run here."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--list", action="store_true", help="only say what would run, and how long that takes")
    parser.add_argument("--check", action="store_true", help="only say which quoted figures were not printed")
    parser.add_argument("--again", action="store_true", help="also what this commit has saved already")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin nothing that would take longer")
    parser.add_argument("names", nargs="*", metavar="NAME", help="these only")
    given = parser.parse_args()
    runs = [run for run in RUNS if (not given.names or run.name in given.names) and (given.again or not _is_saved(run))]
    if given.list:
        print(*(f"{run.minutes:4} min  scripts/bench {_line(run)}" for run in runs), sep="\n")
        print("left out:", *(f"{name:>12} {reason}" for name, reason in LEFT_OUT.items()), sep="\n")
    elif given.check:
        sys.exit(1 if _check() else 0)
    else:
        sys.exit(1 if _all(runs, time.monotonic() + 60 * given.minutes) else 0)


def _all(runs: Sequence[Run], end: float) -> list[str]:
    """Run them, and return the names of those that failed."""
    failed = []
    for number, run in enumerate(runs, 1):
        if run.needs and not os.environ.get(run.needs):
            print(f"{number} of {len(runs)}: {run.name} is left out: {run.needs} names nothing")
        elif time.monotonic() + 60 * run.minutes > end:
            print(f"{number} of {len(runs)}: {run.name} is left out: it takes {run.minutes} minutes")
        else:
            print(f"{number} of {len(runs)}: scripts/bench {_line(run)}, about {run.minutes} minutes", flush=True)
            failed += [] if _save(run) else [run.name]
    print(f"failed: {', '.join(failed) or 'none'}")
    return failed


def _save(run: Run) -> bool:
    """Run it, show what it prints, and save that if it succeeds."""
    before = f"# {_commit()}, {time.strftime('%Y-%m-%d')}, {machine()}"
    began = time.monotonic()
    command = (sys.executable, "-u", f"benchmarks/{run.name}.py", *run.arguments)
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        printed = []
        for line in process.stdout:
            print(line, end="", flush=True)
            printed.append(line)
    if process.returncode == 0:
        took = f"# {time.monotonic() - began:.0f} s"
        head = "\n".join((f"# scripts/bench {_line(run)}", before, took))
        (SAVED / f"{run.name}.txt").write_text(f"{head}\n\n{''.join(printed)}", "utf-8")
    return process.returncode == 0


def _check() -> list[str]:
    """Print each quoted figure that its command did not print, and return them."""
    wrong = []
    for document in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        for quote in quotes(document):
            printed = [saved_output(name) for name in quote.commands]
            if any(name in LEFT_OUT for name in quote.commands):
                continue
            if None in printed:
                print(f"{quote.document}: not saved: {', '.join(quote.commands)}: {quote.text}")
            elif absent := missing_numbers(quote, "\n".join(text or "" for text in printed)):
                wrong.append(f"{quote.document}: not printed: {', '.join(absent)}: {quote.text}")
    print(*wrong, sep="\n")
    return wrong


def _is_saved(run: Run) -> bool:
    """Whether this commit has saved it."""
    return f"# {_commit()}, " in (saved_output(run.name) or "")


def _line(run: Run) -> str:
    return " ".join((run.name, *run.arguments))


def _commit() -> str:
    """Return what is measured: the last commit that changed the program or its benchmarks."""
    command = ("git", "log", "-1", "--format=%h", "--", "daemon", "benchmarks", "pyproject.toml", "requirements")
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    main()
