"""The checksums of a downloaded model: `pinned.json` in its folder, and whether the files still match it.

The first download decides. Nothing newer replaces it by itself. A folder without the file was put there by hand and is
the administrator's responsibility.
"""

from __future__ import annotations

import json
import os
from datetime import datetime, timezone
from hashlib import sha256
from pathlib import Path
from typing import Any

from ocrspool.errors import EngineError
from ocrspool.files import atomic

NAME = "pinned.json"


def write(folder: Path, url: str) -> None:
    """Sync the files of a model that has just come from `url`, and record what they are."""
    pinned: dict[str, Any] = {
        "url": url,
        "downloaded_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "files": {path.name: {"size": path.stat().st_size, "sha256": _hash(path)} for path in sorted(folder.iterdir())},
    }
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
    atomic.write(folder / NAME, json.dumps(pinned, indent=2).encode("ascii") + b"\n")


def check(folder: Path, *, thoroughly: bool = False) -> None:
    """Compare a model's files with their pins: their sizes, or what is in them. Raise EngineError where they differ.

    The sizes are enough before loading, where the files' hashes are part of the engine's identity anyway.
    """
    try:
        text = (folder / NAME).read_bytes()
    except FileNotFoundError:
        return
    except OSError as error:
        raise EngineError(f"{folder / NAME} cannot be read: {error.strerror}", "correct its permissions") from error
    advice = f"remove {folder}, and `ocrspool prebuild` downloads and pins the model anew"
    try:
        pinned = json.loads(text)
        came = f"as it came on {pinned['downloaded_at']} from {pinned['url']}"
        wanted = {str(name): (int(file["size"]), str(file["sha256"])) for name, file in pinned["files"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EngineError(f"{folder / NAME} is damaged ({error!r})", advice) from error
    for name, (size, digest) in wanted.items():
        path = folder / name
        found = path.stat().st_size if path.is_file() else None
        if found != size:
            state = "is missing" if found is None else f"has {found} bytes, not {size}"
            raise EngineError(f"{path} {state}, {came}", advice)
        if thoroughly and (seen := _hash(path)) != digest:
            raise EngineError(f"{path} has changed: sha256 {seen}, not {digest} {came}", advice)


def _hash(path: Path) -> str:
    digest = sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
