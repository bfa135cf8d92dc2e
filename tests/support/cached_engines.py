"""Engines of a few small files, made as a build makes them, for tests of the cache that need no runtime."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ocrspool.engine.cache.store import SCHEMA, EngineCache, Manifest, fingerprint, measure

FILES = {
    "det/model.blob": b"d" * 3000,
    "det/weights/w.bin": b"",
    "rec/model.blob": b"r" * 512,
    "rec/manifest.json": b"{}",
}


def made(cache: Path, name: str, built_at: str = "2026-01-01T00:00:00+00:00", **more: str) -> Path:
    """Build an engine whose identity is this name and whatever else; its folder."""
    items = {"engine": name, **more}
    engines = EngineCache(cache)
    with engines.building(items) as folder:
        engines.clear(items)
        for file, data in FILES.items():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_bytes(data)
        files = measure(folder)
        manifest = Manifest(
            SCHEMA, fingerprint(items), items, files, ["text"], {"driver": "1"}, {}, {"det": 1.5}, built_at, "me"
        )
        engines.publish(items, manifest)
    return folder


def tree(folder: Path) -> dict[str, bytes | None]:
    """Everything below a folder: the bytes of files, None for folders; not the build locks, which stay behind."""
    return {
        os.fspath(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
        if path.suffix != ".lock"
    }


_HOLD = """
import pathlib, sys
from ocrspool.files import file_lock
path, shared = pathlib.Path(sys.argv[1]), sys.argv[2] == "shared"
descriptor = file_lock.take(path, shared=shared, seconds=60, flags=file_lock.NEW_LOCK)
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def held_elsewhere(path: Path, *, shared: bool = False) -> Iterator[None]:
    """Let another process hold a lock."""
    command = [sys.executable, "-c", _HOLD, os.fspath(path), "shared" if shared else "alone"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield
        process.communicate()


def waits_for_a_lock(pid: int, path: Path) -> bool:
    """Tell whether the process asks for the lock that another one has: it has the file open."""
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            if entry.readlink() == path:
                return True
    return False
