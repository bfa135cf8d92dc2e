"""An engine as one file, to be carried to another machine: written whole and verified, and taken in with suspicion.

The file is a tar archive: `<fingerprint>/manifest.json` first, then each file that it states, in order of their names,
without owners, modes or times, so that the same engine gives the same bytes.

What comes in may be damaged or hostile, so nothing is left to an unpacker. The manifest comes first and bounds
everything: a member is a regular file that the manifest names, of the size that it states, and comes once; anything
else ends the import. Hashes tell whether a copy is whole, not who made it: an engine is machine code.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ocrspool.engine.cache import inventory, manifests
from ocrspool.engine.cache.manifests import MANIFEST
from ocrspool.engine.cache.store import PIECE, SCHEMA, EngineCache, Manifest, OnBytes
from ocrspool.errors import EngineError
from ocrspool.files import atomic, file_lock, names, tar_reader
from ocrspool.files.tar_reader import BLOCK, Member

_MOST_MANIFEST = 16 << 20
_LONGEST_NAME = 4096
_LONGEST_PART = 255
"""NAME_MAX of Linux: bytes of one part of a path."""
_HINT = "export it again where it came from (`ocrspool engines export`), and copy it again"


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import made of a file."""

    manifest: Manifest
    folder: Path
    new: bool
    """False where a sound engine of this fingerprint was there already, and has been left."""


def write(folder: Path, manifest: Manifest, target: BinaryIO, on_bytes: OnBytes) -> None:
    """Write the engine as one file, verifying each part on its way. Raise EngineError where it is damaged, OSError."""
    with file_lock.held(
        folder / MANIFEST, shared=True, seconds=file_lock.SHORT_SECONDS
    ):  # so that it is not removed meanwhile
        for name in (MANIFEST, *sorted(manifest.files)):
            try:
                with (folder / name).open("rb") as file:
                    copied = _write_member(f"{folder.name}/{name}", file, target, on_bytes)
            except FileNotFoundError as error:
                raise _damaged(folder, f"{name} is missing") from error
            if name != MANIFEST and copied != manifest.files[name]:
                raise _damaged(folder, f"{name} is altered")
    target.write(bytes(2 * BLOCK))  # what ends an archive


def import_engine(source: BinaryIO, cache: Path, on_bytes: OnBytes) -> Imported:
    """Unpack an engine into the cache, where it appears whole or not at all. Waits for a build of the same engine.

    Raise EngineError where the file is not a sound engine, or cannot be one here; OSError.
    """
    members = tar_reader.members(source, on_bytes)
    try:
        fingerprint, manifest, data = _manifest(members)
        folder = cache / "engines" / fingerprint
        _check_place(manifest, cache)
        if _is_sound(folder):
            _unpack(members, fingerprint, manifest, None)
            return Imported(manifest, folder, new=False)
        with _temporary(cache / "engines", manifest) as temporary:
            _unpack(members, fingerprint, manifest, temporary)
            (temporary / MANIFEST).write_bytes(data)
            _sync(temporary)
            with EngineCache(cache).building(manifest.identity):
                if _is_sound(folder):
                    return Imported(manifest, folder, new=False)
                (folder / MANIFEST).unlink(missing_ok=True)
                if folder.is_dir():
                    shutil.rmtree(folder)
                atomic.move(temporary, folder)
    except ValueError as error:
        raise EngineError(f"this is no engine to import: {error}", _HINT) from error
    return Imported(manifest, folder, new=True)


def _write_member(name: str, file: BinaryIO, target: BinaryIO, on_bytes: OnBytes) -> dict[str, object]:
    """Write one file. Return size and sha256 of what was written, as a manifest has them."""
    member = tarfile.TarInfo(name)
    member.size = os.fstat(file.fileno()).st_size
    target.write(member.tobuf(tarfile.GNU_FORMAT, "utf-8", "strict"))
    digest, size = hashlib.sha256(), 0
    while piece := file.read(PIECE):
        target.write(piece)
        digest.update(piece)
        on_bytes(len(piece))
        size += len(piece)
    target.write(bytes(-size % BLOCK))
    return {"size": size, "sha256": digest.hexdigest()}


def _manifest(members: Iterator[Member]) -> tuple[str, Manifest, bytes]:
    """Return fingerprint, manifest and its bytes from the first member. Raise ValueError."""
    first = next(members, None)
    if first is None:
        raise ValueError("it is empty")
    fingerprint, _, name = first.name.partition("/")
    if not inventory.is_fingerprint(fingerprint) or name != MANIFEST or first.size > _MOST_MANIFEST:
        raise ValueError(f"it begins with {first.name!r}, not with the manifest of an engine")
    data = b"".join(first.pieces())
    try:
        told = json.loads(data)
        if (schema := told.get("schema")) != SCHEMA:
            raise ValueError(f"it is of another version of ocrspool ({schema!r}; this one reads {SCHEMA!r})")
        manifest = manifests.checked(told)
    except (AttributeError, RecursionError) as error:
        raise ValueError(f"its manifest is damaged ({error})") from error
    if manifest.fingerprint != fingerprint:
        raise ValueError(f"its manifest is that of {manifest.fingerprint}, not of {fingerprint}")
    return fingerprint, manifest, data


def _check_place(manifest: Manifest, cache: Path) -> None:
    """Raise EngineError where an engine has its path compiled in, and this cache lies elsewhere."""
    path, here = manifest.identity.get("path"), os.path.realpath(cache)  # as identity.bound_to_place has it
    if path is not None and path != here:
        runtime = manifest.identity.get("runtime", "its runtime")
        raise EngineError(
            names.printable(
                f"the engine {manifest.fingerprint} works in the cache {path} only, and this cache is {here}: "
                f"{runtime} writes the path into the engine"
            ),
            "set paths.cache to the same path here, or build the engine here (`ocrspool prebuild`)",
        )


def _is_sound(folder: Path) -> bool:
    card = inventory.card_of(folder)
    return card.manifest is not None and not inventory.faults(folder, card.manifest, lambda _: None)


@contextmanager
def _temporary(root: Path, manifest: Manifest) -> Iterator[Path]:
    """Make a folder beside the engines, locked so that nobody sweeps it away, and gone afterwards."""
    root.mkdir(parents=True, exist_ok=True)
    need, free = sum(facts["size"] for facts in manifest.files.values()), shutil.disk_usage(root).free
    if need > free:
        raise EngineError(
            f"the engine needs {need >> 20} MB, and {root} has {free >> 20} MB left",
            "make room (`ocrspool engines gc` removes engines that nobody wants)",
        )
    folder = root / f"{inventory.IMPORT_PREFIX}{secrets.token_hex(8)}"
    folder.mkdir()  # not by tempfile: that is for the owner's eyes only, and the service may be another user
    lock = file_lock.take(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _unpack(members: Iterator[Member], fingerprint: str, manifest: Manifest, folder: Path | None) -> None:
    """Write every member into the folder. Raise ValueError unless they are just what the manifest states.

    Without a folder they are only compared with the manifest.
    """
    left = {f"{fingerprint}/{name}": name for name in manifest.files}
    for member in members:
        name = left.pop(member.name, None)
        if name is None:
            raise ValueError(f"{member.name!r} is in it twice, or not in its manifest")
        if member.size != manifest.files[name]["size"]:
            raise ValueError(f"{name} has {member.size} bytes, not {manifest.files[name]['size']}")
        if max(len(os.fsencode(part)) for part in name.split("/")) > _LONGEST_PART:
            raise ValueError(f"{name[:_LONGEST_NAME]!r} is longer than a name may be")
        digest = hashlib.sha256()
        with _opened(folder, name) as file:
            for piece in member.pieces():
                digest.update(piece)
                if file is not None:
                    file.write(piece)
        if digest.hexdigest() != manifest.files[name]["sha256"]:
            raise ValueError(f"{name} is damaged: its SHA-256 is another")
    if left:
        raise ValueError(f"{min(left.values())} is missing")


@contextmanager
def _opened(folder: Path | None, name: str) -> Iterator[BinaryIO | None]:
    """Open a new file below the folder, and have it on disk afterwards. None without a folder."""
    if folder is None:
        yield None
        return
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    """Wait until the manifest and every folder's entries are on disk."""
    with (folder / MANIFEST).open("rb") as file:
        os.fsync(file.fileno())
    for at, _, _ in os.walk(folder):
        atomic.sync_folder(Path(at))


def _damaged(folder: Path, what: str) -> EngineError:
    return EngineError(
        f"the engine in {folder} is damaged: {what}", "build it again (`ocrspool prebuild`), then export that"
    )
