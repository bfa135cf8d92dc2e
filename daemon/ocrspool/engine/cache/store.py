"""The engine cache: which engine belongs to this machine and configuration, and whether the one on disk is it.

    <cache>/engines/<fingerprint>/<model>/...   what a runtime built
    <cache>/engines/<fingerprint>/manifest.json identity, hash of every file, known text; written last
    <cache>/engines/<fingerprint>/*.built.json  while a build is not finished: which models it has behind it (resume)
    <cache>/engines/<fingerprint>.lock          held while building
    <cache>/engines/history.json                how long builds took (history)

An engine is good only if its manifest says so: without one the folder is the leftover of an aborted build. The
fingerprint covers everything that makes a compiled engine wrong; a runtime's own test ("the file exists") does not.
Imports no runtime.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ocrspool.engine.cache.permissions import denied
from ocrspool.engine.models.model_set import Models
from ocrspool.engine.spec import FINDER, READER
from ocrspool.errors import EngineMissingError
from ocrspool.files import atomic, file_lock

SCHEMA = "ocrspool-engine/2"
_LAYOUT = "2"
"""Raise it when the edits that runtimes make to a model's graph change."""

RECORD = ".built.json"
"""How the name of an unfinished build's record ends, after the model's."""

_SHAPES = ".shapes"
_THRESHOLDS = "detection.thresholds"

HINT = 'run `ocrspool prebuild` (the unit ocrspool-prebuild.service does), or set engine.on_missing = "build"'

Identity = Mapping[str, str]

OnBytes = Callable[[int], None]
"""Told how many bytes have been read since the last call."""

PIECE = 1 << 20
"""Bytes read at a time."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What was built: the proof that the folder is complete and what it must do."""

    schema: str
    fingerprint: str
    identity: dict[str, str]
    files: dict[str, dict[str, Any]]
    """Path below the engine's folder → size in bytes, sha256."""
    known_text: list[str]
    """What this engine read on the bundled page when it was built."""
    soft: dict[str, str]
    """What was also so when it was built; a difference is told, and does no harm by itself."""
    parity: dict[str, Any]
    """How its text and boxes compared with the reference's when it was built; {} where it is the reference."""
    seconds: dict[str, float]
    built_at: str
    built_by: str
    readers: dict[str, list[str]] = field(default_factory=dict)
    """What each further reader read in the lines of the bundled page when the engine was built."""
    finders: dict[str, list[str]] = field(default_factory=dict)
    """What this engine read on the bundled page then, with the lines that each further finder found."""


def identity(models: Models, facts: Mapping[str, str]) -> dict[str, str]:
    """Return every item that makes a cached engine wrong when it differs, by name.

    `facts` are the runtime's: its version, the device, the precision.
    """
    items = {"layout": _LAYOUT, "os": platform.system().lower(), "arch": platform.machine(), **facts}
    for spec in models:
        items[f"{spec.key}.name"] = spec.name
        items[f"{spec.key}.sha256"] = sha256_of(spec.files)
        items[f"{spec.key}.normalization"] = f"mean {spec.mean} std {spec.std}"
        shapes = asdict(spec.profile)
        items[f"{spec.key}{_SHAPES}"] = " ".join(
            "x".join(map(str, shapes[key])) for key in ("minimum", "optimum", "maximum")
        )
    for reader in models.readers:
        items |= {f"{reader.key}.{name}": value for name, value in reader.facts}
        if reader.net is None:
            items |= {f"{reader.key}.name": reader.model, f"{reader.key}.sha256": sha256_of(reader.files)}
    items[_THRESHOLDS] = " ".join(map(str, asdict(models.thresholds).values()))
    for finder in models.finders:
        items[f"{finder.key}.thresholds"] = " ".join(map(str, asdict(finder.thresholds).values()))
    return items


def nets_of(items: Identity) -> list[str]:
    """Return the keys of the nets that an engine of this identity has: only a net has shapes."""
    return [name.removesuffix(_SHAPES) for name in items if name.endswith(_SHAPES)]


def net_identity(items: Identity, key: str) -> dict[str, str]:
    """Return what the compiled form of one net of an engine depends on: its own items, and those of no other model.

    Two nets are the same if this is the same, also under different keys: one engine's default net can be a further
    reader's in another. An item that this function does not know counts as one of the machine.
    """
    others = (*(f"{net}." for net in nets_of(items)), READER, FINDER, "detection.")
    own = {name.removeprefix(key): value for name, value in items.items() if name.startswith(f"{key}.")}
    own.pop(_THRESHOLDS.removeprefix("detection"), None)  # they judge what the net has computed
    shared = {name: value for name, value in items.items() if not name.startswith(others)}
    role = "recognition" if key.startswith(READER) else "detection" if key.startswith(FINDER) else key
    return {"role": role} | shared | own


def fingerprint(items: Identity) -> str:
    """Return the name of the engine that has this identity: 16 hexadecimal digits of a SHA-256."""
    text = json.dumps(dict(items), sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:16]


class EngineCache:
    """The folder of all engines."""

    def __init__(self, cache: Path) -> None:
        self._root = cache / "engines"

    @property
    def cache(self) -> Path:
        """The folder of the whole cache, of which the engines are a part."""
        return self._root.parent

    def folder(self, items: Identity) -> Path:
        """Return where the engine of this identity is or belongs."""
        return self._root / fingerprint(items)

    def find(self, items: Identity) -> Manifest:
        """Return the manifest of the engine of this identity.

        Raise EngineMissingError, saying what differs; EngineError where it may not be read.
        """
        try:
            manifest = _read_manifest(self.folder(items))
        except PermissionError as error:
            raise denied(error) from error
        if manifest is None:
            raise EngineMissingError(self._explain(items), HINT)
        return manifest

    def verify(self, items: Identity, manifest: Manifest) -> None:
        """Hash the whole engine. Raise EngineMissingError naming a file that is missing, altered or too many."""
        folder = self.folder(items)
        found = measure(folder)
        if found == manifest.files:
            return
        names = sorted(found.keys() ^ manifest.files.keys()) or [
            name for name in found if found[name] != manifest.files[name]
        ]
        state = (
            "altered"
            if names[0] in found and names[0] in manifest.files
            else ("missing" if names[0] in manifest.files else "not part of it")
        )
        raise EngineMissingError(f"the engine in {folder} is damaged: {names[0]} is {state}", HINT)

    @contextmanager
    def building(self, items: Identity, on_wait: Callable[[str], None] = lambda _: None) -> Iterator[Path]:
        """Hold the build lock (another build is waited for) and give the folder to build in. Raise LockedError."""
        self._root.mkdir(parents=True, exist_ok=True)
        path = self._root / f"{fingerprint(items)}.lock"
        lock = file_lock.take(path, seconds=file_lock.BUILD_SECONDS, flags=file_lock.NEW_LOCK, on_wait=on_wait)
        try:
            yield self.folder(items)
        finally:
            os.close(lock)

    def clear(self, items: Identity) -> None:
        """Remove what is in the engine's folder, its manifest first: at no moment is half an engine shown as whole."""
        folder = self.folder(items)
        (folder / "manifest.json").unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)

    def publish(self, items: Identity, manifest: Manifest) -> None:
        """Declare the engine complete: sync its files, then write the manifest."""
        folder = self.folder(items)
        for name in manifest.files:
            with (folder / name).open("rb") as file:
                os.fsync(file.fileno())
        atomic.write(folder / "manifest.json", json.dumps(asdict(manifest), indent=2).encode() + b"\n")

    def _explain(self, items: Identity) -> str:
        """Say why there is no engine: none at all, or what differs from the nearest one there is."""
        others = []
        for folder in self._root.glob("*/"):
            with suppress(PermissionError):
                if manifest := _read_manifest(folder):
                    others.append(manifest)
        where = f"no engine {fingerprint(items)} in {self._root}"
        if not others:
            return where
        nearest = min(others, key=lambda other: len(differences(other.identity, items)))
        changed = "; ".join(differences(nearest.identity, items))
        return f"{where}; the nearest, {nearest.fingerprint}, differs in {changed}"


def differences(old: Identity, new: Identity) -> list[str]:
    """Return "item: old → new" for each item that is not the same in both."""
    return [
        f"{key}: {old.get(key, 'none')} → {new.get(key, 'none')}"
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key)
    ]


def measure(folder: Path, model: str = "") -> dict[str, dict[str, Any]]:
    """Return size and sha256 of every file of an engine, or of one model of it, by path below the engine's folder.

    Without its manifest and the records of its build.
    """
    return {
        os.fspath(path.relative_to(folder)): {"size": path.stat().st_size, "sha256": sha256_of((path,))}
        for path in sorted((folder / model).rglob("*"))
        if path.is_file() and not _is_about(path, folder)
    }


def _is_about(path: Path, folder: Path) -> bool:
    """Tell whether a file says something about the engine in a folder rather than being a part of it."""
    return path.parent == folder and (path.name == "manifest.json" or path.name.endswith(RECORD))


def _read_manifest(folder: Path) -> Manifest | None:
    """Return what a folder's manifest says, None where there is none of ours. Raise PermissionError."""
    try:
        manifest = Manifest(**json.loads((folder / "manifest.json").read_bytes()))
    except PermissionError:
        raise
    except (OSError, ValueError, TypeError):
        return None
    return manifest if manifest.schema == SCHEMA and manifest.fingerprint == folder.name else None


def sha256_of(files: Iterable[Path], on_bytes: OnBytes = lambda _: None) -> str:
    """Return the hash of these files, one after the other; `on_bytes` is told how many bytes each piece has."""
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as opened:
            while piece := opened.read(PIECE):
                digest.update(piece)
                on_bytes(len(piece))
    return digest.hexdigest()
