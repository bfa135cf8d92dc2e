"""What surrounds the nets, with nets that answer at once: receipts/s, and ms of a processor for each.

scripts/bench around [THREADS [SECONDS]]. The receipts of OCRSPOOL_CORPUS are read once by OpenVINO, in the shapes that
ONNX Runtime has with CUDA, and each item's answer is kept. Then the same receipts are read again and again by a
recognizer as for a GPU. Its nets find their answers by the item's pixels, and what that takes is left out of the
figure. No GPU is needed.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import resource
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nets import pixels
from ocrspool.engine.build.builder import build
from ocrspool.engine.loader import load
from ocrspool.engine.ocr.recognizer import Nets, Recognizer
from ocrspool.engine.plan import plan
from ocrspool.engine.reading.recognize import ReadSettings
from ocrspool.engine.runtimes import fixed_shapes
from ocrspool.engine.runtimes.fixed_shapes import FixedShapesNet
from ocrspool.engine.shapes import profiled
from ocrspool.engine_request import EngineRequest
from ocrspool.pages import PageOptions
from serving import machine, named_corpus

if TYPE_CHECKING:
    from concurrent.futures import Future

    from numpy.typing import NDArray

    from ocrspool.engine.plan import Plan
    from ocrspool.engine.spec import Net, NetSpec, Pixels, Shape, ShapeProfile
    from ocrspool.pages import PageText

_BATCH = 16
"""Pages in work, as service.batch_pages has it for a GPU."""
_WIDEST = 1600
"""Pixels of the widest line, as engine.line_width is on a GPU."""

Answers = dict[bytes, tuple["NDArray[Any]", ...]]


class Remembering:
    """A net of one shape that asks another net for what it has not been asked yet."""

    parallel = 2
    warm_up: tuple[Shape, ...] = ()

    def __init__(self, spec: NetSpec, shape: Shape, net: Net, answers: Answers, calls: Counter[Any]) -> None:
        self._net, self._answers, self._calls = net, answers, calls
        self._role = spec.role
        self.batch: int = shape[0]
        self.profile: ShapeProfile = spec.profile

    def __call__(self, batch: Pixels) -> tuple[NDArray[Any], ...]:
        """Answer item by item."""
        began = time.thread_time_ns()
        self._calls[self._role, batch.shape] += 1
        found = [self._answers.get(key) or self._asked(key, item) for key, item in keyed(batch)]
        answers = tuple(np.stack(outputs) for outputs in zip(*found, strict=True))
        self._calls["nanoseconds"] += time.thread_time_ns() - began
        return answers

    def _asked(self, key: bytes, item: Pixels) -> tuple[NDArray[Any], ...]:
        answer = tuple(output[0].copy() for output in self._net(item[None]))
        self._answers[key] = answer
        return answer


def keyed(batch: Pixels) -> list[tuple[bytes, Pixels]]:
    """Return each item with what tells it from others, which is cheap to compute: every 31st pixel."""
    return [
        (hashlib.blake2b(item.reshape(-1)[::31].tobytes(), key=b"%d" % item.shape[1]).digest(), item) for item in batch
    ]


def main() -> None:
    given = sys.argv[1:]
    threads, seconds = int(given[0]) if given else 4, float(given[1]) if given[1:] else 10.0
    receipts = sorted((named_corpus() / "documents").glob("receipt-[0-9]*.jpg"))
    pages = [pixels(path) for path in receipts]
    print(machine())
    answers, calls = remembered(), Counter[Any]()
    wanted = plan(EngineRequest(cache=os.fspath(cache())))
    build(wanted, lambda _: None)
    recognizer = load(wanted, lambda _: None).recognizer
    nets = as_on_gpu(wanted, recognizer._given, answers, calls)  # noqa: SLF001 - nobody else needs them
    read = ReadSettings(widths=fixed_shapes.widths(_WIDEST), joined=True)
    settings = replace(recognizer._settings, threads=threads, read=read)  # noqa: SLF001
    known = len(answers)
    with Recognizer(nets, recognizer._characters, settings) as reader:  # noqa: SLF001
        texts = [page_text(page) for page in reader.recognize(pages)]
        if len(answers) != known:
            Path(cache(), "answers").write_bytes(pickle.dumps(answers))
        calls.clear()
        began, spent = time.monotonic(), time.process_time()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw
        count = replayed(reader, pages, seconds)
        took, spent = time.monotonic() - began, time.process_time() - spent
        spent -= calls.pop("nanoseconds") / 1e9
        switches = (resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw - before) / count
    print(f"{len(texts)} receipts, {sum(map(len, texts))} characters, digest {digest(texts)}")
    print(
        f"{count / took:.1f} receipts/s, {1000 * spent / count:.1f} ms of a processor and {switches:.0f} waits for each"
    )
    report(calls, count)


def as_on_gpu(wanted: Plan, free: Nets, answers: Answers, calls: Counter[Any]) -> Nets:
    """Return nets of the shapes that ONNX Runtime has with CUDA, around nets of any shape."""
    settings = replace(wanted.settings, device="gpu:0", provider="cuda", batch_lines=32, line_width=_WIDEST)
    models = profiled(wanted.models, settings)
    fixed = [
        FixedShapesNet(
            spec, {shape: Remembering(spec, shape, net, answers, calls) for shape in fixed_shapes.shapes(spec)}
        )
        for spec, net in (
            (models.detection, free.detection),
            (models.recognition, free.recognition),
            (models.classifier, free.classifier),
        )
    ]
    return Nets(*fixed)


def replayed(reader: Recognizer, pages: list[Pixels], seconds: float) -> int:
    """Read pages for so long, as many at a time as a worker gets. Return how many."""
    room, done = threading.Semaphore(_BATCH), 0
    until = time.monotonic() + seconds
    futures: list[Future[PageText]] = []
    while time.monotonic() < until or done % len(pages):  # all receipts equally often
        room.acquire()
        future = reader.submit(pages[done % len(pages)], PageOptions())
        future.add_done_callback(lambda _: room.release())
        futures = [each for each in futures if not each.done()] + [future]
        done += 1
    for future in futures:
        future.result()
    return done


def page_text(page: PageText) -> str:
    return "\n".join(f"{line.text} {line.polygon}" for line in page.lines)


def digest(texts: list[str]) -> str:
    return hashlib.sha256("\f".join(texts).encode()).hexdigest()[:12]


def cache() -> Path:
    """Return a folder for OpenVINO's engine and the answers, which stays."""
    folder = Path(tempfile.gettempdir(), "ocrspool-around")
    folder.mkdir(exist_ok=True)
    return folder


def remembered() -> Answers:
    kept = Path(cache(), "answers")
    return pickle.loads(kept.read_bytes()) if kept.exists() else {}  # noqa: S301 - our own


def report(calls: Counter[Any], receipts: int) -> None:
    for role in ("detection", "classifier", "recognition"):
        mine = [(shape, count) for (kind, shape), count in calls.items() if kind == role]
        area = sum(count * n * h * w for (n, h, w, _), count in mine) / receipts
        total = sum(count for _, count in mine) / receipts
        print(f"{role}: {total:.2f} calls and {area / 1e6:.2f} megapixels a receipt")


if __name__ == "__main__":
    main()
