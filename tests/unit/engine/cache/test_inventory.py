"""What is in the engine cache, whether it is sound, and what of it may go. No runtime is needed."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ocrspool.engine.cache import inventory
from ocrspool.engine.cache.store import SCHEMA
from ocrspool.errors import EngineError, Exit
from support.cached_engines import FILES, held_elsewhere, made, tree

MANIFEST = "manifest.json"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def leftover(cache: Path, name: str = "aborted") -> Path:
    """Return what a build leaves behind that was killed before it was done."""
    folder = made(cache, name)
    (folder / MANIFEST).unlink()
    return folder


def change(folder: Path, **values: object) -> None:
    """Alter a manifest."""
    told = json.loads((folder / MANIFEST).read_bytes())
    (folder / MANIFEST).write_text(json.dumps({**told, **values}), "utf-8")


def only_card(cache: Path) -> inventory.CachedEngine:
    (card,) = inventory.cards(cache)
    return card


def test_an_empty_cache(cache: Path) -> None:
    """A cache that is not there holds nothing, and is not made by looking."""
    assert inventory.cards(cache) == []
    assert inventory.stale_files(cache) == []
    assert not cache.exists()


def test_a_whole_engine(cache: Path) -> None:
    """A card has what the manifest says, the size of all files, and that nobody uses it."""
    folder = made(cache, "a")
    card = only_card(cache)
    assert (card.fingerprint, card.folder, card.state, card.problem) == (folder.name, folder, "whole", "")
    assert card.manifest is not None
    assert card.manifest.identity == {"engine": "a"}
    assert card.size == sum(map(len, FILES.values())) + (folder / MANIFEST).stat().st_size
    assert (card.built_at, card.built_by, card.in_use) == ("2026-01-01T00:00:00+00:00", "me", False)


def test_newest_first(cache: Path) -> None:
    """Engines in order of their builds, then what is no engine; files and folders of other names are not ours."""
    old, new = made(cache, "a", "2026-01-01"), made(cache, "b", "2026-02-01")
    aborted = leftover(cache)
    (cache / "engines" / "history.json").write_text("{}")
    (cache / "engines" / "somebody's").mkdir()
    assert [card.folder for card in inventory.cards(cache)] == [new, old, aborted]


def test_an_aborted_build_and_one_that_goes_on(cache: Path) -> None:
    """Both are folders without a manifest; the lock makes the difference. A whole engine under lock is whole."""
    folder = leftover(cache)
    assert only_card(cache).state == "leftover"
    with held_elsewhere(inventory.lock_of(folder)):
        assert only_card(cache).state == "building"
    assert made(cache, "aborted") == folder
    with held_elsewhere(inventory.lock_of(folder)):
        assert only_card(cache).state == "whole"


def test_of_another_version(cache: Path) -> None:
    """An engine of another version of the program is told from garbage, and so is when it was built."""
    folder = made(cache, "a")
    change(folder, schema="ocrspool-engine/1", known_text="another format")
    card = only_card(cache)
    assert (card.state, card.manifest, card.built_at) == ("other version", None, "2026-01-01T00:00:00+00:00")


def test_in_use(cache: Path) -> None:
    """A process that shares the lock on the manifest uses the engine."""
    folder = made(cache, "a")
    with held_elsewhere(folder / MANIFEST, shared=True):
        assert only_card(cache).in_use
    assert not only_card(cache).in_use


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"{}", b"[" * 100_000, b'{"schema": 1}', "other name"])
def test_no_manifest_at_all(cache: Path, content: bytes | str) -> None:
    """What is no manifest, or another folder's, makes the folder a leftover, and nothing falls over."""
    folder = made(cache, "a")
    if isinstance(content, bytes):
        (folder / MANIFEST).write_bytes(content)
    else:
        change(folder, fingerprint="0" * 16)
    assert only_card(cache).state == "leftover"


GOOD = {"size": 1, "sha256": "0" * 64}


@pytest.mark.parametrize(
    ("altered", "problem"),
    [
        ({"identity": {"engine": "b"}}, "its identity is that of"),
        ({"identity": []}, "its identity is of a wrong type"),
        ({"identity": {"engine": 1}}, "more than texts"),
        ({"known_text": [1]}, "more than texts"),
        ({"soft": {"driver": None}}, "more than texts"),
        ({"seconds": {"det": "long"}}, "its seconds are no numbers"),
        ({"built_at": None}, "its built_at is of a wrong type"),
        ({"more": 1}, "it has other fields"),
        ({"files": {"/etc/passwd": GOOD}}, "it names a file '/etc/passwd'"),
        ({"files": {"../a": GOOD}}, "it names a file '../a'"),
        ({"files": {"a/../../b": GOOD}}, "it names a file"),
        ({"files": {"": GOOD}}, "it names a file ''"),
        ({"files": {".": GOOD}}, "it names a file '.'"),
        ({"files": {"a//b": GOOD}}, "it names a file"),
        ({"files": {"a/": GOOD}}, "it names a file"),
        ({"files": {"a\nb": GOOD}}, "it names a file"),
        ({"files": {"a\0b": GOOD}}, "it names a file"),
        ({"files": {"\udcff": GOOD}}, "it names a file"),
        ({"files": {"manifest.json": GOOD}}, "it names a file 'manifest.json'"),
        ({"files": {"a": GOOD, "a/b": GOOD}}, "it names a file 'a'"),
        ({"files": {"a": {"size": 1}}}, "it does not state size and SHA-256 of a"),
        ({"files": {"a": {**GOOD, "size": -1}}}, "it states no size of a"),
        ({"files": {"a": {**GOOD, "size": True}}}, "it states no size of a"),
        ({"files": {"a": {**GOOD, "sha256": "0" * 63}}}, "it states no SHA-256 of a"),
        ({"files": {"a": 7}}, "it does not state size and SHA-256 of a"),
    ],
)
def test_a_manifest_that_nobody_wrote_so(cache: Path, altered: dict[str, Any], problem: str) -> None:
    """Values of wrong types, files elsewhere, another identity than its name's: damaged, and it says what."""
    change(made(cache, "a"), **altered)
    card = only_card(cache)
    assert (card.state, card.manifest) == ("damaged", None)
    assert problem in card.problem


def test_a_sound_engine(cache: Path) -> None:
    """Nothing is wrong with it, every byte of its files has been read, and a build's records are no part of it."""
    folder = made(cache, "a")
    (folder / "det.built.json").write_text("{}")
    read: list[int] = []
    card = only_card(cache)
    assert card.manifest is not None
    assert inventory.faults(folder, card.manifest, read.append) == []
    assert sum(read) == sum(map(len, FILES.values()))


def test_every_fault_is_told(cache: Path) -> None:
    """Not only the first: what is missing, too short, altered, and what does not belong there."""
    folder = made(cache, "a")
    card = only_card(cache)
    (folder / "det/model.blob").write_bytes(b"d" * 2999)
    (folder / "det/weights/w.bin").unlink()
    (folder / "rec/model.blob").write_bytes(b"r" * 511 + b"x")
    (folder / "rec/new.blob").touch()
    (folder / "det" / MANIFEST).touch()
    assert card.manifest is not None
    assert inventory.faults(folder, card.manifest, lambda _: None) == [
        "det/model.blob is altered: 2999 bytes, not 3000",
        "det/weights/w.bin is missing",
        "rec/model.blob is altered: of the right size, but another SHA-256",
        "det/manifest.json is not part of it",
        "rec/new.blob is not part of it",
    ]


def test_named(cache: Path) -> None:
    """By the whole fingerprint or the beginning of it, each once; what is not there has an exit code of its own."""
    folders = [made(cache, str(number)) for number in range(3)]
    cards = inventory.cards(cache)
    wanted = folders[1].name
    assert [card.folder for card in inventory.named(cards, [wanted, wanted[:6]])] == [folders[1]]
    for name in ("0" * 16, "", wanted[:3], f"{wanted}0"):
        with pytest.raises(EngineError, match="no such engine") as caught:
            inventory.named(cards, [name])
        assert caught.value.exit_code == Exit.NO_INPUT
    twin = folders[1].with_name(wanted[:8] + "0" * 8)
    folders[2].rename(twin)
    with pytest.raises(EngineError, match="more than one engine"):
        inventory.named(inventory.cards(cache), [wanted[:8]])


def names_of(found: list[tuple[inventory.CachedEngine, str]]) -> set[str]:
    return {card.fingerprint for card, _ in found}


@pytest.mark.parametrize(("keep", "gone"), [(0, "abcd"), (1, "abc"), (2, "ab"), (9, "")])
def test_the_newest_others_are_kept(cache: Path, keep: int, gone: str) -> None:
    """Besides the wanted one, of whichever age, so many as are asked for; of another version or damaged counts too."""
    engines = {name: made(cache, name, f"2026-01-0{day}") for day, name in enumerate("abcdw", 1)}
    wanted = made(cache, "w", "2020-01-01").name
    change(engines["d"], schema="ocrspool-engine/1")
    change(engines["b"], seconds={"det": "long"})
    found = inventory.unwanted(inventory.cards(cache), {wanted}, keep)
    assert names_of(found) == {engines[name].name for name in gone}


def test_what_is_never_to_go(cache: Path) -> None:
    """What is wanted, used or being built stays, whatever it looks like; other leftovers go, however many are kept."""
    used, built, wanted, other = made(cache, "used"), leftover(cache, "b"), leftover(cache, "w"), leftover(cache, "o")
    with held_elsewhere(used / MANIFEST, shared=True), held_elsewhere(inventory.lock_of(built)):
        found = inventory.unwanted(inventory.cards(cache), {wanted.name}, 0)
        assert [(card.folder, reason) for card, reason in found] == [(other, "the leftover of an aborted build")]
        assert names_of(inventory.unwanted(inventory.cards(cache), {wanted.name}, 9)) == {other.name}


@pytest.mark.parametrize("make", [lambda cache: made(cache, "a"), leftover])
def test_removed(cache: Path, make: Callable[[Path], Path]) -> None:
    """Folder and lock are gone, and nothing else is."""
    other = made(cache, "other")
    folder = make(cache)
    before = tree(other)
    (card,) = (card for card in inventory.cards(cache) if card.folder == folder)
    assert inventory.remove(card) == ""
    assert sorted(cache.glob("engines/*")) == [other, inventory.lock_of(other)]
    assert tree(other) == before


def test_no_removal_of_what_is_in_use(cache: Path) -> None:
    """Somebody took it after it was listed: it stays as it is, and why is told. Then it can go."""
    folder = made(cache, "a")
    card = only_card(cache)
    before = tree(cache)
    with held_elsewhere(inventory.lock_of(folder)):
        assert inventory.remove(card) == "it is being built"
    with held_elsewhere(folder / MANIFEST, shared=True):
        assert inventory.remove(card) == "a running process uses it"
    assert tree(cache) == before
    assert inventory.lock_of(folder).exists()
    assert inventory.remove(card) == ""
    assert not folder.exists()


def test_no_removal_of_what_was_built_meanwhile(cache: Path) -> None:
    """A leftover when it was listed, an engine by now: it stays."""
    folder = leftover(cache)
    card = only_card(cache)
    made(cache, "aborted")
    before = tree(cache)
    assert "meanwhile" in inventory.remove(card)
    assert tree(cache) == before
    assert only_card(cache).folder == folder


def test_no_removal_of_a_link(cache: Path, tmp_path: Path) -> None:
    """An engine that was put on another disk by a link is for whoever did that."""
    folder = made(cache, "a")
    elsewhere = shutil.move(folder, tmp_path / "elsewhere")
    folder.symlink_to(elsewhere)
    card = only_card(cache)
    assert card.state == "whole"
    assert "link" in inventory.remove(card)
    assert only_card(cache) == card


def test_links_within_an_engine(cache: Path, tmp_path: Path) -> None:
    """Of a link the link is removed, and never what it points to."""
    outside = tmp_path / "models"
    outside.mkdir()
    (outside / "weights").write_bytes(b"precious")
    folder = leftover(cache)
    (folder / "file").symlink_to(outside / "weights")
    (folder / "folder").symlink_to(outside)
    assert inventory.remove(only_card(cache)) == ""
    assert (outside / "weights").read_bytes() == b"precious"


def test_an_interrupted_removal(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whenever it ends early, what is left is no engine."""

    def fail(_: Path) -> None:
        raise OSError("the power is gone")

    folder = made(cache, "a")
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", fail)
        with pytest.raises(OSError, match="power"):
            inventory.remove(only_card(cache))
    card = only_card(cache)
    assert (card.state, card.folder) == ("leftover", folder)
    assert inventory.remove(card) == ""


def test_litter(cache: Path) -> None:
    """Locks without an engine and aborted imports are swept away; whatever somebody holds, or we do not know, stays."""
    engine = made(cache, "a")
    root = engine.parent
    stale, held = root / f"{'0' * 16}.lock", root / f"{'1' * 16}.lock"
    aborted, going_on = root / f"{inventory.IMPORT_PREFIX}0", root / f"{inventory.IMPORT_PREFIX}1"
    for path in (stale, held, root / "other.lock", root / "history.json"):
        path.touch()
    for folder in (aborted, going_on):
        (folder / "det").mkdir(parents=True)
        (folder / "det" / "model.blob").touch()
    lock = os.open(going_on, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    with held_elsewhere(held):
        assert inventory.stale_files(cache) == [aborted, stale]
        assert not inventory.remove_stale(held)
        assert not inventory.remove_stale(going_on)
        assert inventory.remove_stale(aborted)
        assert inventory.remove_stale(stale)
        assert inventory.remove_stale(stale), "gone already is as good"
        assert inventory.stale_files(cache) == []
    os.close(lock)
    left = {engine, inventory.lock_of(engine), held, root / "other.lock", root / "history.json", going_on}
    assert set(root.iterdir()) == left


def test_a_lock_that_came_to_use(cache: Path) -> None:
    """A build began and ended between looking and sweeping: its lock stays."""
    folder = cache / "engines" / made(cache, "a").name
    assert not inventory.remove_stale(inventory.lock_of(folder))
    assert inventory.lock_of(folder).exists()


def test_the_format_is_the_caches() -> None:
    """Should the format change, "of another version" in the tests above means another one still."""
    assert SCHEMA != "ocrspool-engine/1"
