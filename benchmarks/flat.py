"""Is a page as cheap among 10,000 files as among 10, and an inbox of 100,000 no burden? scripts/bench flat [10000].

Costs are processor time of the service and its children: wall time tells of whatever else the machine does.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from ocrspool.config.schema import Inbox
from ocrspool.files.name_patterns import NamePatterns
from ocrspool.intake.scanner import Scanner
from ocrspool.spool.patience import Patience
from serving import Served, machine, scratch, serving

PAGE = b"P5 64 64 255\n" + bytes([255]) * 64 * 64
WAITING = 100_000
IDLE_SECONDS = 130
"""Two timer scans and a bit."""


def main() -> None:
    most = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    print(machine())
    with scratch() as folder, serving(Path(folder), "settle_seconds = 0.5\n") as served:
        _run(served, 100)  # to be warm
        for count in (10, 100, 1000, 10_000):
            if count <= most:
                wall, cpu = _run(served, count)
                each = 1000 * cpu / count
                print(
                    f"{count:6} files: {each:6.2f} ms of processor time a page, {count / wall:5.0f} files/s", flush=True
                )
    _scan()
    _idle()


def _run(served: Served, count: int) -> tuple[float, float]:
    """Drop so many blank pages and wait for them; return wall and processor seconds."""
    before, done = served.cpu_seconds(), served.outcomes()
    began = time.perf_counter()
    for number in range(count):
        # A name of its own each time: a result of the same bytes under the same name replaces the one before.
        (served.spool / "inbox" / f"{done + number:06}.pgm").write_bytes(PAGE)
    served.wait_for(done + count, 3600)
    return time.perf_counter() - began, served.cpu_seconds() - before


def _scan() -> None:
    """Scan an inbox of very many files: new ones, ones that become due, ones that wait."""
    inbox = Inbox(root=Path("/none"))
    with tempfile.TemporaryDirectory(prefix="ocrspool-bench-") as folder:
        _fill(Path(folder))
        now = 0.0
        scanner = Scanner(
            folder,
            NamePatterns(inbox.include, inbox.exclude + inbox.ignore),
            Patience(2.0),
            recursive=True,
            clock=lambda: now,
        )
        new = _cpu(scanner.scan)
        now = 2.0
        due = _cpu(scanner.scan)
        waiting = min(_cpu(scanner.scan) for _ in range(3))
    print(
        f"processor time of a scan of {WAITING} files: new {new:.2f} s, just settled {due:.2f}, waiting {waiting:.2f}"
    )


def _idle() -> None:
    """Watch a service that may not claim, for want of room, what waits in its inbox."""
    with scratch() as folder:
        inbox = Path(folder, "spool", "inbox")
        inbox.mkdir(parents=True)
        _fill(inbox)
        with serving(Path(folder), f"[limits]\nfree_disk_mb = {1 << 30}\n") as served:
            time.sleep(10)  # the files settle
            before = served.cpu_seconds()
            time.sleep(IDLE_SECONDS)
            share = (served.cpu_seconds() - before) / IDLE_SECONDS
            held = served.memory()["service"]
    print(f"idle with {WAITING} files waiting: {share:.1%} of a core, service {held:.0f} MB")


def _fill(folder: Path) -> None:
    for number in range(WAITING):
        (folder / f"{number:06}.pgm").write_bytes(b"x")  # an empty file would be waited for much longer


def _cpu(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


if __name__ == "__main__":
    main()
