"""From `ocrspool serve` to ready, with a warm cache: median of five, what it consists of, memory when idle."""

from __future__ import annotations

import re
import statistics
from pathlib import Path

from serving import machine, scratch, serving

ROUNDS = 5


def main() -> None:
    print(machine())
    seconds, stages = [], []
    with scratch() as folder:
        for _ in range(ROUNDS):
            with serving(Path(folder)) as served:
                seconds.append(served.start_seconds)
                stages.append(
                    {name: float(value) for name, value in re.findall(r"([\w-]+) ([\d.]+) s\b", served.ready_line)}
                )
                memory = served.memory()
    print(
        f"ready after {statistics.median(seconds):.2f} s (median of {ROUNDS}: {', '.join(f'{s:.2f}' for s in seconds)})"
    )
    for name in stages[0]:
        if name != "after":
            print(f"  of which {name:<8} {statistics.median(stage[name] for stage in stages):.2f} s")
    print("  the rest: two interpreters and their imports, one beside the other's work")
    print("resident when idle: " + ", ".join(f"{kind} {held:.0f} MB" for kind, held in memory.items()))


if __name__ == "__main__":
    main()
