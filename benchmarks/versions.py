"""Another checkout and this one, in turn: start, small files, receipts of OCRSPOOL_CORPUS, memory; ratios of medians.

scripts/bench versions CHECKOUT [ROUNDS] [SMALL_FILES] [RECEIPTS]. The other checkout has its own .venv (scripts/venv
test, there). Ratios are this checkout's median over the other's: 1.02 is 2 % more. The small files are blank, which
this checkout reads without a net.
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

from serving import COMMAND, machine, named_corpus, scratch, serving
from throughput import dropped

BLANK = b"P5 16 16 255\n" + bytes([255]) * 256

Figures = dict[str, float]


def main() -> None:
    other = Path(sys.argv[1]).resolve() / ".venv" / "bin" / "ocrspool"
    rounds, small, receipts = (
        int(sys.argv[place]) if len(sys.argv) > place else default for place, default in ((2, 3), (3, 2000), (4, 40))
    )
    print(machine())
    both: dict[str, list[Figures]] = {"other": [], "this": []}
    with scratch() as folder:
        for number in range(rounds):
            # Each goes first every other time: the processor's clock falls as it gets warm.
            for side in sorted(both, reverse=bool(number % 2)):
                command = COMMAND if side == "this" else other
                own = Path(folder) / side
                own.mkdir(exist_ok=True)
                both[side].append(measured(own, command, small, receipts))
                print(f"{side:<5} " + ", ".join(f"{name} {value:.2f}" for name, value in both[side][-1].items()))
    print(f"{'':<28}{'other':>10}{'this':>10}{'ratio':>8}")
    for name in both["this"][0]:
        if name not in both["other"][0]:
            continue  # an older version has other processes
        before, after = (statistics.median(figures[name] for figures in both[side]) for side in ("other", "this"))
        print(f"{name:<28}{before:>10.2f}{after:>10.2f}{after / before:>8.3f}")


def measured(folder: Path, command: Path, small: int, receipts: int) -> Figures:
    """Start a service, let it read small files and then receipts; return seconds of wall and processor, and MB."""
    pictures = sorted((named_corpus() / "documents").glob("receipt-[0-9]*.jpg"))
    figures: Figures = {}
    with serving(folder, "settle_seconds = 0\n", command) as served:
        came_out = served.outcomes()
        figures["start, s"], figures["start, CPU s"] = served.start_seconds, served.cpu_seconds()
        # The first batch of each shape is no measure. Names are new each time: an equal result replaces an older one.
        dropped(served, pictures, len(pictures), f"first-{time.monotonic_ns()}")
        served.wait_for(came_out := came_out + len(pictures), 600)
        for kind, count in (("small", small), ("receipt", receipts)):
            name = f"{kind}-{time.monotonic_ns()}"
            spent, own, began = served.cpu_seconds(), served.cpu_of_kinds()["service"], time.monotonic()
            if kind == "small":
                for number in range(count):
                    (served.spool / "inbox" / f"{name}-{number:06}.pgm").write_bytes(BLANK)
            else:
                dropped(served, pictures, count, name)
            served.wait_for(came_out := came_out + count, 3600)
            figures[f"{kind}s, ms each"] = 1000 * (time.monotonic() - began) / count
            figures[f"{kind}s, CPU ms each"] = 1000 * (served.cpu_seconds() - spent) / count
            figures[f"{kind}s, service's CPU ms"] = 1000 * (served.cpu_of_kinds()["service"] - own) / count
        figures |= {f"{kind}, MB": held for kind, held in served.memory().items()}
    return figures


if __name__ == "__main__":
    main()
