"""`ocrspool check`: every problem of the configuration, before the service starts."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from ocrspool.cli import service_user
from ocrspool.config import preflight, sandbox
from ocrspool.config.engine_requests import engine_request
from ocrspool.config.loader import exposed, load
from ocrspool.config.schema import Config
from ocrspool.engine.plan import plan
from ocrspool.errors import ConfigError, EngineMissingError, Exit, OcrspoolError
from ocrspool.machine import accounts, units
from ocrspool.machine.units import Unit


def check(path: Path, *, show: bool, start: bool) -> int:
    """Print every problem, or what is configured. Raise ConfigError.

    Root looks at it as the service's user. With `start` only what would keep the service from starting is an error: an
    inbox that cannot be used is told, and the others can serve.
    """
    config = load(path)
    names = () if units.current() else sandbox.unit_names(path)  # within a unit its sandbox is met, not looked up
    found = [unit for name in names if (unit := units.look(name)) is not None]
    became = False
    if not units.current():
        became = service_user.become(service_user.find(config, names[0] if names else ""))
    if became:
        config = load(path)  # as the service does: it may not be allowed to read all of it
    for warning in exposed(path):
        print(f"warning: {warning}: chown root, chmod go-w", file=sys.stderr)
    if start:
        problems = preflight.refuse(config, preflight.hanging(config))
    else:
        problems = _problems(config, found)
        if problems:
            raise ConfigError(problems)
    for problem in problems:
        print(f"warning: {problem}", file=sys.stderr)
    if show:
        print(json.dumps(config.model_dump(mode="json"), indent=2))
        return Exit.OK
    _print(path, config, "the service can start" if problems else "all is well", became=became)
    return Exit.OK


def _problems(config: Config, found: list[Unit]) -> list[str]:
    """Return all that is in the way, here and in these units; a line for each cause."""
    of_units = sandbox.problems(config, found)
    unseen = {problem.partition(":")[0] for problem in of_units if sandbox.is_unseen(problem)}
    here = preflight.problems(config, [folder for unit in found for folder in unit.made], preflight.hanging(config))
    others = [problem for problem in (*here, *_engine_problems(config)) if problem.partition(":")[0] not in unseen]
    return [*others, *of_units]


def _print(path: Path, config: Config, verdict: str, *, became: bool) -> None:
    print(f"{path}: {verdict}")
    for name, inbox in config.inbox.items():
        print(f"  inbox {name}: {inbox.folder('inbox')} → {inbox.folder('outbox')}, profile {inbox.profile}")
    devices = ", ".join(config.engine.devices) or "the hosts of the cluster"
    print(f"  engine: {config.engine.runtime} on {devices}, cache {config.paths.cache}")
    if became:
        print(f"  seen as user {accounts.user()}, who the service is")


def _engine_problems(config: Config) -> list[str]:
    """Return why no engine could be built or loaded: models, runtime, devices. A line for each cause."""
    devices_by_cause: dict[str, list[str]] = {}
    for device in dict.fromkeys(config.engine.devices):
        for cause in _why_no_engine(config, device):
            devices_by_cause.setdefault(cause, []).append(device)
    return [
        cause if cause.startswith("engine") else f"engine.devices: {', '.join(devices)}: {cause}"
        for cause, devices in devices_by_cause.items()
    ]


def _why_no_engine(config: Config, device: str) -> list[str]:
    try:
        plan(engine_request(config, device))
    except EngineMissingError:  # models that `prebuild` downloads
        return []
    except OcrspoolError as error:
        hint = f": {error.hint}" if error.hint else ""
        return [f"{each}{hint}" for each in (error.problems if isinstance(error, ConfigError) else [error.message])]
    return []
