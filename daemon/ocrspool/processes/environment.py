"""The environment of child processes: every library writes below our cache, and none sends data to its maker.

The variables are set before a library loads, because most libraries read them once, at import. A child process gets the
variables that are named here and no others. The service may have secrets for a hook, and a file may take over a child
process.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

_OF_THE_SYSTEM = {
    "PATH", "LANG", "LANGUAGE", "TZ", "TMPDIR", "JOURNAL_STREAM", "LD_LIBRARY_PATH", "LD_PRELOAD", "GLIBC_TUNABLES",
}  # fmt: skip
"""What the loader, the C library and our own log read."""
_OF_THE_NETWORK = {
    "http_proxy", "https_proxy", "no_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY",
    "SSL_CERT_FILE", "SSL_CERT_DIR",
}  # fmt: skip
"""What fetching models reads. A proxy's address may hold a password."""
_OF_LIBRARIES = (
    "LC_", "MALLOC_", "CUDA_", "NVIDIA_", "CUDNN_", "CUBLAS_", "TENSORRT_", "TRT_", "NCCL_", "ORT_", "OV_", "ONEDNN_",
    "DNNL_", "TBB_", "OMP_", "GOMP_", "KMP_", "MKL_", "OPENBLAS_", "OPENCV_", "FLAGS_", "GLOG_", "PADDLE_",
)  # fmt: skip
"""Beginnings of the names of variables by which people set up drivers, runtimes and libraries of numbers."""

_KEEPING = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(256 << 20)}
"""To get memory from the system anew for each buffer of a megabyte takes a third of the processor time of all that is
around the nets: 48 ms a receipt instead of 34 (`scripts/bench around` with these variables). 32 MB is the most that the
C library accepts."""
_OF_A_PAGE = {"MALLOC_MMAP_THRESHOLD_": str(8 << 20), "MALLOC_TRIM_THRESHOLD_": str(16 << 20)}
"""The pixels of an ordinary page, and pieces of them. Memory for these that is new from the system takes a decoder a
fifth of its processor time. A decoder that keeps it holds some 10 MB more. Pixels of larger pages go back when they are
freed."""
_HUGE_PAGES = "glibc.malloc.hugetlb=1"
"""Memory in pieces of 2 MB where the system allows that: the pixels of a large page take 9000 of 4 KB."""


def of_decoders(base: Mapping[str, str], cache: Path) -> dict[str, str]:
    """Return what a decoder is given of `base`: only what it needs, because its document may take it over."""
    tunables = base.get("GLIBC_TUNABLES") or _HUGE_PAGES
    return {**_of_children(base, cache), **_OF_A_PAGE, "GLIBC_TUNABLES": tunables}


def of_workers(base: Mapping[str, str], cache: Path, *, keeps_memory: bool = False) -> dict[str, str]:
    """Return what a worker is given of `base`: as a decoder, and how to reach the network, for fetching models.

    With `keeps_memory`, memory of large buffers that were freed is used again, and not given back to the system.
    """
    network = {name: base[name] for name in base if name in _OF_THE_NETWORK}
    return {**network, **_of_children(base, cache), **(_KEEPING if keeps_memory else {})}


def _of_children(base: Mapping[str, str], cache: Path) -> dict[str, str]:
    return _redirected({name: base[name] for name in base if name in _OF_THE_SYSTEM or _is_of_libraries(name)}, cache)


def _is_of_libraries(name: str) -> bool:
    return name.startswith(_OF_LIBRARIES)


def _redirected(base: Mapping[str, str], cache: Path) -> dict[str, str]:
    """Return `base` with all that a library may write, or ask of the network, redirected or switched off."""
    home = cache / "home"
    return {
        **base,
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_DATA_HOME": str(home / ".local/share"),
        "XDG_STATE_HOME": str(home / ".local/state"),
        # Large buffers go back to the system when they are freed, and threads share two heaps: a worker that has read
        # pages of many sizes holds a sixth less, for no time that could be measured.
        "MALLOC_ARENA_MAX": "2",
        "MALLOC_MMAP_THRESHOLD_": str(1 << 20),
        # gpu:0 is the driver's first, as nvidia-smi lists them; CUDA alone would count from the fastest.
        "CUDA_DEVICE_ORDER": base.get("CUDA_DEVICE_ORDER") or "PCI_BUS_ID",
        # The CUDA driver's cache of kernels that a library did not bring for this GPU.
        "CUDA_CACHE_PATH": str(cache / "cuda"),
        # Kernels are loaded when they are first used, as CUDA does by itself from 12.2 on, and not all at the start.
        "CUDA_MODULE_LOADING": base.get("CUDA_MODULE_LOADING") or "LAZY",
        # ONNX Runtime's wheels send telemetry from 1.32 on; this is the name that works.
        "ORT_DISABLE_TELEMETRY": "1",
        "HF_HUB_OFFLINE": "1",
        # PaddleX: its own folder, no look at the model hub, and never the CPU in place of a GPU without a word.
        "PADDLE_PDX_CACHE_HOME": str(cache / "paddlex"),
        "PADDLE_PDX_DISABLE_MODEL_SOURCE_CHECK": "True",
        "PADDLE_PDX_DISABLE_DEVICE_FALLBACK": "1",
    }
