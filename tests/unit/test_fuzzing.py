"""Every target of scripts/fuzz over its seeds and a few hundred changed ones: none rots, and no finding comes back."""

from __future__ import annotations

import collections
import io
from itertools import islice
from pathlib import Path

import pytest

from fuzzing.campaign import TARGETS, inputs
from fuzzing.target import Target
from ocrspool.config import loader
from ocrspool.engine.cache import archive

FEW = {"documents": 40, "structure": 100, "models": 60, "texts": 120, "html": 120, "pdf": 60}
"""Inputs of targets that take long."""


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_nothing_is_found(target: Target) -> None:
    for data in islice(inputs(target, seed=22), FEW.get(target.name, 300)):
        target.run(data)


def test_a_fault_is_found() -> None:
    """A target that cannot fail would show nothing: a fault behind a change of one value is met."""

    def run(data: bytes) -> None:
        assert b"null" not in data

    target = Target("faulty", run, lambda: [b'{"a": {"b": [1, 2]}}'], is_json=True)
    with pytest.raises(AssertionError):
        collections.deque(map(target.run, islice(inputs(target, seed=1), 300)), maxlen=0)


def test_the_same_seed_gives_the_same_inputs() -> None:
    target = TARGETS["results"]
    assert list(islice(inputs(target, 7), 50)) == list(islice(inputs(target, 7), 50))
    assert list(islice(inputs(target, 7), 50)) != list(islice(inputs(target, 8), 50))


def test_the_seed_of_an_engine_is_a_sound_one(tmp_path: Path) -> None:
    """Otherwise each input would be refused at its first member."""
    _, packed = TARGETS["engines"].seeds()
    assert archive.import_engine(io.BytesIO(packed), tmp_path, lambda _: None).new


def test_seeds_of_settings_are_sound(tmp_path: Path) -> None:
    (tmp_path / "ocrspool.toml").write_bytes(TARGETS["settings"].seeds()[0])
    assert loader.load(tmp_path / "ocrspool.toml").inbox
