"""Do all files arrive that were dropped while the service was stopped (SIGSTOP)? scripts/bench burst [20000]."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

from serving import machine, scratch, serving


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    image = b"P5 16 16 255\n" + bytes([255]) * 256
    print(machine())
    with scratch() as folder, serving(Path(folder), "settle_seconds = 0.5\n") as served:
        served.process.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        for number in range(count):
            (served.spool / "inbox" / f"{number:06}.pgm").write_bytes(image)
        dropped = time.monotonic() - began
        served.process.send_signal(signal.SIGCONT)
        served.wait_for(count, 3600)
        took = time.monotonic() - began - dropped
        done = {path.name for path in (served.spool / "done").iterdir()}
        results = {path.name for path in (served.spool / "outbox").iterdir()}
        left = [path.name for path in (served.spool / "inbox").iterdir()]
    print(f"{count} files dropped in {dropped:.1f} s: {len(results)} results, {len(done)} retired, {len(left)} left")
    expected = {f"{number:06}.pgm.json" for number in range(count)}
    print(f"each exactly once: {results == expected and len(done) == count}")
    print(f"all out after {took:.1f} s: {count / took:.0f} files/s")


if __name__ == "__main__":
    main()
