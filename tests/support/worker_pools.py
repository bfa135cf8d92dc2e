"""A pool of real workers, and pages for it as decoders hand them over."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from ocrspool.config.current import CurrentConfig
from ocrspool.config.schema import Config
from ocrspool.config.sections import Engine, Limits, Paths, Service
from ocrspool.decoding.child.page import memory_file
from ocrspool.pages import PageImage, PageOptions
from ocrspool.recognition.page_json import decoded
from ocrspool.recognition.pool import WorkerPool
from support.drawn_pages import page


@contextmanager
def started(
    cache: Path,
    engine: Engine,
    service: Service = Service(),  # noqa: B008 - frozen
    limits: Limits = Limits(),  # noqa: B008
) -> Iterator[WorkerPool]:
    """Start a pool, and end it. Its workers load meanwhile."""
    config = Config(paths=Paths(cache=cache, runtime=cache), engine=engine, service=service, limits=limits)
    workers = WorkerPool(CurrentConfig(config), lambda _: None)
    workers.start()
    try:
        yield workers
    finally:
        workers.close()


def image(*lines: str, missing: int = 0) -> PageImage:
    """A page with these lines, its memory file too short by so many bytes."""
    return handed_over(page(*lines), missing)


def handed_over(picture: Image.Image, missing: int = 0) -> PageImage:
    """A page in grey, or as it is where it has color; red and blue change places, which is no matter here."""
    data = picture.tobytes()
    width, height = picture.size
    descriptor = memory_file([data[: len(data) - missing]])
    return PageImage(1, width, height, len(picture.getbands()), width, height, None, fd=descriptor)


def text(workers: WorkerPool, *lines: str) -> str:
    """What the pool reads on a page with these lines."""
    found = workers.submit(image(*lines), PageOptions("off")).result(timeout=60)
    return " ".join(line.text for line in decoded(found).lines)
