"""Receipts of OCRSPOOL_CORPUS, each many times, through a real service: files/s, where the time goes, GPU busy share.

scripts/bench throughput [FILES]; the engine and the number of processes by OCRSPOOL_BENCH_CONFIG.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from serving import Served, machine, named_corpus, scratch, serving


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    corpus = named_corpus()
    receipts = sorted((corpus / "documents").glob("receipt-[0-9]*.jpg"))
    print(machine())
    with scratch() as folder, serving(Path(folder), "settle_seconds = 0\n") as served:
        print(f"ready after {served.start_seconds:.2f} s")
        dropped(served, receipts, len(receipts), "first")  # the first batch of each shape is no measure
        served.wait_for(len(receipts), 600)
        with gpu_busy() as samples:
            began, before = time.monotonic(), served.cpu_of_kinds()
            dropped(served, receipts, count, "file")
            served.wait_for(len(receipts) + count, 1800)
            took = time.monotonic() - began
            after = served.cpu_of_kinds()
        spent = seconds_of_stages(served)
        held = ", ".join(f"{kind} {size:.0f} MB" for kind, size in served.memory().items())
    print(f"{count} receipts in {took:.2f} s, from folder to JSON: {count / took:.1f} files/s")
    stages = ", ".join(f"{stage} {1000 * seconds:.1f}" for stage, seconds in spent.items())
    print(f"ms per receipt within its processes (they run side by side): {stages}")
    cpu = ", ".join(f"{kind} {1000 * (seconds - before.get(kind, 0)) / count:.1f}" for kind, seconds in after.items())
    print(f"ms of a processor per receipt: {cpu}")
    print(f"resident: {held}")
    if samples:
        print(f"GPU busy (nvidia-smi, {len(samples)} samples): mean {statistics.mean(samples):.0f} %")


def dropped(served: Served, receipts: list[Path], count: int, name: str) -> None:
    """Drop so many files, each whole: copied aside and moved in."""
    aside = served.spool / "aside"
    aside.mkdir(exist_ok=True)
    for number in range(count):
        source = receipts[number % len(receipts)]
        copied = Path(shutil.copy(source, aside / f"{name}-{number:06}{source.suffix}"))
        copied.rename(served.spool / "inbox" / copied.name)


def seconds_of_stages(served: Served) -> dict[str, float]:
    """Return the mean seconds of each stage, as the results tell."""
    spent: Counter[str] = Counter()
    results = list((served.spool / "outbox").glob("file-*.json"))
    for result in results:
        spent.update(json.loads(result.read_bytes())["run"]["seconds"])
    return {stage: seconds / len(results) for stage, seconds in spent.items()}


@contextmanager
def gpu_busy() -> Iterator[list[float]]:
    """Collect the share of time, in percent, in which the first GPU computes, five times a second; [] without one."""
    samples: list[float] = []
    query = ["nvidia-smi", "--id=0", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "--loop-ms=200"]
    try:
        asked = subprocess.Popen(query, stdout=subprocess.PIPE, text=True)
    except FileNotFoundError:
        yield samples
        return

    def read() -> None:
        assert asked.stdout is not None
        samples.extend(float(line) for line in asked.stdout)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield samples
    finally:
        asked.terminate()
        asked.wait()
        reader.join()


if __name__ == "__main__":
    main()
