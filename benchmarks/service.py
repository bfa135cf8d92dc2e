"""What the service process itself needs for a receipt, with workers that have no engine: scripts/bench service [FILES].

An engine reads the receipts of OCRSPOOL_CORPUS once. Then a real service with real decoders reads each of them many
times, and its worker gives out what the engine has read. The service process runs Python under one lock, so it reads
no more receipts in a second than fit into a second of its processor time, however fast engine and decoders are. It is
measured twice: as where CPUs read, and as where a GPU reads, with two processes that assemble documents.

OCRSPOOL_BENCH_SPY=1 shows the functions that the time goes into, as `scripts/bench hotspots` does.
OCRSPOOL_BENCH_CONFIG names a TOML file with settings: other outputs, say.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import time
from pathlib import Path

from compared.peers import environment
from hotspots import show, spy
from serving import Served, machine, named_corpus, scratch, serving
from standin.recorded import record
from throughput import dropped

HERE = Path(__file__).parent


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    receipts = sorted((named_corpus() / "documents").glob("receipt-[0-9]*.jpg"))
    print(machine())
    with scratch() as name:
        folder, texts = Path(name), Path(name, "recorded")
        with serving(folder, "settle_seconds = 0\n"):
            pass  # the engine is there now, and it loads
        found = record(folder / "ocrspool.toml", receipts, texts).values()
        lines = statistics.mean(len(text.lines) for text in found)
        words = statistics.mean(sum(len(line.words) for line in text.lines) for text in found)
        print(f"{len(receipts)} receipts have {lines:.0f} lines and {words:.0f} words on average")
        os.environ["OCRSPOOL_BENCH_RECORDED"] = str(texts)
        program = (sys.executable, HERE / "standin" / "service.py")
        for assemblers, reads in ((0, "CPUs read"), (2, "a GPU reads")):
            os.environ["OCRSPOOL_BENCH_ASSEMBLERS"] = str(assemblers)
            shutil.rmtree(folder / "spool")
            print(f"as where {reads}:")
            with serving(folder, "settle_seconds = 0\n", serve=program) as served:
                measure(served, receipts, count)


def measure(served: Served, receipts: list[Path], count: int) -> None:
    """Let receipts through, and print what the service needed for each."""
    dropped(served, receipts, len(receipts), "first")
    served.wait_for(len(receipts), 60)
    before, of_all, began = times(served), served.cpu_of_kinds(), time.monotonic()
    spied = Path(served.spool, "spied") if "OCRSPOOL_BENCH_SPY" in os.environ else None
    if spied is not None:
        spy(environment("py-spy", ["py-spy"]) or Path(), served.process.pid, spied)
    dropped(served, receipts, count, "file")
    served.wait_for(len(receipts) + count, 600)
    took = time.monotonic() - began
    user, system = (1000 * (now - then) / count for now, then in zip(times(served), before, strict=True))
    print(f"{count} receipts in {took:.1f} s; the service needed {user:.2f} ms of a processor for each in Python and")
    print(f"{system:.2f} ms in the kernel: it has room for {1000 / (user + system):.0f} receipts/s")
    spent = {kind: 1000 * (now - of_all[kind]) / count for kind, now in served.cpu_of_kinds().items()}
    each = ", ".join(f"{kind} {of_kind:.1f}" for kind, of_kind in sorted(spent.items()))
    print(f"ms of a processor for each, by kind of process: {each}; together {sum(spent.values()):.1f}")
    if spied is not None:
        show("service", spied)


def times(served: Served) -> tuple[float, float]:
    """Return the processor seconds of the service so far, in user and in system."""
    fields = Path(f"/proc/{served.process.pid}/stat").read_text().rpartition(")")[2].split()
    user, system = (int(field) / os.sysconf("SC_CLK_TCK") for field in fields[11:13])
    return user, system


if __name__ == "__main__":
    main()
