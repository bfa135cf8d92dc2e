"""What of an unfinished build is used again: models that are whole, and nothing else. No runtime is needed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ocrspool.engine.build import checkpoints
from ocrspool.engine.cache.store import SCHEMA, EngineCache, Manifest, fingerprint, measure
from ocrspool.errors import EngineMissingError

MODELS = ("det", "rec", "cls")
ITEMS = {"engine": "this"}
FILES = ("{}/model.trt", "{}/deep/weights.bin", "{}/manifest.json", "{}/x.built.json")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of an engine whose build was killed within the third model."""
    folder = EngineCache(tmp_path).folder(ITEMS)
    for model in MODELS:
        for name in FILES:
            path = folder / name.format(model)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(model.encode() * 1000)
    checkpoints.record(folder, "det", 700.5)
    checkpoints.record(folder, "rec", 800.0)
    return folder


def test_models_with_a_record_stay(folder: Path) -> None:
    """Two models were finished; the third, and whatever else lies around, is gone."""
    (folder / "garbage").write_bytes(b"")
    (folder / "reference").mkdir()
    (folder / "link").symlink_to(folder.parent)
    kept = checkpoints.keep_sound(folder, MODELS)
    assert kept == {"det": 700.5, "rec": 800.0}
    assert sorted(path.name for path in folder.iterdir()) == ["det", "det.built.json", "rec", "rec.built.json"]
    assert sorted(measure(folder)) == sorted(name.format(model) for name in FILES for model in ("det", "rec"))
    assert checkpoints.keep_sound(folder, MODELS) == kept, "and the next build finds them still"


def test_a_record_makes_no_engine(folder: Path, tmp_path: Path) -> None:
    """All models with their records, but no manifest: not an engine."""
    checkpoints.record(folder, "cls", 1.0)
    with pytest.raises(EngineMissingError):
        EngineCache(tmp_path).find(ITEMS)


@pytest.mark.parametrize(
    "harm",
    [
        lambda folder: os.truncate(folder / "det/model.trt", 2999),
        lambda folder: (folder / "det/model.trt").write_bytes(b"X" * 3000),
        lambda folder: (folder / "det/deep/weights.bin").unlink(),
        lambda folder: (folder / "det/manifest.json").unlink(),
        lambda folder: (folder / "det/more").write_bytes(b""),
        lambda folder: (folder / "det.built.json").unlink(),
        lambda folder: (folder / "det.built.json").write_bytes(b""),
        lambda folder: (folder / "det.built.json").write_bytes(b"[]"),
        lambda folder: (folder / "det.built.json").write_bytes(b'{"files": 3, "seconds": 1}'),
        lambda folder: (folder / "det.built.json").write_bytes(b'{"files": {}, "seconds": 1}'),
        lambda folder: (folder / "rec.built.json").replace(folder / "det.built.json"),
    ],
)
def test_a_model_that_is_not_what_its_record_says_goes(folder: Path, harm: Callable[[Path], object]) -> None:
    """Cut off, altered, missing, too many; a record that is missing, damaged or another's: built again."""
    checkpoints.record(folder, "cls", 1.0)
    harm(folder)
    kept = checkpoints.keep_sound(folder, MODELS)
    assert "det" not in kept
    assert "cls" in kept
    assert not (folder / "det").exists()


def test_a_model_that_is_not_wanted_goes(folder: Path) -> None:
    assert checkpoints.keep_sound(folder, ["rec"]) == {"rec": 800.0}
    assert not (folder / "det").exists()


def test_nothing_there(tmp_path: Path) -> None:
    """The first build of all: an empty folder to begin in."""
    assert checkpoints.keep_sound(tmp_path / "engines" / "new", MODELS) == {}
    assert list((tmp_path / "engines" / "new").iterdir()) == []


def test_of_a_damaged_engine_the_sound_models_stay(folder: Path, tmp_path: Path) -> None:
    """Its manifest becomes records, which the damage shows; at no moment is it taken for an engine."""
    checkpoints.forget(folder)
    seconds = {"det": 1.0, "rec": 2.0, "cls": 3.0, "check": 4.0}
    manifest = Manifest(SCHEMA, fingerprint(ITEMS), ITEMS, measure(folder), [], {}, {}, seconds, "now", "me")
    cache = EngineCache(tmp_path)
    cache.publish(ITEMS, manifest)
    os.truncate(folder / "rec/model.trt", 1)
    checkpoints.checkpoint_from_manifest(folder, manifest)
    assert checkpoints.keep_sound(folder, MODELS) == {"det": 1.0, "cls": 3.0}
    with pytest.raises(EngineMissingError):
        cache.find(ITEMS)


def test_records_are_no_part_of_an_engine(folder: Path) -> None:
    """They are not measured, and leave nothing behind."""
    assert not any(name.startswith(("det.", "rec.")) for name in measure(folder))
    before = measure(folder)
    checkpoints.forget(folder)
    assert measure(folder) == before
    assert list(folder.glob("*.built.json")) == []
