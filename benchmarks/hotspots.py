"""Where the time goes while receipts are read: the functions of service, decoder and worker that py-spy sees at work.

usage: scripts/bench hotspots [FILES]

py-spy is installed into an environment of its own below build/peers. To look into another process it has to be root, or
kernel.yama.ptrace_scope has to be 0.
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

from compared.peers import environment
from serving import kind_of, machine, named_corpus, scratch, serving
from throughput import dropped

SECONDS, PER_SECOND = 10, 100
SHOWN = 12


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    receipts = sorted((named_corpus() / "documents").glob("receipt-[0-9]*.jpg"))
    python = environment("py-spy", ["py-spy"]) or sys.exit("py-spy cannot be installed")
    print(machine())
    with scratch() as folder, serving(Path(folder), "settle_seconds = 0\n") as served:
        dropped(served, receipts, len(receipts), "first")
        served.wait_for(len(receipts), 600)
        dropped(served, receipts, count, "file")
        served.wait_for(len(receipts) + 1, 600)
        pids = {kind_of(pid, served.process.pid): pid for pid in served.processes()}
        recorded = {kind: Path(folder, kind) for kind in pids}
        spies = [spy(python, pid, recorded[kind]) for kind, pid in pids.items()]
        if any(each.wait() for each in spies):
            sys.exit("py-spy may not look into other processes here: be root")
        if served.outcomes() >= len(receipts) + count:
            print(f"all was read before {SECONDS} s had passed: name more FILES than {count}")
        for kind, path in recorded.items():
            show(kind, path)


def spy(python: Path, pid: int, path: Path) -> subprocess.Popen[bytes]:
    """Sample the stacks of the threads of a process that are not idle, one line each with how often it was seen."""
    command: list[str | Path] = [python.with_name("py-spy"), "record", "--pid", str(pid), "--format", "raw"]
    options: list[str | Path] = ["--output", path, "--duration", str(SECONDS), "--rate", str(PER_SECOND)]
    return subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def show(kind: str, path: Path) -> None:
    """Print the functions that most time was spent in themselves, in threads at work at one time on average."""
    own: Counter[str] = Counter()
    for line in path.read_text().splitlines() if path.exists() else ():  # of nothing seen, py-spy writes nothing
        stack, _, seen = line.rpartition(" ")
        own[stack.rpartition(";")[2]] += int(seen)
    print(f"\n{kind}: {sum(own.values()) / SECONDS / PER_SECOND:.2f} threads at work")
    for function, times in own.most_common(SHOWN):
        print(f"  {times / SECONDS / PER_SECOND:5.2f}  {function}")


if __name__ == "__main__":
    main()
