"""The configuration held against the sandbox of the units that run with it. Pure: it is told what the units are."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from ocrspool.config.schema import DEFAULT_PATH, Config, Inbox
from ocrspool.machine.units import Access, Unit

_WHY: dict[Access, str] = {
    "hidden": "its sandbox hides home directories (ProtectHome=yes): use a folder elsewhere, in /srv for instance",
    "private": "it has a /tmp and a /var/tmp of its own (PrivateTmp=yes): use a folder elsewhere, in /srv for instance",
}


def unit_names(path: Path) -> tuple[str, ...]:
    """Return the units that run with the configuration at `path`, without ".service"; the service is the first.

    /etc/ocrspool/ocrspool.toml is that of ocrspool.service, /etc/ocrspool-NAME/ocrspool.toml of ocrspool@NAME.service.
    """
    path = Path(os.path.normpath(path))
    if path == DEFAULT_PATH:
        return "ocrspool", "ocrspool-prebuild"
    above, folder = path.parent.parent, path.parent.name
    if above == DEFAULT_PATH.parent.parent and path.name == DEFAULT_PATH.name and folder.startswith("ocrspool-"):
        name = folder.removeprefix("ocrspool-")
        return f"ocrspool@{name}", f"ocrspool-prebuild@{name}"
    return ()


def problems(config: Config, units: Sequence[Unit]) -> list[str]:
    """Return what the units could not do, and how that is changed: a line for each cause. The service is the first."""
    if not units:
        return []
    found = [f"{unit.name}.service has changed: run `systemctl daemon-reload`" for unit in units if unit.is_outdated]
    for name, inbox in config.inbox.items():
        found += _inbox(f"inbox.{name}", inbox, units)
    service, builders = units[0], units[1:]
    found += _place("paths.runtime", config.paths.runtime, [service])
    found += _place("paths.cache", config.paths.cache, builders)
    found += _models(config, builders)
    found += _devices(config, units)
    found += _building(config, service)
    found += _listen(config.metrics.listen, service)
    return found


def is_unseen(problem: str) -> bool:
    """Tell whether a problem is that a unit does not see a folder: whatever else is said of the folder follows."""
    return problem.endswith(tuple(_WHY.values()))


def read_only(base: Path, units: Iterable[str], *, exists: bool) -> str:
    """Return what to do about a folder that the sandbox of these units makes read-only (ProtectSystem=strict)."""
    names = tuple(units)
    first = "" if exists else f"make {base} for the service's user, then "
    edits = " and ".join(f"`systemctl edit {name}`" for name in names)
    sandboxes = " and ".join(f"{name}.service" for name in names)
    return (
        f"it is read-only in the sandbox of {sandboxes}; {first}add the lines [Service] and ReadWritePaths={base} "
        f"by {edits}, and restart"
    )


def _inbox(key: str, inbox: Inbox, units: Sequence[Unit]) -> list[str]:
    found: list[str] = []
    for state, folder in inbox.folders().items():
        base = inbox.root if inbox.root is not None and folder.is_relative_to(inbox.root) else folder
        found += _place(key if base == inbox.root else f"{key}.{state}", base, units)
    if found:
        return list(dict.fromkeys(found))
    mounts = {state: units[0].mount_of(folder) for state, folder in inbox.folders().items() if state != "outbox"}
    apart = sorted({mount for mount in mounts.values() if mount != mounts["work"]})
    if not apart:
        return []
    return [
        (
            f"{key}: {mounts['work']} and {' and '.join(apart)} are mounts of their own in the sandbox of "
            f"{units[0].name}.service, and files move by rename: name one folder that holds both in ReadWritePaths="
        )
    ]


def _place(key: str, folder: Path, units: Sequence[Unit]) -> list[str]:
    """Return why the units could not write to a folder."""
    denied = {unit.name: access for unit in units if (access := unit.access(folder)) != "writable"}
    names = [name for name, access in denied.items() if access == "read-only"]
    found = [f"{key}: {folder}: {read_only(folder, names, exists=True)}"] if names else []
    found += [
        f"{key}: {name}.service cannot use {folder}: {_WHY[denied[name]]}" for name in denied if name not in names
    ]
    return found[:1]


def _models(config: Config, units: Sequence[Unit]) -> list[str]:
    engine = config.engine
    choices = {f"engine.readers.{name}": choice for name, choice in engine.readers.items()}
    choices |= {f"engine.finders.{name}": choice for name, choice in engine.finders.items()}
    choices = {"engine.models": engine.models, **choices}
    folders = {key: Path(choice) for key, choice in choices.items() if choice.startswith("/")}
    found: dict[str, str] = {}
    for unit in units:
        for key, folder in folders.items():
            if (access := unit.access(folder)) in _WHY:
                found.setdefault(key, f"{key}: {unit.name}.service cannot read {folder}: {_WHY[access]}")
    return list(found.values())


def _devices(config: Config, units: Sequence[Unit]) -> list[str]:
    if all(device == "cpu" for device in config.engine.devices):
        return []
    return [
        f"engine.devices: {unit.name}.service sees no GPU (PrivateDevices=yes): copy nvidia.conf to "
        f"/etc/systemd/system/{unit.name}.service.d/, then run `systemctl daemon-reload`"
        for unit in units
        if unit.has("PrivateDevices")
    ]


def _building(config: Config, service: Unit) -> list[str]:
    engines = config.paths.cache / "engines"
    if config.engine.on_missing != "build" or service.access(engines) == "writable":
        return []
    return [
        (
            f'engine.on_missing: "build" cannot be, because {engines} is read-only for {service.name}.service: add the '
            f'lines [Service] and ReadOnlyPaths= by `systemctl edit {service.name}`, or leave it at "fail"'
        )
    ]


def _listen(listen: str, service: Unit) -> list[str]:
    if not listen:
        return []
    if listen.startswith("/"):
        folder = Path(listen).parent
        if service.access(folder) == "writable":
            return []
        return [f"metrics.listen: {service.name}.service may not make a socket in {folder}: use one in /run/ocrspool"]
    family = "AF_INET6" if listen.startswith("[") else "AF_INET"
    if service.reaches(family) and service.may_answer_on_loopback():
        return []
    return [
        (
            f"metrics.listen: {service.name}.service has no network, so that nobody could ask it at {listen}: copy "
            f"metrics.conf to /etc/systemd/system/{service.name}.service.d/, then run `systemctl daemon-reload`; "
            "or use a socket in /run/ocrspool"
        )
    ]
