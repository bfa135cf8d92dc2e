"""What an engine reads on pictures, to be given out again by workers without an engine (worker.py)."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path

from ocrspool.config.current import CurrentConfig
from ocrspool.config.loader import load
from ocrspool.decoding.pool import DecoderProcessPool
from ocrspool.pages import PageOptions, PageText
from ocrspool.recognition.page_json import decoded
from ocrspool.recognition.pool import WorkerPool

Size = tuple[int, int]
Recorded = dict[Size, PageText]
"""The texts by the width and the height of their pages."""


def record(config: Path, pictures: Sequence[Path], target: Path) -> Recorded:
    """Let the engine of a configuration read pictures of one page each, and write down what it reads."""
    live = CurrentConfig(load(config))
    profile = live.config.profile_of("default")
    workers, decoders = WorkerPool(live, lambda _: None), DecoderProcessPool(1, live)
    found: Recorded = {}
    try:
        workers.start()
        workers.wait_ready()
        for picture in pictures:
            with decoders.take() as decoder:
                decoder.open(picture, profile)
                image = decoder.page(0).image
            found[image.width, image.height] = decoded(workers.submit(image, PageOptions(profile.orientation)).result())
    finally:
        workers.close()
        decoders.close()
    target.write_bytes(pickle.dumps(found))
    return found


def recorded(source: Path) -> Recorded:
    """Return what was written down."""
    texts: Recorded = pickle.loads(source.read_bytes())  # noqa: S301 - `record` of this benchmark wrote it
    return texts
