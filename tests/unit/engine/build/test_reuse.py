"""Which nets of other engines a build takes, and that it takes none that is another net or is damaged. No runtime."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ocrspool.engine.build import checkpoints, reuse
from ocrspool.engine.cache.store import SCHEMA, EngineCache, Manifest, fingerprint, identity, measure, net_identity
from ocrspool.engine.models.model_set import Models
from ocrspool.engine.plan import Plan
from ocrspool.engine.spec import FinderSpec, NetSpec, ReaderSpec, Role, ShapeProfile, Thresholds
from ocrspool.engine_request import Settings
from ocrspool.files import file_lock
from support.cached_engines import held_elsewhere

FACTS = {"runtime": "openvino", "runtime_version": "1", "device": "cpu", "cpu": "Some CPU", "precision": "f32"}
SHAPES = ShapeProfile((1, 32, 32, 3), (1, 64, 64, 3), (1, 96, 96, 3))
ALL = ["small-classifier", "small-detection", "small-recognition"]


def spec(folder: Path, role: Role, name: str = "") -> NetSpec:
    file = folder / f"{name or role}.onnx"
    if not file.exists():
        file.write_bytes(file.name.encode())
    return NetSpec(role, name or f"small-{role}", (file,), (127.5, 127.5, 127.5), (1.0, 1.0, 1.0), SHAPES)


def reader(name: str, net: NetSpec) -> ReaderSpec:
    return ReaderSpec(name, net.name, net.files, replace(net, reader=name))


@pytest.fixture
def models(tmp_path: Path) -> Models:
    return Models(spec(tmp_path, "detection"), spec(tmp_path, "recognition"), spec(tmp_path, "classifier"))


@pytest.fixture
def with_reader(models: Models, tmp_path: Path) -> Models:
    return replace(models, readers=(reader("more", spec(tmp_path, "recognition", "other")),))


def plan_of(models: Models, cache: Path, **facts: str) -> Plan:
    items = identity(models, {**FACTS, **facts})
    return Plan("openvino", models, Settings(), items, {}, EngineCache(cache / "cache"))


def publish(plan: Plan, built_at: str = "2026-01-01T00:00:00+00:00", content: str = "") -> Plan:
    """Put an engine into the cache as a build does."""
    with plan.cache.building(plan.identity) as folder:
        plan.cache.clear(plan.identity)
        for net in plan.models:
            for name in ("a.blob", "deep/b.bin"):
                (folder / net.folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / net.folder / name).write_bytes(f"{content}{name} of {net.name}".encode() * 100)
        seconds = {net.folder: 700.5 for net in plan.models}
        items, files = plan.identity, measure(folder)
        manifest = Manifest(SCHEMA, fingerprint(items), dict(items), files, [], {}, {}, seconds, built_at, "me")
        plan.cache.publish(items, manifest)
    return plan


def taken(plan: Plan, kept: tuple[str, ...] = ()) -> list[str]:
    return sorted(reuse.copied(plan, kept, lambda _: None))


def test_nets_that_are_the_same_are_copied(models: Models, with_reader: Models, tmp_path: Path) -> None:
    """Byte by byte, each with its record and its time; they are files of their own, and the other engine stays."""
    old, new = publish(plan_of(models, tmp_path)), plan_of(with_reader, tmp_path)
    before = measure(old.folder)
    stages: list[str] = []
    assert reuse.copied(new, (), stages.append) == dict.fromkeys(ALL, 700.5)
    assert measure(new.folder) == before == measure(old.folder)
    assert checkpoints.keep_sound(new.folder, [net.folder for net in new.models]) == dict.fromkeys(ALL, 700.5)
    assert all(path.stat().st_nlink == 1 for path in new.folder.rglob("*") if path.is_file())
    assert stages[0] == (f"taking detection, small-detection, from engine {old.folder.name}: it is the same net")


def test_what_is_there_already_is_not_copied(models: Models, with_reader: Models, tmp_path: Path) -> None:
    publish(plan_of(models, tmp_path))
    assert taken(plan_of(with_reader, tmp_path), ("small-detection",)) == ["small-classifier", "small-recognition"]


def test_a_reader_that_is_gone_or_has_another_name_costs_nothing(
    models: Models, with_reader: Models, tmp_path: Path
) -> None:
    old = publish(plan_of(with_reader, tmp_path))
    assert taken(plan_of(models, tmp_path)) == ALL
    renamed = plan_of(
        replace(models, readers=(reader("new", with_reader.readers[0].net or models.detection),)), tmp_path
    )
    assert taken(renamed) == ["other@new", *ALL]
    assert (renamed.folder / "other@new/a.blob").read_bytes() == (old.folder / "other@more/a.blob").read_bytes()


def test_the_default_net_of_one_engine_is_a_reader_of_another(models: Models, tmp_path: Path) -> None:
    publish(plan_of(models, tmp_path))
    other = spec(tmp_path, "recognition", "other")
    swapped = plan_of(replace(models, recognition=other, readers=(reader("more", models.recognition),)), tmp_path)
    assert taken(swapped) == ["small-classifier", "small-detection", "small-recognition@more"]


@pytest.mark.parametrize(
    "fact", ["runtime", "runtime_version", "device", "cpu", "precision", "gpu", "tensorrt", "environment", "unheard-of"]
)
def test_another_machine_runtime_or_precision_is_another_net(models: Models, tmp_path: Path, fact: str) -> None:
    publish(plan_of(models, tmp_path))
    assert taken(plan_of(models, tmp_path, **{fact: "another"})) == []


@pytest.mark.parametrize(
    "changed",
    [
        lambda net: replace(net, profile=replace(SHAPES, maximum=(8, 96, 96, 3))),
        lambda net: replace(net, mean=(0.0, 0.0, 0.0)),
        lambda net: replace(net, name="renamed"),
        lambda net: replace(net, files=(net.files[0].with_name("recognition.onnx"),)),
    ],
)
def test_a_changed_model_is_another_net(models: Models, tmp_path: Path, changed: Callable[[NetSpec], NetSpec]) -> None:
    publish(plan_of(models, tmp_path))
    new = plan_of(replace(models, classifier=changed(models.classifier)), tmp_path)
    assert taken(new) == ["small-detection", "small-recognition"]


def test_thresholds_are_not_compiled(models: Models, tmp_path: Path) -> None:
    """They make another engine, of the same nets."""
    publish(plan_of(models, tmp_path))
    assert taken(plan_of(replace(models, thresholds=Thresholds(0.5)), tmp_path)) == ALL


def test_the_net_of_a_finder_is_that_of_another_engine(models: Models, tmp_path: Path) -> None:
    """Under whichever key, and whatever its output is judged by."""
    net = replace(models.detection, finder="fine")
    new = plan_of(replace(models, finders=(FinderSpec("fine", net, Thresholds(0.5)),)), tmp_path)
    publish(plan_of(models, tmp_path))
    assert taken(new) == sorted([*ALL, "small-detection@fine"])
    assert net_identity(new.identity, "finder.fine") == net_identity(new.identity, "detection")


def test_nets_of_two_roles_are_never_the_same(models: Models) -> None:
    """Even of the same files: a runtime edits a detector's graph otherwise."""
    one = identity(replace(models, detection=replace(models.classifier, role="detection")), FACTS)
    assert net_identity(one, "detection") != net_identity(one, "classifier")


@pytest.mark.parametrize(
    "harm",
    [
        lambda model: os.truncate(model / "a.blob", 1),
        lambda model: (model / "a.blob").write_bytes((model / "a.blob").read_bytes()[::-1]),
        lambda model: (model / "deep/b.bin").unlink(),
        lambda model: (model / "more").write_bytes(b""),
        lambda model: (model / "link").symlink_to("nowhere"),
    ],
)
def test_a_damaged_net_is_not_taken(models: Models, tmp_path: Path, harm: Callable[[Path], object]) -> None:
    """Cut off, altered, missing, too many: nothing of it is left behind, the others are taken, and it is told."""
    old = publish(plan_of(models, tmp_path))
    harm(old.folder / "small-recognition")
    new = plan_of(replace(models, thresholds=Thresholds(0.5)), tmp_path)
    stages: list[str] = []
    assert sorted(reuse.copied(new, (), stages.append)) == ["small-classifier", "small-detection"]
    assert not (new.folder / "small-recognition").exists()
    assert f"not taking recognition from engine {old.folder.name}: its files are damaged or gone" in stages


def test_a_damaged_net_is_taken_from_another_engine(models: Models, tmp_path: Path) -> None:
    """The newest engine comes first; where its file is damaged, an older one helps."""
    first = publish(plan_of(replace(models, thresholds=Thresholds(0.3)), tmp_path), "2026-01-01T00:00:00+00:00", "old ")
    second = publish(
        plan_of(replace(models, thresholds=Thresholds(0.4)), tmp_path), "2026-02-01T00:00:00+00:00", "new "
    )
    os.truncate(second.folder / "small-classifier/a.blob", 1)
    new = plan_of(replace(models, thresholds=Thresholds(0.5)), tmp_path)
    assert taken(new) == ALL
    for model, source in (("small-detection", second), ("small-classifier", first)):
        assert (new.folder / model / "a.blob").read_bytes() == (source.folder / model / "a.blob").read_bytes()


def test_an_engine_that_holds_its_path_is_of_no_use_elsewhere(models: Models, tmp_path: Path) -> None:
    """It has been compiled for its folder."""
    publish(plan_of(models, tmp_path, path="/cache"))
    assert taken(plan_of(replace(models, thresholds=Thresholds(0.5)), tmp_path, path="/cache")) == []


def test_an_unfinished_build_is_no_source(models: Models, tmp_path: Path) -> None:
    """Nobody has seen it read."""
    old = publish(plan_of(models, tmp_path))
    (old.folder / "manifest.json").unlink()
    assert taken(plan_of(replace(models, thresholds=Thresholds(0.5)), tmp_path)) == []


def test_an_engine_that_is_being_removed_is_no_source(models: Models, tmp_path: Path) -> None:
    """`engines gc` has its manifest alone; a service that has it loaded shares it, and is in nobody's way."""
    old = publish(plan_of(models, tmp_path))
    new = plan_of(replace(models, thresholds=Thresholds(0.5)), tmp_path)
    with held_elsewhere(old.folder / "manifest.json"):
        assert taken(new) == []
    with held_elsewhere(old.folder / "manifest.json", shared=True):
        assert taken(new) == ALL
    assert not file_lock.is_held(old.folder / "manifest.json", by_anyone=True), "and lets it go afterwards"


def test_a_disk_without_room_is_a_build(models: Models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a copy does not stay; whether there is room is judged before the build, in words."""

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    publish(plan_of(models, tmp_path))
    new = plan_of(replace(models, thresholds=Thresholds(0.5)), tmp_path)
    monkeypatch.setattr("ocrspool.engine.build.reuse.shutil.copytree", full)
    assert taken(new) == []
