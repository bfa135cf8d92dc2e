"""Checks of the program, the processor, the GPUs and their device nodes, and the installed runtimes."""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from ocrspool import __version__
from ocrspool.doctor.findings import Finding, Level
from ocrspool.doctor.inventory import Inventory
from ocrspool.engine.runtimes.base import RuntimeSpec, runtime_specs
from ocrspool.engine.runtimes.installed_packages import Package
from ocrspool.machine import accounts, installation, native_libraries
from ocrspool.machine.cpu import native_bf16, processor
from ocrspool.machine.gpu import Gpu
from ocrspool.processes import sandbox

_DEV = Path("/dev")
_DRIVER = Path("/proc/driver/nvidia/version")
_NEEDED_NODES = ("nvidiactl", "nvidia-uvm")
_SYSTEMD = tuple(map(Path, ("/usr/lib/systemd", "/usr/local/lib/systemd", "/run/systemd", "/etc/systemd")))
"""The folders of units. A unit in a later folder replaces one in an earlier folder."""
_UNITS = ("ocrspool.service", "ocrspool-prebuild.service")
_PRIVATE_DEVICES = re.compile(r"^PrivateDevices=(\S+)", re.MULTILINE)
_LITTLE_MB = 2048
"""Less free GPU memory than this is worth a note: context, workspace of three nets, activations."""


def program() -> Iterator[Finding]:
    """Yield the versions of the program, Python and the system, and the protection of decoders."""
    yield Finding("program", "ok", "ocrspool", f"{__version__}, {Path(__file__).parents[1]}")
    yield Finding("program", "ok", "Python", f"{platform.python_version()}, {sys.executable}")
    try:
        name = platform.freedesktop_os_release().get("PRETTY_NAME", "?")
    except OSError:
        name = "?"
    yield Finding("program", "ok", "system", f"{name}, Linux {platform.release()}, {platform.machine()}")
    yield Finding("program", "ok", "libc", " ".join(platform.libc_ver()).strip() or "not glibc")
    lacking = sandbox.missing_protections()
    confined = f"Landlock {sandbox.landlock_version()}, filtered system calls" if not lacking else "; ".join(lacking)
    advice = "decoders go on without it; SECURITY.md says what still holds" if lacking else ""
    yield Finding("program", "note" if lacking else "ok", "decoders' sandbox", confined, advice)


def cpu() -> Iterator[Finding]:
    """Yield the processor, how much of it this process may use, and what it can do."""
    name, flags = processor()
    usable, there = len(os.sched_getaffinity(0)), os.cpu_count() or 0
    yield Finding("processor", "ok", "processor", f"{name}, {usable} of {there} cores usable")
    amx = "AMX" if "amx_bf16" in flags else ""
    kind = "bf16, computed natively" + (f" ({amx})" if amx else "") if native_bf16(flags) else "f32"
    yield Finding("processor", "ok", "OpenVINO's precision", kind)


def gpus(seen: Inventory, dev: Path = _DEV, driver: Path = _DRIVER) -> Iterator[Finding]:
    """Yield driver and GPUs, or why there are none. This is a problem only if the configuration wants a GPU."""
    if seen.gpus:
        first = seen.gpus[0]
        yield Finding("gpu", "ok", "driver", f"{first.driver}, supports CUDA {first.cuda_driver}")
        yield from map(_gpu, seen.gpus)
    elif not seen.wants_gpu:
        yield Finding("gpu", "ok", "driver", "no usable NVIDIA GPU; none is configured")
    else:
        reason = seen.no_gpu or "the driver answers, but has no GPU for this process (CUDA_VISIBLE_DEVICES?)"
        hint = seen.no_gpu.hint if seen.no_gpu else "`nvidia-smi` shows what there is"
        yield Finding("gpu", _missing_gpu(seen), "driver", str(reason), hint)
    if seen.gpus or seen.wants_gpu or driver.exists():
        yield from _nodes(seen, dev)
    for device in seen.config.engine.devices if seen.config is not None and seen.gpus else ():
        number = device.partition(":")[2]
        if number and int(number) >= len(seen.gpus):
            there = f"{device} is configured; there are {len(seen.gpus)}"
            yield Finding("gpu", _missing_gpu(seen), device, there, "correct engine.devices, or CUDA_VISIBLE_DEVICES")


def hidden_devices(seen: Inventory, systemd: tuple[Path, ...] = _SYSTEMD) -> Iterator[Finding]:
    """Yield the units that hide the GPU devices from a service that needs them."""
    for unit in _UNITS if seen.wants_gpu else ():
        files = [path for folder in systemd if (path := folder / "system" / unit).is_file()][-1:]
        if not files:
            continue
        files += sorted(
            (path for folder in systemd for path in (folder / "system" / f"{unit}.d").glob("*.conf")),
            key=lambda path: path.name,
        )
        told = [value for path in files for value in _PRIVATE_DEVICES.findall(path.read_text("utf-8", "replace"))]
        if told and told[-1].lower() in {"yes", "true", "on", "1"}:
            found = f"{unit} has PrivateDevices=yes, which hides /dev/nvidia* from it"
            advice = f"copy systemd/nvidia.conf to /etc/systemd/system/{unit}.d/, then: systemctl daemon-reload"
            yield Finding("gpu", _missing_gpu(seen), "units", found, advice)


def runtimes(seen: Inventory) -> Iterator[Finding]:
    """Yield each runtime with what it was built for, and the native libraries that it would get."""
    for spec in runtime_specs():
        package = seen.packages.get(spec.name)
        if package is not None:
            yield Finding("runtimes", "ok", spec.name, _described(spec, package))
        else:
            level: Level = "problem" if seen.uses(spec.name) else "ok"
            yield Finding("runtimes", level, spec.name, "not installed", _advice(spec) if level == "problem" else "")
    for name, path in seen.libraries.items():
        if path is not None:  # missing ones are among the combinations, which know who asks
            yield Finding("runtimes", "ok", name, f"{native_libraries.version(path)} {path}".strip())


def _advice(spec: RuntimeSpec) -> str:
    here = installation.find()
    if not spec.extra:
        return here.repair()
    more = f"; for a GPU {spec.gpu_extra} in its place" if spec.gpu_extra != spec.extra else ""
    return here.add(spec.extra) + more


def _missing_gpu(seen: Inventory) -> Level:
    return "note" if seen.config is not None and seen.config.engine.on_no_gpu == "cpu" else "problem"


def _gpu(gpu: Gpu) -> Finding:
    found = f"{gpu.name}, compute capability {gpu.capability}, {gpu.free_mb} of {gpu.memory_mb} MB free"
    if gpu.free_mb < _LITTLE_MB:
        return Finding(
            "gpu", "note", f"gpu:{gpu.number}", found, "little is free: `nvidia-smi` shows what else uses the GPU"
        )
    if gpu.persistent is False:
        return Finding(
            "gpu",
            "note",
            f"gpu:{gpu.number}",
            f"{found}, persistence mode off",
            "enable nvidia-persistenced: without it the driver is loaded anew at each start, which takes seconds",
        )
    return Finding("gpu", "ok", f"gpu:{gpu.number}", found)


def _nodes(seen: Inventory, dev: Path) -> Iterator[Finding]:
    """Yield what is wrong with the device nodes, or one line if all is well."""
    numbered = sorted(path.name for path in dev.glob("nvidia[0-9]*"))
    level = _missing_gpu(seen) if seen.wants_gpu else "note"
    missing = [f"/dev/{name}" for name in _NEEDED_NODES if not (dev / name).exists()]
    missing += [] if numbered else ["/dev/nvidia0"]
    denied = [f"/dev/{name}" for name in (*_NEEDED_NODES, *numbered) if _denied(dev / name)]
    if missing:
        yield Finding(
            "gpu",
            level,
            "device nodes",
            f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing",
            "`nvidia-modprobe -c 0 -u` makes them; in a container, start it with the GPUs",
        )
    if denied:
        yield Finding(
            "gpu",
            level,
            "device nodes",
            f"user {accounts.user()} may not read and write {', '.join(denied)}",
            "add the service's user to the group that owns them (SupplementaryGroups=video), or open them to everyone",
        )
    if not missing and not denied:
        yield Finding("gpu", "ok", "device nodes", f"{len(numbered) + len(_NEEDED_NODES)} there, and open to this user")


def _denied(path: Path) -> bool:
    return path.exists() and not os.access(path, os.R_OK | os.W_OK)


def _described(spec: RuntimeSpec, package: Package) -> str:
    parts = [f"{package.name} {package.version}"]
    if package.cuda:
        parts.append(f"for CUDA {package.cuda}" + (f", cuDNN {package.cudnn}" if package.cudnn else ""))
    elif len(spec.precisions) > 1 and "cpu" in spec.precisions:  # it could be for a GPU
        parts.append("for the CPU")
    if package.tensorrt:
        parts.append(f"TensorRT {package.tensorrt}")
    if package.capabilities:
        parts.append(f"kernels for {' '.join(package.capabilities)}")
    return ", ".join(parts)
