"""What an unfinished build leaves that is still good, so that a killed one need not begin anew.

    <fingerprint>/<model>.built.json    its files, written when that model is built and on disk

A record vouches for one model's folder, byte by byte. It does not make an engine: only the manifest does.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ocrspool.engine.cache.store import RECORD, Manifest, measure
from ocrspool.files import atomic

if TYPE_CHECKING:
    from pathlib import Path

_Files = Mapping[str, Mapping[str, Any]]


def record(folder: Path, model: str, seconds: float) -> None:
    """Write down that a model of the engine in `folder` is built; its files are on disk before that."""
    files = measure(folder, model)
    for name in files:
        with (folder / name).open("rb") as file:
            os.fsync(file.fileno())
    _write(folder, model, files, seconds)


def checkpoint_from_manifest(folder: Path, manifest: Manifest) -> None:
    """Turn the manifest of a damaged engine into records: what is still as it says need not be built again."""
    for model in {name.partition("/")[0] for name in manifest.files}:
        _write(folder, model, _of(model, manifest.files), manifest.seconds.get(model, 0.0))


def keep_sound(folder: Path, models: Iterable[str]) -> dict[str, float]:
    """Remove from `folder` all but the models whose files are what their records say, a manifest first.

    Return the seconds that each of them took.
    """
    (folder / "manifest.json").unlink(missing_ok=True)
    found = measure(folder) if folder.is_dir() else {}
    kept = {}
    for model in models:
        files, seconds = _read(folder, model)
        if files and files == _of(model, found):
            kept[model] = seconds
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.name not in kept and path.name.removesuffix(RECORD) not in kept:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    return kept


def forget(folder: Path) -> None:
    """Remove the records: the manifest says it all."""
    for path in folder.glob(f"*{RECORD}"):
        path.unlink(missing_ok=True)


def _of(model: str, files: _Files) -> dict[str, Any]:
    return {name: dict(facts) for name, facts in files.items() if name.startswith(f"{model}/")}


def _write(folder: Path, model: str, files: _Files, seconds: float) -> None:
    told = {"files": files, "seconds": seconds}
    atomic.write(folder / f"{model}{RECORD}", json.dumps(told, indent=2).encode() + b"\n")


def _read(folder: Path, model: str) -> tuple[dict[str, Any], float]:
    """Return files and seconds; none where there is no record that can be read."""
    try:
        told = json.loads((folder / f"{model}{RECORD}").read_bytes())
        return dict(told["files"]), float(told["seconds"])
    except (OSError, ValueError, TypeError, KeyError):
        return {}, 0.0
