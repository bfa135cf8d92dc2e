"""The environment of child processes: every library writes below our cache, and none of them phones home.

Set before a library loads, because most read these variables once, at import.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def of_children(base: Mapping[str, str], cache: Path) -> dict[str, str]:
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
