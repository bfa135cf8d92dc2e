"""Checks of the configuration, its folders, its models, and the engines that it needs."""

from __future__ import annotations

import os
import pwd
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ocrspool.config import preflight, sandbox
from ocrspool.config.engine_requests import engine_request
from ocrspool.config.loader import exposed
from ocrspool.config.schema import Config
from ocrspool.doctor.findings import Finding, Level
from ocrspool.engine.cache import inventory
from ocrspool.engine.cache.permissions import unusable
from ocrspool.engine.cache.store import differences
from ocrspool.engine.models import finder_choice, model_set, reader_choice
from ocrspool.engine.plan import plan
from ocrspool.errors import ConfigError, EngineMissingError, NoGpuError, OcrspoolError
from ocrspool.formatting import counted
from ocrspool.machine import accounts, units

_SERVICE_USER = "ocrspool"
_MEGABYTE = 1e6


def configuration(path: Path, config: Config | None, error: ConfigError | None) -> Iterator[Finding]:
    """Yield every problem of the file, or what it configures."""
    if error is not None:
        advice = (
            "correct it" if path.exists() else "write it, after config/ocrspool.toml, or name another with --config"
        )
        for problem in error.problems:
            yield Finding("configuration", "problem", "configuration", problem, error.hint or advice)
    for warning in exposed(path):
        yield Finding("configuration", "problem", "configuration", warning, "chown root, and chmod go-w")
    if config is not None:
        engine = config.engine
        asked = f"{engine.runtime} on {', '.join(engine.devices) or 'the hosts of the cluster'}, models {engine.models}"
        yield Finding(
            "configuration",
            "ok",
            "configuration",
            f"{path}: {asked}, {counted(len(config.inbox), 'inbox', 'inboxes')}",
        )


def permissions(config: Config, path: Path) -> Iterator[Finding]:
    """Yield every reason why this user could not work in the folders.

    `path` is where the configuration lies, which says for which units it is. What systemd makes for them at their start
    may be missing now.
    """
    units_there = [unit for name in sandbox.unit_names(path) if (unit := units.look(name)) is not None]
    made = [folder for unit in units_there for folder in unit.made]
    problems = preflight.problems(config, made, preflight.hanging(config))
    for problem in problems:
        yield Finding("permissions", "problem", "folders", problem, "see `ocrspool check`, as the service's user")
    if not problems:
        folders = 2 + sum(len(inbox.folders()) for inbox in config.inbox.values())
        yield Finding("permissions", "ok", "folders", f"{folders} folders can be used by user {accounts.user()}")
    if os.geteuid() == 0 and _exists(_SERVICE_USER):
        yield Finding(
            "permissions",
            "note",
            "user",
            f"this was looked at as root, who may do everything; the service is {_SERVICE_USER}",
            f"sudo -u {_SERVICE_USER} ocrspool doctor",
        )


def engines(config: Config) -> Iterator[Finding]:
    """Yield the models, the engine for each device, and what else the cache holds."""
    if error := unusable(config.paths.cache):
        yield Finding("engines", "problem", "owner", error.message, error.hint)
    yield from _models(config)
    for device in dict.fromkeys(config.engine.devices):
        yield from _engine(config, device)
    yield from _cache(config)


def _models(config: Config) -> Iterator[Finding]:
    engine, folder = config.engine, config.paths.cache / "models"
    try:
        found = model_set.find(engine.models, folder, engine.runtime)
        found = replace(
            found,
            readers=reader_choice.find_all(engine.readers.items(), folder, engine.runtime),
            finders=finder_choice.find_all(engine.finders.items(), folder, engine.runtime),
        )
    except OcrspoolError as error:
        yield Finding("engines", "problem", "models", error.message, error.hint)
    else:
        listed = ", ".join(dict.fromkeys(spec.name for spec in found))
        yield Finding("engines", "ok", "models", f"{engine.models}: {listed}")
        for name, languages in found.languages().items():
            used = [profile for profile, asked in config.profile.items() if name in asked.reader_order().names]
            yield Finding("engines", "ok", f"reader {name}", f"languages {', '.join(languages)}; {_asked_by(used)}")
        for finder in found.finders:
            used = [profile for profile, asked in config.profile.items() if asked.reader_order().finder == finder.name]
            yield Finding("engines", "ok", f"finder {finder.name}", f"{finder.net.name}; {_asked_by(used)}")


def _asked_by(profiles: list[str]) -> str:
    return f"asked by profile {', '.join(profiles)}" if profiles else "no profile asks it"


def _engine(config: Config, device: str) -> Iterator[Finding]:
    missing: Level = "problem" if config.engine.on_missing == "fail" else "note"
    name = f"engine for {device}"
    try:
        planned = plan(engine_request(config, device))
        manifest = planned.cache.find(planned.identity)
    except NoGpuError:
        yield Finding("engines", "note", name, "which one it is cannot be told while its GPU is not there")
        return
    except EngineMissingError as error:
        yield Finding("engines", missing, name, _in_short(error.message), error.hint)
        return
    except OcrspoolError as error:
        yield Finding("engines", "problem", name, error.message, error.hint)
        return
    size = sum(int(facts["size"]) for facts in manifest.files.values())
    there = f"{manifest.fingerprint}, {_megabytes(size)}, built {manifest.built_at} by {manifest.built_by}"
    changed = differences(manifest.soft, planned.soft)
    if not changed:
        yield Finding("engines", "ok", name, there)
        return
    yield Finding(
        "engines",
        "note",
        name,
        f"{there}; since then: {'; '.join(changed)}",
        "nothing by itself; should it be slower than before, `ocrspool prebuild --force` makes it anew",
    )


def _cache(config: Config) -> Iterator[Finding]:
    folder = config.paths.cache / "engines"
    cards = inventory.cards(config.paths.cache)
    size = _megabytes(sum(card.size for card in cards))
    kinds = ", ".join(f"{count} {state}" for state, count in Counter(card.state for card in cards).items())
    yield Finding("engines", "ok", "cache", f"{folder}: {size}" + (f" ({kinds})" if kinds else ", no engine"))
    left = [card for card in cards if card.state in {"leftover", "other version"}]
    if left or inventory.stale_files(config.paths.cache):
        freed = _megabytes(sum(card.size for card in left))
        what = ", ".join(card.fingerprint for card in left) or "locks and aborted imports"
        yield Finding("engines", "note", "leftovers", f"{what}: {freed} of no use", "ocrspool engines gc")


def _in_short(message: str) -> str:
    """Return a message without the lists of processor flags, which no reader compares by eye."""
    head, mark, rest = message.partition("cpu_flags: ")
    return f"{head}{mark.rstrip(': ')}{rest[rest.find(';') :] if ';' in rest else ''}" if mark else message


def _megabytes(size: int) -> str:
    return f"{size / _MEGABYTE:.1f} MB"


def _exists(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True
