"""Published models that came with the installation: packages of ours put them into the folder ocrspool_models."""

from __future__ import annotations

from importlib import util
from pathlib import Path

_PACKAGE = "ocrspool_models"
"""It has no code. Several distributions may put folders into it; scripts/models makes one of them."""


def folders() -> tuple[Path, ...]:
    """Return the folders that hold the folders of models; () where no such package is installed."""
    found = util.find_spec(_PACKAGE)
    return tuple(map(Path, found.submodule_search_locations or ())) if found else ()
