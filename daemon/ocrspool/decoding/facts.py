"""What decoding depends on, on one machine: two machines with the same facts make the same page images of a file.

Nothing is imported that decodes: the service asks for this too.
"""

from __future__ import annotations

import functools
import hashlib
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ocrspool.config.sections import Limits
from ocrspool.processes.font_folders import FONT_FOLDERS

_LIBRARIES = ("pillow", "pypdfium2", "pikepdf")
_LIMITS = ("file_mb", "pages", "page_megapixels", "page_seconds", "decoder_memory_mb", "memory_mb")
"""Limits that say which documents are refused, and how large pages become."""


def decoding_facts(limits: Limits) -> Mapping[str, str]:
    """Return what decoding depends on under these limits, by name."""
    return {**_of_the_machine(), **{f"limits.{name}": f"{getattr(limits, name):g}" for name in _LIMITS}}


def decoding_difference(found: Mapping[str, str], wanted: Mapping[str, str]) -> str:
    """Return in words what another machine has otherwise than this one; "" if it decodes alike."""
    name = next((name for name in wanted if found.get(name) != wanted[name]), None)
    return "" if name is None else f"{name} is {found.get(name, 'not there')}, here {wanted[name]}"


@functools.cache
def _of_the_machine() -> Mapping[str, str]:
    return {**{name: _version(name) for name in _LIBRARIES}, "machine": platform.machine(), "fonts": _fonts()}


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "not there"


def _fonts() -> str:
    """Return a digest of the fonts that are installed. A PDF may name one of them instead of holding its own."""
    files = (file for folder in FONT_FOLDERS for file in Path(folder).rglob("*") if file.is_file())
    found = sorted(f"{file} {file.stat().st_size}" for file in files)
    return hashlib.sha256("\n".join(found).encode(errors="surrogateescape")).hexdigest()[:12]
