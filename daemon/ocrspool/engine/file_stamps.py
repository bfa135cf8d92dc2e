"""Whether loading an engine has changed its files: then it was built and not loaded."""

from __future__ import annotations

import os
from pathlib import Path


def stamps(folder: Path) -> dict[str, tuple[int, int]]:
    """Return size and modification time of every file below the folder, by relative path."""
    return {
        os.fspath(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
