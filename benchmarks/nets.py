"""The nets alone, called as receipts call them, with nothing around them: what the device would allow, receipts/s.

scripts/bench nets [THREADS [SECONDS]]. OCRSPOOL_BENCH_CONFIG names the configuration; its engine has to be in the
cache. The calls are those that reading all receipts at once makes.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ocrspool.config.engine_requests import engine_request
from ocrspool.config.loader import load as load_config
from ocrspool.decoding.child.document import Document
from ocrspool.decoding.child.page import PageLimits
from ocrspool.engine.loader import load
from ocrspool.engine.ocr import shared_image
from ocrspool.engine.ocr.recognizer import Nets, Recognizer
from ocrspool.engine.plan import plan
from serving import machine, named_corpus

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ocrspool.engine.spec import Net, Pixels, Shape, ShapeProfile

Call = tuple[str, "Shape"]


@dataclass
class Counting:
    """A net that notes the shapes it is called with."""

    role: str
    net: Net
    calls: Counter[Call] = field(default_factory=Counter)
    warm_up: tuple[Shape, ...] = ()

    def __post_init__(self) -> None:
        self.parallel: int = self.net.parallel
        self.batch: int = self.net.batch
        self.profile: ShapeProfile = self.net.profile

    def __call__(self, batch: Pixels) -> tuple[NDArray[Any], ...]:
        """Run the net."""
        self.calls[self.role, batch.shape] += 1
        return self.net(batch)


def main() -> None:
    threads, seconds = [float(given) for given in sys.argv[1:3]] if sys.argv[2:] else (8.0, 10.0)
    config = load_config(Path(os.environ["OCRSPOOL_BENCH_CONFIG"]))
    wanted = plan(engine_request(config, config.engine.devices[0]))
    print(machine())
    proven = load(wanted, lambda _: None)
    recognizer, spent = proven.recognizer, proven.seconds
    print("loaded:", ", ".join(f"{name} {taken:.2f} s" for name, taken in spent.items()))
    receipts = sorted((named_corpus() / "documents").glob("receipt-[0-9]*.jpg"))
    counted = counting(recognizer._given)  # noqa: SLF001 - nobody else needs them
    with Recognizer(counted, recognizer._characters, recognizer._settings) as reader:  # noqa: SLF001
        reader.recognize([pixels(path) for path in receipts])
    calls = listed(counted)
    report(calls, len(receipts))
    nets = {counting.role: counting.net for counting in counters(counted)}
    for only in (*nets, "all"):
        chosen = [call for call in calls if only in {"all", call[0]}]
        rate = replayed(nets, chosen, int(threads), seconds) / len(chosen) * len(receipts)
        print(f"{only}: {1000 / rate:.2f} ms a receipt, {rate:.1f} receipts/s, {threads:.0f} threads")


def pixels(path: Path) -> NDArray[np.uint8]:
    """Return the first page as a decoder hands it out: large scans of a sheet are reduced."""
    limits = PageLimits(dpi=200, pages=1, megapixels=300, side=4000)  # as config/ocrspool.toml has them
    with contextlib.closing(Document(os.open(path, os.O_RDONLY), limits)) as document:
        image, _ = document.page(0)
    try:
        return shared_image.pixels(image.fd, image.height, image.width, image.channels)
    finally:
        os.close(image.fd)


def counting(nets: Nets) -> Nets:
    return Nets(
        Counting("detection", nets.detection),
        Counting("recognition", nets.recognition),
        Counting("classifier", nets.classifier),
    )


def counters(nets: Nets) -> list[Counting]:
    return [net for net in (nets.detection, nets.recognition, nets.classifier) if isinstance(net, Counting)]


def listed(nets: Nets) -> list[Call]:
    """Return every call, in an order as of many pages at a time."""
    calls = [call for counting in counters(nets) for call in counting.calls.elements()]
    random.Random(1).shuffle(calls)  # noqa: S311 - the same order each time
    return calls


def report(calls: list[Call], receipts: int) -> None:
    for role in ("detection", "classifier", "recognition"):
        mine = [shape for kind, shape in calls if kind == role]
        area = sum(n * h * w for n, h, w, _ in mine) / receipts
        print(f"{role}: {len(mine) / receipts:.2f} calls and {area / 1e6:.2f} megapixels a receipt")


def replayed(nets: dict[str, Net], calls: list[Call], threads: int, seconds: float) -> float:
    """Return calls a second."""
    shapes = {shape for _, shape in calls}
    noise = {shape: np.random.default_rng(1).integers(0, 255, shape, np.uint8) for shape in shapes}
    source, lock, done = itertools.cycle(calls), threading.Lock(), 0
    until = time.monotonic() + seconds

    def work() -> None:
        nonlocal done
        while time.monotonic() < until:
            with lock:
                role, shape = next(source)
                done += 1
            nets[role](noise[shape])

    workers = [threading.Thread(target=work) for _ in range(threads)]
    began = time.monotonic()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return done / (time.monotonic() - began)


if __name__ == "__main__":
    main()
