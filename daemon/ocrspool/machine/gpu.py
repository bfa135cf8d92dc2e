"""The GPUs that a CUDA program started from here would see, as the driver's management library (NVML) reports them.

This is the only module that imports pynvml. NVML only reads. It makes no CUDA context and takes no memory on a GPU, so
the service and the commands may use it. The import takes 30 ms, and machines without a GPU are spared it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import ModuleType

from ocrspool.errors import NoGpuError

_MIB = 1 << 20

_ADVICE = {
    "NVMLError_LibraryNotFound": "install the NVIDIA driver; in a container, start it with the GPUs (`--gpus all`)",
    "NVMLError_DriverNotLoaded": "load the driver's kernel module (`modprobe nvidia`), or restart the machine",
    "NVMLError_LibRmVersionMismatch": "the driver was upgraded under the running kernel module: restart the machine",
    "NVMLError_NoPermission": "let this user read and write /dev/nvidia*; in a unit, PrivateDevices= hides them",
    "NVMLError_GpuIsLost": "restart the machine; `dmesg | grep NVRM` tells what happened",
}
_SAY_CPU = 'or set engine.devices = ["cpu"], or engine.on_no_gpu = "cpu"'


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU, or one MIG slice of it, as a CUDA program sees it."""

    number: int
    """As in gpu:0."""
    name: str
    uuid: str
    capability: str
    """Compute capability, for instance 9.0."""
    memory_mb: int
    free_mb: int
    driver: str
    cuda_driver: str
    """The newest CUDA that the driver supports, for instance 13.0."""
    persistent: bool | None
    """Whether the driver stays loaded when nobody uses it; None where it does not say."""


def gpus() -> list[Gpu]:
    """Return the GPUs in CUDA's order. Raise NoGpuError where the driver does not answer.

    Which and in what order is CUDA's own rule: CUDA_VISIBLE_DEVICES picks by number or UUID and ends at the first
    entry that names nothing. Numbers follow the PCI bus, which is CUDA's order with CUDA_DEVICE_ORDER=PCI_BUS_ID, as
    children have it (processes/environment.py) unless somebody has set another: see `order_is_certain`.
    (CUDA programming guide, environment variables.)
    """
    with _driver() as nvml:
        driver = nvml.nvmlSystemGetDriverVersion()
        version = nvml.nvmlSystemGetCudaDriverVersion_v2()
        cuda = f"{version // 1000}.{version % 1000 // 10}"
        handles = _visible(nvml, os.environ.get("CUDA_VISIBLE_DEVICES"))
        return [_gpu(nvml, number, handle, driver, cuda) for number, handle in enumerate(handles)]


def gpu(number: int) -> Gpu:
    """Return the GPU that `gpu:<number>` means. Raise NoGpuError, saying which there are."""
    found = gpus()
    if number < len(found):
        return found[number]
    listed = ", ".join(f"gpu:{other.number} {other.name}" for other in found)
    there = f"there {'is' if len(found) == 1 else 'are'} {len(found)}: {listed}" if found else "there is none"
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    limit = "" if visible is None else f' (CUDA_VISIBLE_DEVICES is "{visible}")'
    raise NoGpuError(f"there is no gpu:{number}; {there}{limit}", f"name one that is there, {_SAY_CPU}")


def order_is_certain(found: list[Gpu]) -> bool:
    """Whether the numbers are CUDA's for sure: NVML cannot tell which of different GPUs CUDA takes for the fastest."""
    order = os.environ.get("CUDA_DEVICE_ORDER") or "PCI_BUS_ID"
    return order == "PCI_BUS_ID" or len({gpu.name for gpu in found}) < 2  # noqa: PLR2004


@contextmanager
def _driver() -> Iterator[ModuleType]:
    """Give NVML, started. Raise NoGpuError for whatever it complains of."""
    import pynvml  # noqa: PLC0415 - 30 ms that a machine without a GPU need not spend

    try:
        pynvml.nvmlInit()
        try:
            yield pynvml
        finally:
            pynvml.nvmlShutdown()
    except pynvml.NVMLError as error:
        kind = type(error).__name__
        missing = kind == "NVMLError_LibraryNotFound"
        reason = "libnvidia-ml.so.1, part of it, is not here" if missing else str(error)
        advice = _ADVICE.get(kind, "`nvidia-smi` tells more")
        raise NoGpuError(f"the NVIDIA driver does not answer: {reason}", f"{advice}; {_SAY_CPU}") from error


def _visible(nvml: ModuleType, chosen: str | None) -> list[object]:
    """Return the handles of the GPUs that CUDA_VISIBLE_DEVICES leaves, in its order."""
    handles: list[object] = []
    for index in range(nvml.nvmlDeviceGetCount()):
        with suppress(nvml.NVMLError_NoPermission):  # counted, but a container may not get at it, nor CUDA in it
            handles.append(_slice(nvml, nvml.nvmlDeviceGetHandleByIndex(index)))
    if chosen is None:
        return handles
    numbers = {nvml.nvmlDeviceGetUUID(handle): number for number, handle in enumerate(handles)}
    kept: list[object] = []
    seen: set[str] = set()
    for entry in (part.strip() for part in chosen.split(",")):
        if entry.startswith("MIG-"):
            try:
                handle, name = nvml.nvmlDeviceGetHandleByUUID(entry), entry
            except nvml.NVMLError:
                break
        else:
            number = _number(entry, numbers)
            if number is None:
                break
            handle, name = handles[number], str(number)
        if name in seen:  # CUDA then shows no GPU at all
            return []
        seen.add(name)
        kept.append(handle)
    return kept


def _number(entry: str, numbers: dict[str, int]) -> int | None:
    """Return which GPU an entry of CUDA_VISIBLE_DEVICES names: by its number, or by how its UUID begins."""
    if entry.isdecimal():
        return int(entry) if int(entry) < len(numbers) else None
    matching = [number for uuid, number in numbers.items() if uuid.startswith(entry)]
    return matching[0] if entry.startswith("GPU-") and len(matching) == 1 else None


def _slice(nvml: ModuleType, handle: object) -> object:
    """Return the first MIG slice of a GPU that is cut into slices: that is what CUDA shows. Else the GPU."""
    with suppress(nvml.NVMLError):  # most GPUs know nothing of MIG
        if nvml.nvmlDeviceGetMigMode(handle)[0]:
            for index in range(nvml.nvmlDeviceGetMaxMigDeviceCount(handle)):
                with suppress(nvml.NVMLError_NotFound):
                    return nvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, index)
    return handle


def _gpu(nvml: ModuleType, number: int, handle: object, driver: str, cuda: str) -> Gpu:
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    whole = handle
    with suppress(nvml.NVMLError):  # of a slice, the GPU it is part of: NVML tells the capability of that one only
        whole = nvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(handle)
    persistent = None
    with suppress(nvml.NVMLError):
        persistent = bool(nvml.nvmlDeviceGetPersistenceMode(whole))
    return Gpu(
        number,
        nvml.nvmlDeviceGetName(handle),
        nvml.nvmlDeviceGetUUID(handle),
        ".".join(map(str, nvml.nvmlDeviceGetCudaComputeCapability(whole))),
        memory.total // _MIB,
        memory.free // _MIB,
        driver,
        cuda,
        persistent,
    )
