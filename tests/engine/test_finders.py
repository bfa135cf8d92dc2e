"""Further finders of lines in a real engine: built, compared, proven, used where asked, refused by name where stale.

The further finder is the bundled detection net once more, which every installation has.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from ocrspool.engine.build.builder import build
from ocrspool.engine.build.compare import ParityError
from ocrspool.engine.loader import load
from ocrspool.engine.plan import plan as planned
from ocrspool.engine.test_pages import KNOWN, known_text
from ocrspool.engine_request import EngineRequest, Precision, Settings
from ocrspool.errors import EngineMissingError, OcrspoolError
from ocrspool.pages import ReaderOrder
from ocrspool.recognition.child.engines import facts_of
from support.further_nets import alter_a_file, change_manifest, compile_wrongly

pytestmark = pytest.mark.engine

AGAIN = "PP-OCRv6_small_det@again"


def request(cache: Path, precision: Precision = "f32") -> EngineRequest:
    return EngineRequest(cache=str(cache), finders=(("again", "bundled"),), settings=Settings(precision=precision))


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


def test_a_finder_is_part_of_the_engine(built: Path) -> None:
    """Its net has a folder of its own; identity, manifest and the facts of a result name it."""
    plan = planned(request(built))
    manifest = plan.cache.find(plan.identity)
    assert any((plan.folder / AGAIN).iterdir())
    assert manifest.finders == {"again": list(KNOWN.lines)}
    assert manifest.identity["finder.again.name"] == "PP-OCRv6_small_det"
    assert manifest.identity["finder.again.thresholds"] == manifest.identity["detection.thresholds"]
    assert manifest.seconds[AGAIN] > 0
    told = [(model["role"], model["finder"], model["reader"]) for model in facts_of(plan, manifest)["models"]]
    assert told == [
        ("detection", "default", None),
        ("recognition", None, "default"),
        ("classifier", None, None),
        ("detection", "again", None),
    ]


def test_lines_are_found_by_the_finder_that_is_asked(built: Path) -> None:
    plan = planned(request(built))
    recognizer = load(plan, lambda _: None).recognizer
    with recognizer:
        assert known_text(recognizer, ReaderOrder(finder="again")) == list(KNOWN.lines)
        with pytest.raises(OcrspoolError, match="no finder 'other'; it has default, again"):
            known_text(recognizer, ReaderOrder(finder="other"))
        with recognizer.beside() as fresh:
            assert known_text(fresh, ReaderOrder(finder="again")) == list(KNOWN.lines)


def test_an_engine_without_the_finder_is_stale_by_its_name(built: Path) -> None:
    plan = planned(replace(request(built), finders=(("again", "bundled"), ("more", "bundled"))))
    with pytest.raises(EngineMissingError, match=r"finder\.more\.sha256: none → [0-9a-f]{64}"):
        load(plan, lambda _: None)


def test_a_file_of_the_finder_that_has_changed_is_named(cache: Path) -> None:
    plan = planned(request(cache))
    alter_a_file(plan.folder / AGAIN)
    with pytest.raises(EngineMissingError, match=f"{AGAIN}/.* is altered"):
        load(plan, lambda _: None)


@pytest.mark.parametrize("known", [{"again": ["something else"]}, {}])
def test_a_finder_with_which_other_text_is_read_is_refused_by_its_name(
    cache: Path, known: Mapping[str, list[str]]
) -> None:
    plan = planned(request(cache))
    change_manifest(plan, finders=known)
    with pytest.raises(EngineMissingError, match=r"with the finder again the engine in .* reads the known page as"):
        load(plan, lambda _: None)


def test_a_finder_that_computes_nonsense_is_not_published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only its net is wrong: pixels as they are, where the model was trained on normalized ones."""
    plan = planned(request(tmp_path, "bf16"))
    compile_wrongly(monkeypatch, lambda spec: spec.finder)
    with pytest.raises(ParityError):
        build(plan, lambda _: None)
    assert not list(plan.folder.parent.rglob("manifest.json"))
