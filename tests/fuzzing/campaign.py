"""All targets, and a run over one of them without a library."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from random import Random

from fuzzing import documents, messages, outputs, records, requests
from fuzzing.target import Target

TARGETS = {each.name: each for module in (messages, records, documents, outputs, requests) for each in module.TARGETS}


def inputs(target: Target, seed: int) -> Iterator[bytes]:
    """Yield the seeds of a target, and then changed ones without an end. The same seed gives the same inputs."""
    seeds = list(target.seeds())
    yield from seeds
    random = Random(seed)
    for _ in count():
        yield target.mutated(random.choice(seeds), random)
