"""The nets alone, called as receipts call them, with nothing around them: what the device would allow, receipts/s.

scripts/bench nets_alone [THREADS [SECONDS]]; the engine by OCRSPOOL_BENCH_CONFIG, which has to be in its cache. Pages are
searched in the shapes they have; lines are read in full batches of their widths, over all receipts.
"""

from __future__ import annotations

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
from PIL import Image

from ocrspool.config.loader import load as load_config
from ocrspool.engine.loader import load, recognizer_of
from ocrspool.engine.ocr.recognizer import Nets
from ocrspool.engine.plan import Wanted, plan
from ocrspool.recognition.protocol import about_engine
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

    @property
    def parallel(self) -> int:
        return self.net.parallel

    @property
    def batch(self) -> int:
        return self.net.batch

    @property
    def profile(self) -> ShapeProfile:
        return self.net.profile

    @property
    def warm_up(self) -> tuple[Shape, ...]:
        return ()

    def __call__(self, batch: Pixels) -> tuple[NDArray[Any], ...]:
        self.calls[self.role, batch.shape] += 1
        return self.net(batch)


def main() -> None:
    threads = int(sys.argv[1]) if len(sys.argv) > 1 else 8
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 10.0
    config = load_config(Path(os.environ["OCRSPOOL_BENCH_CONFIG"]))
    wanted = plan(Wanted(**about_engine("load", config, config.engine.devices[0])["wanted"]))
    print(machine())
    recognizer, _, spent = load(wanted, lambda _: None)
    print("loaded:", ", ".join(f"{name} {taken:.2f} s" for name, taken in spent.items()))
    receipts = sorted((named_corpus() / "documents").glob("receipt-[0-9]*.jpg"))
    counted = counting(recognizer._nets)
    with recognizer_of(wanted, counted) as reader:
        reader.recognize([pixels(path) for path in receipts], ["auto"] * len(receipts))
    calls = listed(counted)
    report(calls, len(receipts))
    nets = {"detection": counted.detection.net, "recognition": counted.recognition.net, "classifier": counted.classifier.net}
    for only in (*nets, "all"):
        chosen = [call for call in calls if only in {"all", call[0]}]
        rate = replayed(nets, chosen, threads, seconds) * len(chosen) ** -1 * len(receipts)
        print(f"{only}: {1000 / rate:.2f} ms a receipt, {rate:.1f} receipts/s, {threads} threads")


def pixels(path: Path) -> NDArray[np.uint8]:
    return np.ascontiguousarray(np.asarray(Image.open(path).convert("RGB"))[:, :, ::-1])


def counting(nets: Nets) -> Nets:
    return Nets(
        Counting("detection", nets.detection),
        Counting("recognition", nets.recognition),
        Counting("classifier", nets.classifier),
    )


def listed(nets: Any) -> list[Call]:
    """Return every call, in an order as of many pages at a time."""
    together = nets.detection.calls + nets.recognition.calls + nets.classifier.calls
    calls = list(together.elements())
    random.Random(1).shuffle(calls)
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
