"""Stand-ins for NVIDIA's own libraries, compiled by the test that needs them: no machine of ours has a GPU.

What is tested with them is our code and the real pynvml, ctypes and loader; what NVIDIA's libraries answer is made up.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

COMPILER = shutil.which("gcc") or shutil.which("cc")

needs_compiler = pytest.mark.skipif(COMPILER is None, reason="no C compiler to make stand-ins for libraries with")


@dataclass(frozen=True)
class FakeGpu:
    """What the stand-in for the driver says of one GPU."""

    name: str = "NVIDIA H200"
    uuid: str = "GPU-11111111-0000-0000-0000-000000000000"
    capability: tuple[int, int] = (9, 0)
    memory_mb: int = 143_771
    free_mb: int = 143_000
    allowed: bool = True
    slice_uuid: str = ""
    """Of its first MIG slice, where it is cut into some."""


_NVML = """
#include <stddef.h>
#include <string.h>
struct gpu { const char *name, *uuid; int major, minor; unsigned long long total, free; int allowed;
             const char *slice; struct gpu *part_of; };
struct memory { unsigned long long total, free, used; };
static struct gpu gpus[] = { %(gpus)s { 0 } };
static struct gpu slices[sizeof gpus / sizeof *gpus];
int nvmlInitWithFlags(unsigned flags) { return %(answer)d; }
int nvmlShutdown(void) { return 0; }
const char *nvmlErrorString(int code) { return "made-up driver trouble"; }
int nvmlSystemGetDriverVersion(char *text, unsigned size) { strncpy(text, "580.95.05", size); return 0; }
int nvmlSystemGetCudaDriverVersion_v2(int *version) { *version = %(cuda)d; return 0; }
int nvmlDeviceGetCount_v2(unsigned *count) { *count = sizeof gpus / sizeof *gpus - 1; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, struct gpu **found) {
    *found = &gpus[index];
    return gpus[index].allowed ? 0 : 4;
}
int nvmlDeviceGetName(struct gpu *of, char *text, unsigned size) { strncpy(text, of->name, size); return 0; }
int nvmlDeviceGetUUID(struct gpu *of, char *text, unsigned size) { strncpy(text, of->uuid, size); return 0; }
int nvmlDeviceGetCudaComputeCapability(struct gpu *of, int *major, int *minor) {
    *major = of->major, *minor = of->minor;
    return of->part_of ? 3 : 0;
}
int nvmlDeviceGetMemoryInfo(struct gpu *of, struct memory *to) {
    to->total = of->total << 20, to->free = of->free << 20, to->used = to->total - to->free;
    return 0;
}
int nvmlDeviceGetPersistenceMode(struct gpu *of, unsigned *mode) { *mode = 1; return 0; }
int nvmlDeviceGetMigMode(struct gpu *of, unsigned *now, unsigned *later) {
    *now = *later = of->slice != NULL;
    return 0;
}
int nvmlDeviceGetMaxMigDeviceCount(struct gpu *of, unsigned *count) { *count = 7; return 0; }
static struct gpu *cut(struct gpu *whole) {
    struct gpu *part = &slices[whole - gpus];
    *part = *whole, part->name = "NVIDIA H200 MIG 1g.18gb", part->uuid = whole->slice;
    part->total = 16384, part->free = 16000, part->part_of = whole;
    return part;
}
int nvmlDeviceGetMigDeviceHandleByIndex(struct gpu *of, unsigned index, struct gpu **found) {
    if (index != 2) return 6;
    *found = cut(of);
    return 0;
}
int nvmlDeviceGetDeviceHandleFromMigDeviceHandle(struct gpu *of, struct gpu **whole) {
    *whole = of->part_of;
    return of->part_of ? 0 : 2;
}
int nvmlDeviceGetHandleByUUID(const char *uuid, struct gpu **found) {
    for (struct gpu *each = gpus; each->name; each++)
        if (each->slice && !strcmp(each->slice, uuid)) { *found = cut(each); return 0; }
    return 6;
}
"""

_TENSORRT = "int getInferLibVersion(void) {{ return {number}; }}\n"


def driver(folder: Path, *gpus: FakeGpu, cuda: int = 13_000, answer: int = 0) -> Path:
    """Make a libnvidia-ml.so.1 in a folder. `answer` is what its start returns: 0, or a number of NVML's errors."""
    rows = "".join(
        f'{{ "{gpu.name}", "{gpu.uuid}", {gpu.capability[0]}, {gpu.capability[1]}, {gpu.memory_mb}, {gpu.free_mb}, '
        f"{int(gpu.allowed)}, " + (f'"{gpu.slice_uuid}"' if gpu.slice_uuid else "NULL") + ", NULL },"
        for gpu in gpus
    )
    return compiled(folder / "libnvidia-ml.so.1", _NVML % {"gpus": rows, "answer": answer, "cuda": cuda})


def tensorrt(folder: Path, number: int = 101_300, *, name: str = "libnvinfer.so.10", build: int | None = None) -> Path:
    """Make a TensorRT in a folder that says this number of itself."""
    more = "" if build is None else f"int getInferLibBuildVersion(void) {{ return {build}; }}\n"
    return compiled(folder / name, _TENSORRT.format(number=number) + more)


def compiled(path: Path, source: str, *options: str) -> Path:
    """Compile C into a shared library that is called as its file is."""
    assert COMPILER is not None
    path.parent.mkdir(parents=True, exist_ok=True)
    command = [COMPILER, "-shared", "-fPIC", "-x", "c", "-", "-o", str(path), f"-Wl,-soname,{path.name}", *options]
    subprocess.run(command, input=source, text=True, check=True)
    return path


def python(
    code: str,
    *,
    libraries: Path | None = None,
    packages: Path | None = None,
    variables: Mapping[str, str] | None = None,
    seconds: float = 60,
) -> str:
    """Run code in a Python of its own, which finds these libraries and packages first. Return what it printed."""
    paths = [str(packages)] if packages else []
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": ":".join([*paths, *(path for path in sys.path if path)]),
        "LD_LIBRARY_PATH": str(libraries or ""),
        **(variables or {}),
    }
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment, timeout=seconds
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
