"""Read TOML files into a configuration. Each problem is reported with its file and its key."""

from __future__ import annotations

import contextlib
import os
import re
import stat
from pathlib import Path
from typing import Any, get_args

import tomli
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ocrspool.config.schema import Config
from ocrspool.config.sections import Section
from ocrspool.config.value_errors import wrong
from ocrspool.config.value_types import NAME
from ocrspool.errors import ConfigError
from ocrspool.machine import accounts


def load(path: Path) -> Config:
    """Read the file at `path` and conf.d/*.toml beside it, in order of their names; a later value wins.

    Relative folders are relative to the folder of `path`. Raise ConfigError with every problem found.
    """
    problems: list[str] = []
    merged: dict[str, Any] = {}
    origins: dict[tuple[str, ...], Path] = {}
    for file in files(path):
        table = _read(file, problems)
        _merge(merged, table, origins, file, ())
    if problems:
        raise ConfigError(problems)
    problems += _unknown_profiles(merged, origins)
    try:
        config = Config.model_validate(merged)
    except ValidationError as error:
        told = [_explain(detail, origins, path) for detail in error.errors()]
        raise ConfigError(told + problems) from error
    if problems:
        raise ConfigError(problems)
    return _absolute(config, path.resolve().parent)


def files(path: Path) -> list[Path]:
    """Return the files of a configuration, in the order in which they are read.

    Hidden files do not count: editors leave such ones, and links to nowhere, beside a file that is being edited.
    """
    more = (path.parent / "conf.d").glob("*.toml")
    return [path, *sorted(file for file in more if not file.name.startswith("."))]


def exposed(path: Path) -> list[str]:
    """Return each file of a configuration, and each of its folders, that others than root and this user may write.

    Whoever writes a configuration chooses commands (on_done, on_failed) that are run as the service.
    """
    found = []
    for place in (path.parent, path.parent / "conf.d", *files(path)):
        with contextlib.suppress(OSError):
            if who := _other_writers(place.stat()):
                found.append(f"{place}: {who} may write it, and so choose commands that are run as the service")
    return found


def _other_writers(found: os.stat_result) -> str:
    if found.st_uid not in {0, os.geteuid()}:
        return f"its owner, user {accounts.user(found.st_uid)},"
    if found.st_mode & stat.S_IWOTH:
        return "everybody"
    # A group of its owner alone, as most users have one, is told from others by its number.
    return (
        f"group {accounts.group(found.st_gid)}"
        if found.st_mode & stat.S_IWGRP and found.st_gid not in {0, found.st_uid}
        else ""
    )


def _read(file: Path, problems: list[str]) -> dict[str, Any]:
    try:
        return tomli.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        problems.append(f"{file}: there is no such file; --config names another")
    except PermissionError:
        problems.append(f"{file}: user {accounts.user()} may not read it")
    except OSError as error:
        problems.append(f"{file}: {error.strerror}")
    except UnicodeDecodeError as error:
        problems.append(f"{file}: not UTF-8 text (byte {error.start})")
    except (ValueError, RecursionError) as error:  # TOMLDecodeError; a number of 5,000 digits, tables 500 deep
        problems.append(f"{file}: not TOML: {error}")
    return {}


def _merge(
    into: dict[str, Any],
    table: dict[str, Any],
    origins: dict[tuple[str, ...], Path],
    file: Path,
    at: tuple[str, ...],
) -> None:
    for key, value in table.items():
        here = (*at, key)
        origins[here] = file
        if not isinstance(value, dict):
            into[key] = value
            continue
        if not isinstance(into.get(key), dict):
            into[key] = {}
        _merge(into[key], value, origins, file, here)


def _explain(detail: ErrorDetails, origins: dict[tuple[str, ...], Path], path: Path) -> str:
    """Return "file: key: what is wrong" for one of pydantic's errors."""
    keys = tuple(map(str, detail["loc"]))
    if keys[-1:] == ("[key]",) and detail["type"] != "extra_forbidden":  # pydantic's mark for "the key itself"
        keys = keys[:-1]
    file = next((origins[keys[:n]] for n in range(len(keys), 0, -1) if keys[:n] in origins), path)
    key = ".".join(map(_named, keys))
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "extra_forbidden":
        import difflib  # noqa: PLC0415 - only for a faulty file

        known = _known_keys(keys[:-1])
        near = difflib.get_close_matches(keys[-1], known, n=1)
        message = "unknown key" + (f"; did you mean {near[0]!r}?" if near else f"; known here: {', '.join(known)}")
    elif detail["type"] not in {"value_error", "missing"}:
        message = wrong(detail["type"], detail.get("ctx", {}), key, detail["input"], message)
    return ": ".join(filter(None, [str(file), key, message]))


def _named(key: str) -> str:
    """Return a key as it can be read, also where there is nothing to be seen of it."""
    return key if key and key.isprintable() else repr(key)


def _known_keys(keys: tuple[str, ...]) -> list[str]:
    """Return the keys of the table at this place; the names of profiles and inboxes are free."""
    section: type[Section] = Config
    names = iter(keys)
    for key in names:
        annotation = section.model_fields[key].annotation
        if args := get_args(annotation):
            annotation = args[1]
            next(names, None)
        if isinstance(annotation, type) and issubclass(annotation, Section):
            section = annotation
    return list(section.model_fields)


def _absolute(config: Config, base: Path) -> Config:
    """Return the configuration with every folder absolute."""

    def settle(section: Section) -> dict[str, Path]:
        return {key: base / value for key, value in section if isinstance(value, Path)}

    return config.model_copy(
        update={
            "paths": config.paths.model_copy(update=settle(config.paths)),
            "cluster": config.cluster.model_copy(update=settle(config.cluster)),
            "inbox": {name: inbox.model_copy(update=settle(inbox)) for name, inbox in config.inbox.items()},
        }
    )


def _unknown_profiles(merged: dict[str, Any], origins: dict[tuple[str, ...], Path]) -> list[str]:
    """Return a problem for each inbox whose profile is not there; whatever else is wrong is found elsewhere."""
    inboxes, profiles = merged.get("inbox"), merged.get("profile", {})
    if not (isinstance(inboxes, dict) and isinstance(profiles, dict)):
        return []
    known = sorted({"default", *profiles})
    return [
        f"{origins['inbox', name, 'profile']}: inbox.{_named(name)}.profile: there is no profile {inbox['profile']!r}; "
        f"there are: {', '.join(known)}"
        for name, inbox in inboxes.items()
        if isinstance(inbox, dict)
        and isinstance(inbox.get("profile"), str)
        and inbox["profile"] not in known
        and re.match(NAME, inbox["profile"])
    ]
