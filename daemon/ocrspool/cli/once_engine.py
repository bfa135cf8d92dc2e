"""Which engine `ocrspool once` reads with: the service's where this user may read it, or one of this user's own."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

from ocrspool.cli.prebuild import Progress as Stages
from ocrspool.config.current import CurrentConfig
from ocrspool.config.loader import load
from ocrspool.config.schema import DEFAULT_PATH, Config
from ocrspool.config.sections import Cluster, Engine, Paths
from ocrspool.errors import ConfigError, EngineError, EngineMissingError, Exit
from ocrspool.machine import accounts
from ocrspool.recognition.api import PageRecognizer
from ocrspool.recognition.pool import WorkerPool
from ocrspool.recognition.prebuild import prebuild


def configurations() -> list[Config]:
    """Return the configurations whose engine would do, the better one first."""
    return [*_of_the_service(), _own_config()]


def loaded(configs: list[Config]) -> tuple[CurrentConfig, PageRecognizer, Mapping[str, object]]:
    """Load the engine of the first configuration that has one here; the last one's is built where it is missing."""
    *others, own = [CurrentConfig(config) for config in configs]
    for live in others:
        with contextlib.suppress(EngineError):
            return live, *_loaded(live)
    if own.config.engine.on_missing == "build":
        _refuse_unless_possible(own.config.paths.cache)
    try:
        return own, *_loaded(own)
    except EngineMissingError:
        if own.config.engine.on_missing == "fail" or _is_foreign(own.config.paths.cache):
            raise
    with Stages() as stages:
        prebuild(own.config, stages)
    return own, *_loaded(own)


def _loaded(live: CurrentConfig) -> tuple[PageRecognizer, Mapping[str, object]]:
    """Return workers that have loaded, and the facts of their engine."""
    workers = WorkerPool(live, lambda _: None)
    workers.start()
    try:
        return workers, workers.wait_ready()
    except BaseException:
        workers.close()
        raise


def _of_the_service() -> list[Config]:
    """Return the configuration of this machine's service, if this user may read its engines; none otherwise.

    Root may read them, and is to leave no files there that the service cannot use.
    """
    with contextlib.suppress(ConfigError):
        config = load(DEFAULT_PATH)
        engines = config.paths.cache / "engines"
        usable = os.access(engines, os.R_OK | os.X_OK) and not (os.geteuid() == 0 and _is_foreign(config.paths.cache))
        if usable and config.engine.devices:  # without devices only a cluster reads, and this user has no key to that
            own = {"paths": Paths(cache=config.paths.cache, runtime=_own_cache()), "cluster": Cluster()}
            return [config.model_copy(update=own)]
    return []


def _own_config() -> Config:
    """Return the configuration of a user without one: engines in the user's cache, built when missing."""
    return Config(paths=Paths(cache=_own_cache(), runtime=_own_cache()), engine=Engine(on_missing="build"))


def _own_cache() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111 - which fails without a home
    return Path(cache) / "ocrspool"


def _is_foreign(cache: Path) -> bool:
    """Tell whether a cache belongs to another user, who could not use what this one would make in it."""
    try:
        return cache.stat().st_uid != os.geteuid()
    except OSError:
        return False


def _refuse_unless_possible(cache: Path) -> None:
    """Raise EngineError where this user can keep no engine."""
    nearest = next(folder for folder in (cache, *cache.parents) if os.path.exists(folder))  # noqa: PTH110 - False where we may not look
    if nearest != cache and not os.access(nearest, os.W_OK | os.X_OK):
        error = EngineError(
            f"an engine has to be kept, and user {accounts.user()} cannot make {cache}",
            "set XDG_CACHE_HOME to a folder of this user",
        )
        error.exit_code = Exit.CANT_CREATE
        raise error
