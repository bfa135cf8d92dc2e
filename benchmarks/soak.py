"""Does anything grow over a long run? scripts/bench soak [PAGES] [--json FILE] [--svg FILE]; exit code 1 if so."""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import math
import os
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean, linear_regression
from typing import NamedTuple

from chart import Panel, svg
from serving import Served, children, kind_of, machine, resident, scratch, serving
from support import drawn_pages, sample_files

PAGES = 20_000
SETTINGS = """settle_seconds = 0.2
[service]
worker_pages = 2000
[limits]
page_seconds = 300
"""
_AHEAD = 300
"""Files in the inbox, at most: the run is about a service at work, not about a folder of ten thousand."""
_SAMPLE_SECONDS = 2.0
_WARM_UP = 0.1
"""This share of the run does not count: allocators and caches fill."""
_KINDS = ("service", "decoder", "worker")


@dataclass(frozen=True, slots=True)
class Sample:
    """What is held after so many pages; of several processes of one kind, what the largest holds."""

    pages: int
    seconds: float
    resident_mb: dict[str, float]
    descriptors: dict[str, int]
    threads: dict[str, int]
    memory_files: int
    """Page images that are held, over all processes."""
    temporary_files: int
    """In TMPDIR, and under names that are not whole in the outbox."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/bench soak", description=__doc__)
    parser.add_argument("pages", type=int, nargs="?", default=PAGES)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--svg", type=Path)
    wanted = parser.parse_args()
    print(machine(), flush=True)
    with scratch() as name:
        folder = Path(name)
        (folder / "tmp").mkdir()
        os.environ["TMPDIR"] = os.fspath(folder / "tmp")
        with serving(folder, SETTINGS) as served:
            samples, dropped = run(served, folder, wanted.pages)
        log = served.log.read_text()
    found = verdict(samples, dropped, log)
    if wanted.json:
        wanted.json.write_text(json.dumps({**found, "samples": [asdict(sample) for sample in samples]}) + "\n")
    if wanted.svg:
        wanted.svg.write_text(drawing(samples))
    sys.exit(not found["flat"])


def run(served: Served, folder: Path, pages: int) -> tuple[list[Sample], dict[str, int]]:
    """Keep the inbox filled until so many pages have come out; the samples, first and last while nothing is in work."""
    began = time.monotonic()
    samples = [sample(served, folder, 0.0)]
    ahead = dropping(served.spool / "inbox")
    dropped = {"files": 0, "broken": 0}
    while samples[-1].pages < pages:
        if served.process.poll() is not None:
            sys.exit(f"the service ended; see {served.log}")
        while entries(served.spool / "inbox") < _AHEAD:
            dropped["broken"] += next(ahead)
            dropped["files"] += 1
        time.sleep(_SAMPLE_SECONDS)
        samples.append(sample(served, folder, time.monotonic() - began))
        rate = samples[-1].pages / samples[-1].seconds
        print(f"\r{samples[-1].pages} pages, {rate:.1f} pages/s", end="", file=sys.stderr, flush=True)
    served.wait_for(dropped["files"], 3600)
    time.sleep(15)  # until what is idle has been noticed: a worker that is loading, a status that is a second old
    samples.append(sample(served, folder, time.monotonic() - began))
    return samples, dropped


def dropping(inbox: Path) -> Iterator[bool]:
    """Drop one file after another, of every kind in turn; yield whether it was one that cannot be read."""
    for number, (suffix, data) in enumerate(itertools.cycle(documents())):
        part = inbox / f"{number:06}.{suffix}.part"
        part.write_bytes(data)
        part.rename(part.with_suffix(""))
        yield suffix == "broken"


def documents() -> list[tuple[str, bytes]]:
    """Return the mix: small pages of a word or two, of several formats, some of several pages, some damaged."""
    words = [sample_files.words(text, (150, 56)) for text in ("Alpha", "Bravo", "Delta", "Echo", "Hotel")]
    single = [("png", sample_files.png(word)) for word in words] + [
        ("jpg", sample_files.jpeg(word)) for word in words[:3]
    ]
    many = [
        ("tif", sample_files.tiff(*(word.copy() for word in words))),  # Pillow leaves marks on what it has saved
        ("pdf", sample_files.pdf(4, width=90, height=40)),
        ("tif", sample_files.damaged_page_tiff()),
    ]
    odd = [
        ("webp", sample_files.encoded(words[0], "WEBP")),
        ("bmp", sample_files.encoded(words[1], "BMP")),
        ("pgm", drawn_pages.tiny(7)),
        ("gif", sample_files.gif()),
        ("broken", sample_files.png(words[0])[:60]),
    ]
    return single + many + odd + many[:2]


def sample(served: Served, folder: Path, seconds: float) -> Sample:
    """Look at all processes."""
    resident_mb = dict.fromkeys(_KINDS, 0.0)
    descriptors, threads = dict.fromkeys(_KINDS, 0), dict.fromkeys(_KINDS, 0)
    memory_files = 0
    for pid in (served.process.pid, *children(served.process.pid)):
        with contextlib.suppress(OSError):  # replaced while we look
            kind = kind_of(pid, served.process.pid)
            held = held_by(pid)
            resident_mb[kind] = max(resident_mb[kind], round(held.resident_mb, 1))
            descriptors[kind] = max(descriptors[kind], held.descriptors)
            threads[kind] = max(threads[kind], held.threads)
            memory_files += held.page_images
    temporary = entries(folder / "tmp") + sum(path.suffix != ".json" for path in (served.spool / "outbox").iterdir())
    pages = 0
    with contextlib.suppress(OSError, ValueError, KeyError):
        pages = json.loads((folder / "run" / "status.json").read_bytes())["since_start"]["default"]["pages"]
    return Sample(pages, round(seconds, 1), resident_mb, descriptors, threads, memory_files, temporary)


class Held(NamedTuple):
    """What one process holds."""

    resident_mb: float
    descriptors: int
    threads: int
    page_images: int


def held_by(pid: int) -> Held:
    """Look at a process. Raise OSError if it has ended."""
    links = list(_opened(pid))
    images = sum("memfd:page" in link for link in links)
    return Held(resident(pid), len(links), entries(Path(f"/proc/{pid}/task")), images)


def _opened(pid: int) -> Iterator[str]:
    """Yield what each descriptor of a process is; one that it closes meanwhile is left out."""
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            yield os.fspath(link.readlink())


def entries(folder: Path) -> int:
    """Return how much is in a folder."""
    return sum(1 for _ in folder.iterdir())


_ALLOWED = {"service: threads": 3.0}
"""Threads of jobs stay (processes/threads.py), and a job may begin before the thread of one that has ended is back. So
the number is that of a moment that may come late, and no more than twice the jobs at a time."""


def verdict(samples: list[Sample], dropped: dict[str, int], log: str) -> dict[str, object]:
    """Judge by slopes: how much of each a run of this length adds, after its warm-up; and by what is left when idle."""
    pages = samples[-1].pages
    steady = [one for one in samples[1:-1] if one.pages > pages * _WARM_UP]
    measures = {f"{kind}: resident MB": [one.resident_mb[kind] for one in steady] for kind in _KINDS}
    measures |= {f"{kind}: descriptors": [float(one.descriptors[kind]) for one in steady] for kind in _KINDS}
    measures |= {f"{kind}: threads": [float(one.threads[kind]) for one in steady] for kind in _KINDS}
    measures |= {"page images": [float(one.memory_files) for one in steady]}
    measures |= {"temporary files": [float(one.temporary_files) for one in steady]}
    pages_of = [one.pages for one in steady]
    rows = {name: growth(pages_of, values, _ALLOWED.get(name, 1.0)) for name, values in measures.items()}
    print(
        f"\n{dropped['files']} files, {dropped['broken']} of them broken, {pages} pages in {samples[-1].seconds:.0f} s"
    )
    print(f"workers replaced: {log.count(' was replaced after ')}; warnings besides failures: {_warnings(log)}")
    tell(rows)
    first, last = samples[0], samples[-1]
    idle = {
        "descriptors": (first.descriptors["service"], last.descriptors["service"]),
        "page images": (first.memory_files, last.memory_files),
        "temporary files": (first.temporary_files, last.temporary_files),
    }
    for name, (before, after) in idle.items():
        print(f"{name} when idle, before and after: {before}, {after}{'' if after <= before else '  GROWS'}")
    flat = all(row["flat"] for row in rows.values()) and all(after <= before for before, after in idle.values())
    return {"flat": flat, "pages": pages, **dropped, "rows": rows, "idle": idle}


def growth(pages: list[int], values: list[float], least: float = 1.0) -> dict[str, float]:
    """Return the mean, what the run adds by the slope of the least squares, and whether that is as good as nothing.

    A twentieth of the mean is allowed, or `least`, of megabytes as of descriptors; `error` is twice the standard error.
    """
    slope, start = linear_regression(pages, values)
    middle, length = fmean(pages), pages[-1] - pages[0]
    rest = sum((value - start - slope * page) ** 2 for page, value in zip(pages, values, strict=True))
    spread = sum((page - middle) ** 2 for page in pages)
    error = 2 * math.sqrt(rest / (len(pages) - 2) / spread) * length
    allowed = max(least, fmean(values) / 20)
    flat = slope * length - error <= allowed
    return {"mean": fmean(values), "growth": slope * length, "error": error, "allowed": allowed, "flat": flat}


def tell(rows: Mapping[str, Mapping[str, float]]) -> None:
    """Print what `growth` says of each measure."""
    width = max(map(len, rows)) + 2
    print(f"{'':{width}}{'mean':>9}{'growth':>9}{'±':>9}{'allowed':>9}")
    for name, row in rows.items():
        figures = "".join(f"{row[column]:9.2f}" for column in ("mean", "growth", "error", "allowed"))
        print(f"{name:{width}}{figures}{'' if row['flat'] else '  GROWS'}")


def _warnings(log: str) -> int:
    return sum(" WARNING " in line and " failed " not in line for line in log.splitlines()) + log.count(" ERROR ")


def drawing(samples: list[Sample]) -> str:
    """Return the plot: memory, descriptors and threads of each kind of process over the pages read."""
    titles = {"resident_mb": "resident memory, MB", "descriptors": "open descriptors", "threads": "threads"}
    panels = [
        Panel(title, {kind: [(one.pages, getattr(one, field)[kind]) for one in samples] for kind in _KINDS})
        for field, title in titles.items()
    ]
    held = {"page images": [(float(one.pages), float(one.memory_files)) for one in samples]}
    held["temporary files"] = [(float(one.pages), float(one.temporary_files)) for one in samples]
    return svg([*panels, Panel("files in memory, temporary files", held)], "pages read")


if __name__ == "__main__":
    main()
