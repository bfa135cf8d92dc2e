"""Further readers in a real engine: built, compared, proven, loaded now or later, and refused by name where stale.

The further reader is the bundled recognition net once more, which every installation has.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from ocrspool.engine.build.builder import build
from ocrspool.engine.build.compare import ParityError
from ocrspool.engine.cache.store import measure
from ocrspool.engine.loader import load
from ocrspool.engine.models import model_set
from ocrspool.engine.plan import Plan
from ocrspool.engine.plan import plan as planned
from ocrspool.engine.readers.at_first_use import AtFirstUse
from ocrspool.engine.runtimes.openvino import net as openvino
from ocrspool.engine.spec import NetSpec
from ocrspool.engine.test_pages import KNOWN, known_lines
from ocrspool.engine_request import EngineRequest, Precision, Settings
from ocrspool.errors import EngineMissingError
from ocrspool.pages import PageOptions, ReaderOrder
from support import model_folders
from support.further_nets import alter_a_file, change_manifest, compile_wrongly

pytestmark = pytest.mark.engine

AGAIN = "PP-OCRv6_small_rec@again"


def request(
    cache: Path, precision: Precision = "f32", readers_at: Literal["start", "first use"] = "start"
) -> EngineRequest:
    readers = (("again", "bundled"),)
    return EngineRequest(
        cache=str(cache), readers=readers, readers_at=readers_at, settings=Settings(precision=precision)
    )


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache with the engine."""
    cache = tmp_path_factory.mktemp("built")
    build(planned(request(cache)), lambda _: None)
    return cache


@pytest.fixture
def cache(built: Path, tmp_path: Path) -> Path:
    """A copy of that cache."""
    shutil.copytree(built / "engines", tmp_path / "cache/engines")
    return tmp_path / "cache"


def _read(plan: Plan, order: ReaderOrder) -> list[tuple[str, str]]:
    page = np.full((300, 420), 255, np.uint8)
    for number, line in enumerate(known_lines()):
        page[60 + 80 * number : 60 + 80 * number + line.shape[0], 40 : 40 + line.shape[1]] = line
    recognizer = load(plan, lambda _: None).recognizer
    with recognizer:
        (found,) = recognizer.recognize([page], PageOptions("off", readers=order))
    return [(line.text, line.reader) for line in found.lines]


def test_a_reader_is_part_of_the_engine(built: Path) -> None:
    """Its net has a folder of its own, although it has the name of another net; the manifest says what it reads."""
    plan = planned(request(built))
    manifest = plan.cache.find(plan.identity)
    assert any((plan.folder / AGAIN).iterdir())
    assert manifest.readers == {"again": list(KNOWN.lines)}
    assert manifest.identity["reader.again.name"] == "PP-OCRv6_small_rec"
    assert manifest.seconds[AGAIN] > 0


def test_lines_are_read_by_the_reader_that_is_asked(built: Path) -> None:
    plan = planned(request(built))
    assert _read(plan, ReaderOrder(("again",))) == [(line, "again") for line in KNOWN.lines]
    assert _read(plan, ReaderOrder(("default", "again"), sure=0.5)) == [(line, "default") for line in KNOWN.lines]


def test_a_reader_can_wait_for_its_first_line(built: Path) -> None:
    """Its net is loaded by the line that needs it, and proven then."""
    plan = planned(request(built, readers_at="first use"))
    proven = load(plan, lambda _: None)
    recognizer, seconds = proven.recognizer, proven.seconds
    with recognizer:
        reader = recognizer._readers["again"]
        assert isinstance(reader, AtFirstUse)
        assert reader._reader is None
        assert f"load {AGAIN}" not in seconds
    assert _read(plan, ReaderOrder(("again",))) == [(line, "again") for line in KNOWN.lines]


def test_an_engine_without_the_reader_is_stale_by_its_name(built: Path) -> None:
    plan = planned(replace(request(built), readers=(("again", "bundled"), ("more", "bundled"))))
    with pytest.raises(EngineMissingError, match=r"reader\.more\.sha256: none → [0-9a-f]{64}"):
        load(plan, lambda _: None)


def test_a_file_of_the_reader_that_has_changed_is_named(cache: Path) -> None:
    plan = planned(request(cache))
    alter_a_file(plan.folder / AGAIN)
    with pytest.raises(EngineMissingError, match=f"{AGAIN}/.* is altered"):
        load(plan, lambda _: None)


@pytest.mark.parametrize("known", [{"again": ["something else"]}, {}])
def test_a_reader_that_reads_otherwise_is_refused_by_its_name(cache: Path, known: Mapping[str, list[str]]) -> None:
    plan = planned(request(cache))
    change_manifest(plan, readers=known)
    with pytest.raises(EngineMissingError, match=r"the reader again of the engine in .* reads the known lines as"):
        load(plan, lambda _: None)


def test_a_reader_that_is_loaded_later_is_proven_then(cache: Path) -> None:
    plan = planned(request(cache, readers_at="first use"))
    change_manifest(plan, readers={"again": ["something else"]})
    assert _read(plan, ReaderOrder()) == [(line, "default") for line in KNOWN.lines]
    with pytest.raises(EngineMissingError, match=r"the reader again of the engine in .* reads the known lines as"):
        _read(plan, ReaderOrder(("again",)))


def test_a_reader_that_computes_nonsense_is_not_published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only its net is wrong: pixels as they are, where the model was trained on normalized ones."""
    plan = planned(request(tmp_path, "bf16"))
    compile_wrongly(monkeypatch, lambda spec: spec.reader)
    with pytest.raises(ParityError):
        build(plan, lambda _: None)
    assert not list(plan.folder.parent.rglob("manifest.json"))


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The keys of the nets that OpenVINO compiles from now on, with their precision."""
    compiled: list[str] = []
    right = openvino.build

    def build_and_note(spec: NetSpec, folder: Path, settings: Settings) -> None:
        compiled.append(f"{spec.key} {settings.precision}")
        right(spec, folder, settings)

    monkeypatch.setattr(openvino, "build", build_and_note)
    return compiled


@pytest.fixture
def another_model(tmp_path: Path) -> str:
    """A folder with a recognition model of another digest: the bundled one with a remark."""
    bundled = model_set.bundled().recognition
    letters = json.dumps([sign for sign in model_set.characters(bundled) if sign][:-1], ensure_ascii=False)
    folder = tmp_path / "another"
    folder.mkdir()
    (folder / "inference.onnx").write_bytes(bundled.files[0].read_bytes() + b"\x32\x06remark")  # ModelProto.doc_string
    text = model_folders.RECOGNITION.format(name="PP-OCRv6_another_rec")
    head, _, _ = text.partition("character_dict:")
    (folder / "inference.yml").write_text(f"{head}character_dict: {letters}}}\n", "utf-8")
    return str(folder)


def test_adding_a_reader_compiles_the_reader_alone(cache: Path, builds: list[str], another_model: str) -> None:
    """The other nets are copied byte by byte; the new engine is proven, loads, and needs the old one no more."""
    old = planned(request(cache))
    plan = planned(replace(request(cache), readers=(("again", "bundled"), ("new", another_model))))
    _, new = build(plan, lambda _: None)
    assert new
    assert builds == ["reader.new f32"]
    files = plan.cache.find(plan.identity).files
    assert {name: facts for name, facts in files.items() if "@new" not in name} == old.cache.find(old.identity).files
    shutil.rmtree(old.folder)
    assert _read(plan, ReaderOrder(("new",))) == [(line, "new") for line in KNOWN.lines]


def test_another_precision_compiles_all(cache: Path, builds: list[str]) -> None:
    """And the f32 reference with it: it is compiled for itself."""
    build(planned(request(cache, "bf16")), lambda _: None)
    assert sorted(name for name in builds if name.endswith("bf16")) == [
        f"{key} bf16" for key in ("classifier", "detection", "reader.again", "recognition")
    ]


def test_force_takes_nothing(cache: Path, builds: list[str]) -> None:
    build(planned(replace(request(cache), readers=())), lambda _: None, force=True)
    assert builds == ["detection f32", "recognition f32", "classifier f32"]


def test_nets_of_another_engine_that_do_not_load_are_built(cache: Path, builds: list[str]) -> None:
    """Its manifest vouches for bytes of nonsense: what was taken is thrown away, and the engine is built."""
    old = planned(request(cache))
    for blob in (old.folder / "PP-OCRv6_small_det").glob("*.blob"):
        blob.chmod(0o600)
        blob.write_bytes(b"nonsense")
    change_manifest(old, files=measure(old.folder))
    plan = planned(replace(request(cache), readers=()))
    stages: list[str] = []
    assert build(plan, stages.append)[1]
    assert builds == ["detection f32", "recognition f32", "classifier f32"]
    assert any("building all models, instead of taking some from another engine" in stage for stage in stages)
    load(plan, lambda _: None).recognizer.close()
