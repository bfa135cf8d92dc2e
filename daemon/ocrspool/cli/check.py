"""`ocrspool check`: every problem of the configuration, before the service starts."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from ocrspool.config import preflight as world
from ocrspool.config.loader import exposed, load
from ocrspool.errors import ConfigError, Exit


def check(path: Path, *, show: bool, start: bool) -> int:
    """Print every problem, or what is configured. Raise ConfigError.

    With `start` only what would keep the service from starting is an error: an inbox that cannot be used is told, and
    the others can serve.
    """
    config = load(path)
    for warning in exposed(path):
        print(f"warning: {warning}: chown root, chmod go-w", file=sys.stderr)
    problems = world.refuse(config) if start else world.problems(config)
    if problems and not start:
        raise ConfigError(problems)
    for problem in problems:
        print(f"warning: {problem}", file=sys.stderr)
    if show:
        print(json.dumps(config.model_dump(mode="json"), indent=2))
        return Exit.OK
    print(f"{path}: {'the service can start' if problems else 'all is well'}")
    for name, inbox in config.inbox.items():
        print(f"  inbox {name}: {inbox.folder('inbox')} → {inbox.folder('outbox')}, profile {inbox.profile}")
    print(f"  engine: {config.engine.runtime} on {', '.join(config.engine.devices)}, cache {config.paths.cache}")
    return Exit.OK
