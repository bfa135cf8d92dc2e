"""The content of the engine cache: listed, verified and removed without loading any of it.

    <cache>/engines/<fingerprint>/         an engine, whole if its manifest says so
    <cache>/engines/<fingerprint>.lock     locked by the process that builds it
    <cache>/engines/.import-<random>/      an engine that is being imported, locked by the process that unpacks it

A process that has loaded an engine holds a shared lock on the engine's manifest. It does not lock the lock file: a
second `prebuild` takes that lock alone to find the engine sound, and in a read-only cache the lock file may not exist.
This module imports no runtime and no array library, and prints nothing.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ocrspool.engine.cache import manifests
from ocrspool.engine.cache.manifests import MANIFEST
from ocrspool.engine.cache.store import RECORD, SCHEMA, Manifest, OnBytes, sha256_of
from ocrspool.errors import EngineError, Exit
from ocrspool.files import file_lock

State = Literal["whole", "damaged", "building", "other version", "leftover"]

IMPORT_PREFIX = ".import-"

_FINGERPRINT = re.compile(r"[0-9a-f]{16}")
_SHORTEST_NAME = 4


@dataclass(frozen=True, slots=True)
class CachedEngine:
    """What one folder of the cache is."""

    fingerprint: str
    folder: Path
    state: State
    """whole; with a manifest that nobody can have written so; being built; of another version of this program; or the
    leftover of a build that was aborted."""
    manifest: Manifest | None
    """Of a whole engine."""
    problem: str
    """Of a damaged one: what is wrong with its manifest."""
    built_at: str
    """As its manifest says, of whichever version; empty where none says it."""
    built_by: str
    size: int
    """Bytes of all files."""
    in_use: bool
    """Whether a running process has it loaded, or copies it."""


def is_fingerprint(text: str) -> bool:
    """Tell whether this is how engines are called."""
    return _FINGERPRINT.fullmatch(text) is not None


def cards(cache: Path) -> list[CachedEngine]:
    """Return what is in the cache, newest engines first, then what is no engine. Raise PermissionError."""
    folders = (folder for folder in (cache / "engines").glob("*") if is_fingerprint(folder.name) and folder.is_dir())
    return sorted(map(card_of, folders), key=lambda card: (card.built_at, card.fingerprint), reverse=True)


def card_of(folder: Path) -> CachedEngine:
    """Return what the folder of this name is, at this moment. Raise OSError."""
    locked = file_lock.is_held(lock_of(folder))  # before the manifest is read: a build gives it up after writing that
    told = manifests.read(folder)
    state: State = "building" if locked else "leftover"
    manifest, problem = None, ""
    if told.get("schema") == SCHEMA and told.get("fingerprint") == folder.name:
        try:
            manifest = manifests.checked(told)
            state = "whole"
        except ValueError as error:
            state, problem = "damaged", str(error)
    elif isinstance(told.get("schema"), str) and told["schema"] != SCHEMA:
        state = "other version"
    return CachedEngine(
        folder.name,
        folder,
        state,
        manifest,
        problem,
        str(told.get("built_at", "")),
        str(told.get("built_by", "")),
        sum(path.lstat().st_size for path in _files(folder).values()),
        file_lock.is_held(folder / MANIFEST, by_anyone=True),
    )


def lock_of(folder: Path) -> Path:
    """Return the file that is locked by whoever builds the engine of this folder."""
    return folder.with_name(f"{folder.name}.lock")


def named(all_cards: list[CachedEngine], names: Collection[str]) -> list[CachedEngine]:
    """Return the cards of these fingerprints, or beginnings of some. Raise EngineError where one is not there."""
    chosen: dict[str, CachedEngine] = {}
    for name in names:
        fits = [card for card in all_cards if card.fingerprint.startswith(name) and len(name) >= _SHORTEST_NAME]
        if len(fits) != 1:
            why = "more than one engine begins so" if fits else "there is no such engine in the cache"
            error = EngineError(f"{name}: {why}", "`ocrspool engines ls` shows what there is")
            error.exit_code = Exit.NO_INPUT
            raise error
        chosen[fits[0].fingerprint] = fits[0]
    return list(chosen.values())


def faults(folder: Path, manifest: Manifest, on_bytes: OnBytes) -> list[str]:
    """Hash the whole engine. Return every file that is missing, altered or too many; nothing where it is sound."""
    found = []
    with file_lock.held(
        folder / MANIFEST, shared=True, seconds=file_lock.SHORT_SECONDS
    ):  # so that it is not removed meanwhile
        there = _files(folder)
        for name, stated in sorted(manifest.files.items()):
            if name not in there:
                found.append(f"{name} is missing")
            elif (size := there[name].stat().st_size) != stated["size"]:
                found.append(f"{name} is altered: {size} bytes, not {stated['size']}")
            elif sha256_of((there[name],), on_bytes) != stated["sha256"]:
                found.append(f"{name} is altered: of the right size, but another SHA-256")
    about = {MANIFEST, *(name for name in there if name.endswith(RECORD) and "/" not in name)}
    return found + [f"{name} is not part of it" for name in sorted(there.keys() - manifest.files.keys() - about)]


def unwanted(all_cards: list[CachedEngine], wanted: Collection[str], keep: int) -> list[tuple[CachedEngine, str]]:
    """Return what may go, each with the reason: all but what is wanted, in use, or among the `keep` newest others.

    Engines of another version of this program count as others: going back to it is what they are kept for.
    """
    others = [card for card in all_cards if card.fingerprint not in wanted and not card.in_use]
    reasons: dict[State, str] = {
        "whole": "not wanted by the configuration",
        "damaged": "damaged, and not wanted by the configuration",
        "other version": "of another version of ocrspool",
    }
    engines = [card for card in others if card.state in reasons]
    return [
        (card, reasons.get(card.state, "the leftover of an aborted build"))
        for card in others
        if card.state == "leftover" or card in engines[keep:]
    ]


def remove(card: CachedEngine) -> str:
    """Remove a folder of the cache. Return "", or why it stays: it is being built, in use, or no longer what it was.

    Its manifest goes first: at no moment is half an engine shown as whole. Raise OSError.
    """
    if card.folder.is_symlink():
        return "it is a link: whoever made it knows what else points to its target"
    with file_lock.held(lock_of(card.folder), flags=file_lock.NEW_LOCK) as mine:
        if not mine:
            return "it is being built"
        manifest = card.folder / MANIFEST
        with file_lock.held(manifest, flags=os.O_RDWR) as alone:
            if not alone:
                return "a running process uses it"
            if str(manifests.read(card.folder).get("built_at", "")) != card.built_at:
                return "it has been built anew meanwhile"
            manifest.unlink(missing_ok=True)
            shutil.rmtree(card.folder)
        lock_of(card.folder).unlink()
    return ""


def stale_files(cache: Path) -> list[Path]:
    """Return what lies around: locks of engines that are gone, and folders of imports that were aborted."""
    root = cache / "engines"
    stray = [lock for lock in root.glob("*.lock") if is_fingerprint(lock.stem) and not lock.with_suffix("").exists()]
    return sorted(
        path for path in [*stray, *root.glob(f"{IMPORT_PREFIX}*")] if not file_lock.is_held(path, by_anyone=True)
    )


def remove_stale(path: Path) -> bool:
    """Remove a piece of litter. Return whether it was done: not where it is of use again. Raise OSError."""
    with file_lock.held(path) as mine:
        if not mine or (path.suffix == ".lock" and path.with_suffix("").exists()):
            return False
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    return True


def _files(folder: Path) -> dict[str, Path]:
    """Return each file below a folder by its name there, as the manifest has it; some may go while we look."""
    paths = (Path(at, name) for at, _, names in os.walk(folder) for name in names)
    return {path.relative_to(folder).as_posix(): path for path in paths if path.is_file()}
