"""The examination: one check after the other. A check that fails does not keep the next one from running."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from ocrspool.config.loader import load
from ocrspool.config.schema import Config
from ocrspool.doctor import cluster_checks, config_checks, machine_checks, problem_check
from ocrspool.doctor.findings import Finding, Group
from ocrspool.doctor.inventory import look
from ocrspool.engine.cache.permissions import denied
from ocrspool.errors import ConfigError, OcrspoolError


def examine(path: Path) -> list[Finding]:
    """Look at everything, with the configuration at `path`, which may be absent or wrong."""
    config, error = _configuration(path)
    seen = look(config)
    found = [
        *_made("program", machine_checks.program),
        *_made("configuration", lambda: config_checks.configuration(path, config, error)),
        *_made("processor", machine_checks.cpu),
        *_made("gpu", lambda: machine_checks.gpus(seen)),
        *_made("gpu", lambda: machine_checks.hidden_devices(seen)),
        *_made("runtimes", lambda: machine_checks.runtimes(seen)),
        *_made("combinations", lambda: problem_check.check(seen)),
    ]
    if config is None:
        why = "not looked at: the configuration says where they are, and is not valid"
        return [*found, Finding("engines", "note", "folders and engines", why)]
    return [
        *found,
        *_made("permissions", lambda: config_checks.permissions(config, path)),
        *_made("engines", lambda: config_checks.engines(config)),
        *_made("cluster", lambda: cluster_checks.cluster(config.cluster)),
    ]


def _configuration(path: Path) -> tuple[Config | None, ConfigError | None]:
    try:
        return load(path), None
    except ConfigError as error:
        return None, error


def _made(group: Group, check: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    """Run a check. An error that stops it is a finding too."""
    try:
        yield from check()
    except OcrspoolError as error:
        yield Finding(group, "problem", group, error.message, error.hint)
    except PermissionError as error:
        told = denied(error)
        yield Finding(group, "problem", group, told.message, told.hint or "look at it as a user who may")
    except OSError as error:
        yield Finding(group, "problem", group, f"cannot be looked at: {error.filename}: {error.strerror}")
