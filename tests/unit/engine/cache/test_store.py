"""Which engine belongs here, whether the one on disk is it, and one builder at a time. No runtime is needed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ocrspool.engine.cache.store import (
    HINT,
    SCHEMA,
    EngineCache,
    Manifest,
    differences,
    fingerprint,
    identity,
    measure,
)
from ocrspool.engine.file_stamps import stamps
from ocrspool.engine.models.model_set import Models
from ocrspool.engine.spec import FinderSpec, NetSpec, Role, Shape, ShapeProfile, Thresholds
from ocrspool.errors import EngineMissingError

FACTS = {"runtime": "openvino", "runtime_version": "1", "device": "cpu", "cpu": "Some CPU", "precision": "f32"}
SHAPES = ShapeProfile((1, 32, 32, 3), (1, 64, 64, 3), (1, 96, 96, 3))


def models(folder: Path) -> Models:
    """Return three models with two small files each."""

    def spec(role: Role) -> NetSpec:
        files = (folder / f"{role}.onnx", folder / f"{role}.data")
        for file in files:
            if not file.exists():
                file.write_bytes(file.name.encode())
        return NetSpec(role, f"small-{role}", files, (127.5, 127.5, 127.5), (1.0, 1.0, 1.0), SHAPES)

    return Models(spec("detection"), spec("recognition"), spec("classifier"))


@pytest.fixture
def items(tmp_path: Path) -> dict[str, str]:
    """The identity of the engine that is wanted."""
    return identity(models(tmp_path), FACTS)


@pytest.fixture
def cache(tmp_path: Path) -> EngineCache:
    return EngineCache(tmp_path / "cache")


def built(cache: EngineCache, items: dict[str, str]) -> Manifest:
    """Build an engine as a runtime does: some files in folders."""
    with cache.building(items) as folder:
        cache.clear(items)
        for name in ("det/model.blob", "det/weights/w.bin", "rec/model.blob", "rec/manifest.json"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(name.encode() * 10)
        manifest = Manifest(
            SCHEMA, fingerprint(items), dict(items), measure(folder), ["text"], {}, {}, {"det": 1.5}, "now", "me"
        )
        cache.publish(items, manifest)
    return manifest


def test_what_was_built_is_found_and_sound(cache: EngineCache, items: dict[str, str]) -> None:
    """The manifest comes back as it was written, and the files are what it says."""
    manifest = built(cache, items)
    assert cache.find(items) == manifest
    cache.verify(items, manifest)
    assert sorted(path.name for path in cache.folder(items).iterdir()) == ["det", "manifest.json", "rec"]


def test_the_identity_is_stable(tmp_path: Path, items: dict[str, str]) -> None:
    """The same models and facts, in whatever order, have the same fingerprint, wherever the files lie."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert identity(models(elsewhere), dict(reversed(FACTS.items()))) == items
    assert fingerprint(dict(reversed(items.items()))) == fingerprint(items)


@pytest.mark.parametrize("key", sorted(FACTS))
def test_every_fact_counts(tmp_path: Path, cache: EngineCache, items: dict[str, str], key: str) -> None:
    """An engine for another runtime, version, device, processor or precision is not found, and the message says why."""
    built(cache, items)
    wanted = identity(models(tmp_path), {**FACTS, key: "other"})
    with pytest.raises(EngineMissingError) as caught:
        cache.find(wanted)
    assert f"differs in {key}: {FACTS[key]} → other" in caught.value.message
    assert caught.value.hint == HINT


GPU = {
    "runtime": "onnxruntime",
    "runtime_version": "1.31.1",
    "runtime_cuda": "13.0",
    "device": "gpu",
    "provider": "tensorrt",
    "precision": "f16",
    "gpu": "NVIDIA H200",
    "compute_capability": "9.0",
    "tensorrt": "10.13.2.6",
    "workspace_mb": "1024",
}
"""Facts of a GPU that need not be here: whether an engine is stale is decided by comparing texts."""


def now(**facts: str) -> Callable[[Path], dict[str, str]]:
    """These facts are others by now."""
    return lambda folder: identity(models(folder), GPU | facts)


def now_shaped(largest: Shape) -> Callable[[Path], dict[str, str]]:
    """Text lines may be wider or narrower than before."""

    def wanted(folder: Path) -> dict[str, str]:
        chosen = models(folder)
        profile = replace(chosen.recognition.profile, maximum=largest)
        return identity(replace(chosen, recognition=replace(chosen.recognition, profile=profile)), GPU)

    return wanted


def with_other_weights(folder: Path) -> dict[str, str]:
    """The same graph with one number changed."""
    chosen = models(folder)
    chosen.detection.files[1].write_bytes(b"another weight")
    return identity(chosen, GPU)


def with_other_thresholds(folder: Path) -> dict[str, str]:
    """The detection model came with another description."""
    return identity(replace(models(folder), thresholds=Thresholds(0.3, 0.6, 1.5)), GPU)


def with_a_finder(folder: Path) -> dict[str, str]:
    """It is another engine, by the name of the finder."""
    found = models(folder)
    return identity(replace(found, finders=(FinderSpec("fine", replace(found.detection, finder="fine")),)), GPU)


def truncated(engine: Path) -> None:
    os.truncate(engine / "rec/model.blob", 5)


def emptied(engine: Path) -> None:
    os.truncate(engine / "rec/model.blob", 0)


def deleted(engine: Path) -> None:
    (engine / "rec/model.blob").unlink()


def untouched(_engine: Path) -> None:
    pass


STALE = [
    # what is stale     what is wanted now              what was done to it  what the message says
    ("precision", now(precision="f32"), untouched, "precision: f16 → f32"),
    ("shapes", now_shaped((1, 48, 640, 3)), untouched, "recognition.shapes: .* 1x96x96x3 → .* 1x48x640x3"),
    ("workspace", now(workspace_mb="4096"), untouched, "workspace_mb: 1024 → 4096"),
    ("weights", with_other_weights, untouched, "detection.sha256: [0-9a-f]{64} → [0-9a-f]{64}"),
    ("a finder", with_a_finder, untouched, "finder.fine.name: none → small-detection; .* 0.2 0.45 1.4"),
    ("thresholds", with_other_thresholds, untouched, "detection.thresholds: 0.2 0.45 1.4 → 0.3 0.6 1.5"),
    ("truncated file", now(), truncated, "rec/model.blob is altered"),
    ("empty file", now(), emptied, "rec/model.blob is altered"),
    ("deleted file", now(), deleted, "rec/model.blob is missing"),
    ("runtime version", now(runtime_version="1.32.0"), untouched, "runtime_version: 1.31.1 → 1.32.0"),
    ("TensorRT version", now(tensorrt="10.14.1.48"), untouched, "tensorrt: 10.13.2.6 → 10.14.1.48"),
    ("CUDA version", now(runtime_cuda="12.8"), untouched, "runtime_cuda: 13.0 → 12.8"),
    ("GPU model", now(gpu="NVIDIA H100 NVL"), untouched, "gpu: NVIDIA H200 → NVIDIA H100 NVL"),
    ("GPU generation", now(compute_capability="10.0"), untouched, "compute_capability: 9.0 → 10.0"),
    ("provider", now(provider="cuda"), untouched, "provider: tensorrt → cuda"),
    ("runtime", now(runtime="paddle"), untouched, "runtime: onnxruntime → paddle"),
]  # fmt: skip
"""Every way known for an engine to be out of date. PaddleX takes the first four and the files that are cut off or gone
for hits; ONNX Runtime does so with weights."""


@pytest.mark.parametrize(("wanted", "harm", "message"), [row[1:] for row in STALE], ids=[row[0] for row in STALE])
def test_a_stale_engine_is_refused(
    tmp_path: Path,
    cache: EngineCache,
    wanted: Callable[[Path], dict[str, str]],
    harm: Callable[[Path], None],
    message: str,
) -> None:
    """What was built for something else, or is no longer what was built, is refused, and one item is named: that."""
    first = identity(models(tmp_path), GPU)
    harm(cache.folder(built(cache, first).identity))
    items = wanted(tmp_path)
    with pytest.raises(EngineMissingError) as caught:
        cache.verify(items, cache.find(items))
    reason = f"damaged: {message}" if harm is not untouched else f"differs in {message}"
    assert re.search(f"{reason}$", caught.value.message), caught.value.message
    assert caught.value.hint == HINT


@pytest.mark.parametrize("role", ["detection", "recognition", "classifier"])
@pytest.mark.parametrize("change", ["model", "weights", "name", "mean", "std", "minimum", "optimum", "maximum"])
def test_every_part_of_a_model_counts(
    tmp_path: Path, cache: EngineCache, items: dict[str, str], role: str, change: str
) -> None:
    """One byte of one file, one number of one shape: another engine, and the message names the item."""
    built(cache, items)
    chosen = models(tmp_path)
    spec: NetSpec = getattr(chosen, role)
    if change in {"model", "weights"}:
        with spec.files[change == "weights"].open("r+b") as file:
            file.write(b"X")
        changed, item = spec, f"{role}.sha256"
    elif change == "name":
        changed, item = replace(spec, name="other"), f"{role}.name"
    elif change in {"mean", "std"}:
        changed, item = replace(spec, **{change: (2.0, 1.0, 1.0)}), f"{role}.normalization"  # type: ignore[arg-type] # either
    else:
        profile = replace(SHAPES, **{change: (1, 32, 64, 3)})
        changed, item = replace(spec, profile=profile), f"{role}.shapes"
    wanted = identity(replace(chosen, **{role: changed}), FACTS)  # type: ignore[arg-type] # a role is a field
    assert [key for key in items if items[key] != wanted[key]] == [item]
    with pytest.raises(EngineMissingError, match=f"differs in {item}: .* → "):
        cache.find(wanted)


def test_the_nearest_engine_is_compared(tmp_path: Path, cache: EngineCache, items: dict[str, str]) -> None:
    """Of several engines the one with the fewest differences explains what is missing."""
    far = identity(models(tmp_path), {**FACTS, "cpu": "Other", "precision": "bf16", "device": "gpu"})
    built(cache, far)
    near = built(cache, items)
    wanted = identity(models(tmp_path), {**FACTS, "runtime_version": "2"})
    with pytest.raises(EngineMissingError) as caught:
        cache.find(wanted)
    assert caught.value.message.endswith(f"the nearest, {near.fingerprint}, differs in runtime_version: 1 → 2")


def test_no_engine_at_all(cache: EngineCache, items: dict[str, str]) -> None:
    """An empty cache, or none, compares with nothing."""
    with pytest.raises(EngineMissingError, match=rf"^no engine {fingerprint(items)} in \S+$"):
        cache.find(items)


def test_items_on_one_side_only() -> None:
    """An item that an older engine did not have differs, too."""
    assert differences({"a": "1", "b": "2"}, {"b": "2", "c": "3"}) == ["a: 1 → none", "c: none → 3"]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: os.truncate(folder / "det/model.blob", 3), "det/model.blob is altered"),
        (lambda folder: (folder / "det/weights/w.bin").write_bytes(b"X" * 170), "det/weights/w.bin is altered"),
        (lambda folder: (folder / "rec/model.blob").unlink(), "rec/model.blob is missing"),
        (lambda folder: (folder / "rec/extra.blob").write_bytes(b""), "rec/extra.blob is not part of it"),
        (lambda folder: (folder / "rec/manifest.json").unlink(), "rec/manifest.json is missing"),
        (lambda folder: (folder / "det/manifest.json").write_bytes(b""), "det/manifest.json is not part of it"),
    ],
)
def test_every_damage_is_found(cache: EngineCache, items: dict[str, str], damage: object, message: str) -> None:
    """A file that is cut off, altered, missing or too many is named."""
    manifest = built(cache, items)
    damage(cache.folder(items))  # type: ignore[operator] # one of the functions above
    with pytest.raises(EngineMissingError, match=f"damaged: {message}"):
        cache.verify(items, manifest)


def test_stamps_show_a_file_that_was_written_again(cache: EngineCache, items: dict[str, str]) -> None:
    """The same bytes written anew, a new file, a missing one: each changes the stamps; reading does not."""
    built(cache, items)
    folder = cache.folder(items)
    before = stamps(folder)
    (folder / "det/model.blob").read_bytes()
    assert stamps(folder) == before
    os.utime(folder / "det/model.blob", ns=(0, 1))
    assert stamps(folder) != before
    changed = stamps(folder)
    (folder / "new").write_bytes(b"")
    assert stamps(folder).keys() - changed.keys() == {"new"}


@pytest.mark.parametrize(
    "manifest",
    [None, b"", b"{", b"[]", b"null", b"{}", b'{"schema": "ocrspool-engine/1"}', "other schema", "other place"],
)
def test_an_engine_without_its_manifest_is_none(
    cache: EngineCache, items: dict[str, str], manifest: bytes | str | None
) -> None:
    """An aborted build, a damaged manifest, one of another format or engine: not found, and no reason to fall over."""
    built(cache, items)
    path = cache.folder(items) / "manifest.json"
    if manifest is None:
        path.unlink()
    elif isinstance(manifest, bytes):
        path.write_bytes(manifest)
    elif manifest == "other schema":
        path.write_bytes(path.read_bytes().replace(SCHEMA.encode(), b"ocrspool-engine/0"))
    else:
        path.write_bytes(path.read_bytes().replace(fingerprint(items).encode(), b"0" * 16))
    with pytest.raises(EngineMissingError, match="no engine"):
        cache.find(items)


def test_an_aborted_build_is_garbage(cache: EngineCache, items: dict[str, str]) -> None:
    """What a build left behind is gone before the next begins."""
    with cache.building(items) as folder:
        cache.clear(items)
        (folder / "half.blob").write_bytes(b"")
    with pytest.raises(EngineMissingError):
        cache.find(items)
    cache.verify(items, built(cache, items))
    assert not (cache.folder(items) / "half.blob").exists()


BUILD = """
import pathlib, sys
from ocrspool.engine.cache.store import EngineCache
cache, mark = EngineCache(pathlib.Path(sys.argv[1])), pathlib.Path(sys.argv[2])
print("asking", flush=True)
with cache.building({"engine": sys.argv[3]}, lambda told: print(told, flush=True)):
    print("building", flush=True)
    sys.stdin.read()
    mark.write_text("built")
"""


def test_two_builders(tmp_path: Path) -> None:
    """A second process waits until the first has built, or died; one that builds another engine does not wait."""

    def builder(mark: str, engine: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", BUILD, str(tmp_path / "cache"), str(tmp_path / mark), engine]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def says(process: subprocess.Popen[bytes]) -> bytes:
        assert process.stdout is not None
        return process.stdout.readline()

    with builder("1", "a") as first:
        assert [says(first), says(first)] == [b"asking\n", b"building\n"]
        with builder("2", "a") as second, builder("3", "b") as other:
            assert [says(other), says(other)] == [b"asking\n", b"building\n"]
            assert says(second) == b"asking\n"
            held = f"{tmp_path}/cache/engines/{fingerprint({'engine': 'a'})}.lock is locked by process {first.pid}"
            assert says(second).decode().startswith(f"waiting: {held} (")
            assert not (tmp_path / "1").exists()
            first.communicate()
            assert (tmp_path / "1").exists()
            assert says(second) == b"building\n"
            with builder("4", "a") as fourth:
                assert says(fourth) == b"asking\n"
                assert f"process {second.pid} (" in says(fourth).decode()
                second.kill()
                assert says(fourth) == b"building\n"
                fourth.communicate()
            other.communicate()
