"""Native libraries: the file that the dynamic loader would take for a name, and its version. It loads only TensorRT.

The rules are those of ld.so(8): the run path of the file that asks, LD_LIBRARY_PATH, the loader's cache, /lib and
/usr/lib. The folders of wheels (nvidia/*/lib, tensorrt_libs) come after them. The loader does not look there, so a
library in one of them must first be loaded with `preload`. Once a file is loaded, its name means that file.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import re
import struct
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from ocrspool.errors import EngineError

_CACHE = Path("/etc/ld.so.cache")
_CACHE_MAGIC = b"glibc-ld.so.cache1.1"
_DEFAULT = ("/lib64", "/usr/lib64", "/lib", "/usr/lib")
_WHEELS = ("nvidia/*/lib", "tensorrt_libs", "tensorrt")

_ELF = b"\x7fELF\x02\x01"  # 64 bits, little-endian: all that CUDA exists for
_DYNAMIC_SEGMENT, _LOADED_SEGMENT = 2, 1
_NEEDED, _STRINGS, _RPATH, _RUNPATH = 1, 5, 15, 29  # d_tag in elf.h

_VERSIONED = re.compile(r"\.so\.(\d+\.[\d.]*\d)$")
_WHEEL_OF = {
    "libcublas": "nvidia_cublas*",
    "libcublasLt": "nvidia_cublas*",
    "libcudart": "nvidia_cuda_runtime*",
    "libcudnn": "nvidia_cudnn*",
    "libcufft": "nvidia_cufft*",
    "libcurand": "nvidia_curand*",
    "libnvinfer": "*tensorrt*",
    "libnvonnxparser": "*tensorrt*",
    "libnvrtc": "nvidia_cuda_nvrtc*",
}
"""Library → the wheel that carries it, as a folder of metadata is named."""


def needed(file: Path) -> tuple[str, ...]:
    """Return the libraries that an ELF file asks for by name; none where it is not a 64-bit ELF file."""
    return tuple(_dynamic(file).get(_NEEDED, ()))


def find(name: str, asked_by: Path | None = None) -> Path | None:
    """Return the file that a library of this name would be, or None. `asked_by` is the file that needs it."""
    for folder in _folders(asked_by):
        if _fits(folder / name):
            return folder / name
    for path in _cached(name):
        if _fits(path):
            return path
    for folder in (*map(Path, _DEFAULT), *_wheels()):
        if _fits(folder / name):
            return folder / name
    return None


def version(path: Path) -> str:
    """Return the version that the file's name tells, or the wheel that it came in; "" where neither does."""
    if told := _VERSIONED.search(os.path.realpath(path)):
        return told[1]
    wheel = _WHEEL_OF.get(path.name.partition(".")[0])
    for folder in path.parents if wheel else ():
        for found in folder.glob(f"{wheel}.dist-info"):
            return found.stem.partition("-")[2]
    return ""


def tensorrt_version(path: Path) -> str:
    """Return TensorRT's own word for its version, with the build number where it tells. Raise EngineError.

    Loads the library, for good, which makes no CUDA context; what loads TensorRT later in this process gets this file.
    """
    preload(needed(path), path)
    try:
        library = ctypes.CDLL(os.fspath(path))
        number = int(library.getInferLibVersion())
    except (OSError, AttributeError) as error:
        raise EngineError(f"TensorRT cannot be loaded: {error}", "install TensorRT again") from error
    # 8503 is 8.5.3; from 10 on there is a digit more: 100700 is 10.7.0.
    major = 10_000 if number >= 100_000 else 1000  # noqa: PLR2004
    parts = [number // major, number % major // 100, number % 100]
    with suppress(AttributeError):
        parts.append(int(library.getInferLibBuildVersion()))
    return ".".join(map(str, parts))


def preload(names: Iterable[str], asked_by: Path | None = None) -> list[str]:
    """Load the libraries that only a wheel has, so that what asks for them by name finds them. Return what is missing.

    In the order given: one that needs another comes after it.
    """
    missing = []
    for name in names:
        path = find(name, asked_by)
        try:
            if path is None:
                missing.append(name)
            elif path.parent in _wheels():
                ctypes.CDLL(os.fspath(path))
        except OSError as error:
            missing.append(f"{name} ({error})")
    return missing


def _folders(asked_by: Path | None) -> Iterator[Path]:
    """Yield the folders that come before the loader's cache."""
    paths = _dynamic(asked_by) if asked_by is not None else {}
    origin = os.path.dirname(os.path.realpath(asked_by)) if asked_by is not None else ""  # noqa: PTH120 - text

    def run_path(tag: int) -> Iterator[Path]:
        for entry in ":".join(paths.get(tag, ())).split(":"):
            if entry:
                yield Path(entry.replace("$ORIGIN", origin).replace("${ORIGIN}", origin))

    if _RUNPATH not in paths:
        yield from run_path(_RPATH)
    for entry in re.split("[:;]", os.environ.get("LD_LIBRARY_PATH", "")):
        if entry:
            yield Path(entry)
    yield from run_path(_RUNPATH)


def _cached(name: str) -> Iterator[Path]:
    """Yield the files that the loader's cache has for a name, in its order (dl-cache.h of glibc)."""
    try:
        data = _CACHE.read_bytes()
    except OSError:
        return
    start = data.find(_CACHE_MAGIC)  # an older format may come before it
    if start < 0:
        return
    wanted = name.encode() + b"\0"
    (entries,) = struct.unpack_from("<I", data, start + 20)
    for number in range(entries):
        _, key, value = struct.unpack_from("<iII", data, start + 48 + 24 * number)
        if data.startswith(wanted, start + key):
            yield Path(os.fsdecode(data[start + value : data.index(b"\0", start + value)]))


def _wheels() -> list[Path]:
    """Return the folders of libraries that wheels bring, in every folder that Python imports from."""
    places = (Path(place) for place in dict.fromkeys(sys.path) if place)
    return [folder for place in places for pattern in _WHEELS for folder in sorted(place.glob(pattern))]


def _fits(path: Path) -> bool:
    """Whether the loader would take the file: an ELF file for this processor. Others it passes over."""
    try:
        with path.open("rb") as file, Path(sys.executable).open("rb") as ours:
            head, own = file.read(20), ours.read(20)
    except OSError:
        return False
    return head.startswith(_ELF) and head[18:20] == own[18:20]


def _dynamic(file: Path) -> dict[int, list[str]]:
    """Return the texts of an ELF file's dynamic section by tag; {} where it is none."""
    try:
        with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _texts(data) if data[:6] == _ELF else {}
    except (OSError, ValueError, LookupError, StopIteration, struct.error):  # damaged, or something else
        return {}


def _texts(data: mmap.mmap) -> dict[int, list[str]]:
    """Read the program header, its dynamic segment, and what that says (elf(5), 64 bits)."""
    at, size, count = struct.unpack_from("<Q14xHH", data, 32)
    headers = [struct.unpack_from("<I4xQQ8xQ", data, at + size * number) for number in range(count)]
    loaded = [(address, offset, length) for kind, offset, address, length in headers if kind == _LOADED_SEGMENT]
    entries: list[tuple[int, int]] = []
    for kind, offset, _, length in headers:
        if kind == _DYNAMIC_SEGMENT:
            entries += struct.iter_unpack("<qQ", data[offset : offset + length])
    address = dict(entries)[_STRINGS]
    strings = next(place + address - start for start, place, length in loaded if start <= address < start + length)
    found: dict[int, list[str]] = {}
    for tag, value in entries:
        if tag in {_NEEDED, _RPATH, _RUNPATH}:
            end = data.find(b"\0", strings + value)
            found.setdefault(tag, []).append(os.fsdecode(data[strings + value : end]))
    return found
