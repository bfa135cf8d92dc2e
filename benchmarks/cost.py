"""What words, letter sizes and ruling lines cost: their share of the processor time that a page takes in the engine.

usage: scripts/bench cost [--passes N] [FILE...]

The files are receipts and scans of OCRSPOOL_CORPUS, or those that are named. One engine reads them in this process.
Processor time is counted. So the shares depend little on how fast the machine is and on what else it does.
"""

from __future__ import annotations

import argparse
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from ocrspool.engine.ocr import page_text, told_lines
from ocrspool.engine.ocr.recognizer import Recognizer
from serving import machine, named_corpus, scratch
from support.real_engine import engine

MEASURED = {
    "ink, for words and sizes": (told_lines, "own_inks"),
    "words": (told_lines, "_measured"),
    "letter sizes": (told_lines, "letter_size"),
    "ruling lines": (page_text, "ruling_lines"),
}
"""What is measured, and the function that does it, in the module that calls it."""
DOCUMENTS = ("receipt-*.jpg", "contract.png", "docling.webp", "invoice-*.*", "paragraph-*.*", "federal-register-*.tif")


def main() -> None:
    arguments = _arguments()
    corpus = named_corpus() / "documents"
    files = arguments.files or sorted(file for each in DOCUMENTS for file in corpus.glob(each) if file.suffix != ".txt")
    print(machine())
    spent: dict[str, float] = defaultdict(float)
    lock = threading.Lock()
    for name, (module, function) in MEASURED.items():
        setattr(module, function, _timed(getattr(module, function), name, spent, lock))
    with scratch() as folder:
        made = engine(Path(folder), "f32")
        pages = [_pixels(file) for file in files]
        with Recognizer(made.nets, made.characters) as recognizer:
            recognizer.recognize(pages)
            spent.clear()
            began = time.process_time()
            for _ in range(arguments.passes):
                for page in pages:
                    recognizer.recognize([page])
            total = time.process_time() - began
    read = arguments.passes * len(pages)
    print(f"{len(pages)} pages, read {arguments.passes} times: {1000 * total / read:.0f} ms of processor time a page\n")
    print("| | ms a page | share |\n|---|---|---|")
    for name, seconds in spent.items():
        print(f"| {name} | {1000 * seconds / read:.1f} | {seconds / total:.1%} |")


def _timed(
    function: Callable[..., Any], name: str, spent: dict[str, float], lock: threading.Lock
) -> Callable[..., Any]:
    def timed(*arguments: Any) -> Any:  # noqa: ANN401 - whatever it takes and returns
        began = time.thread_time()
        try:
            return function(*arguments)
        finally:
            with lock:
                spent[name] += time.thread_time() - began

    return timed


def _pixels(file: Path) -> np.ndarray[Any, np.dtype[np.uint8]]:
    with Image.open(file) as image:
        return cv2.cvtColor(np.asarray(image.convert("RGB")), cv2.COLOR_RGB2BGR)  # type: ignore[return-value]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench cost", description="Measure what words and rules cost.")
    parser.add_argument("--passes", type=int, default=3, metavar="N", help="how often each page is read")
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="images; some of the corpus by default")
    return parser.parse_args()


if __name__ == "__main__":
    main()
