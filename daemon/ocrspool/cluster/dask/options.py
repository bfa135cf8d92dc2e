"""How Dask is set up: nothing of the user's own Dask configuration, no port without certificates, no second port."""

from __future__ import annotations

import logging
import os
import ssl
from typing import Any

import dask
import distributed
from distributed.security import Security

from ocrspool.config.sections import Cluster
from ocrspool.config.value_types import is_loopback
from ocrspool.errors import EngineError, Exit

VERSION: str = distributed.__version__

_CONNECT_SECONDS = 2
"""Dask tries again and again for so long, also where the port is closed."""


def set_up(settings: Cluster) -> Security:
    """Set Dask up for this process. Return how connections are secured. Raise EngineError: the configuration is wrong.

    The schema refuses an open address too. This is the last look before a port opens.
    """
    if not settings.scheduler:
        raise _wrong("cluster.scheduler is not set", 'name the scheduler: scheduler = "tls://10.0.0.5:8786"')
    patience = f"{settings.patience_seconds:g}s"
    dask.config.refresh(paths=[], env={})
    dask.config.set(
        {
            "distributed.comm.timeouts.connect": f"{_CONNECT_SECONDS}s",
            "distributed.comm.timeouts.tcp": patience,
            "distributed.comm.retry.count": 0,
            "distributed.comm.compression": False,
            "distributed.comm.tls.min-version": 1.3,
            "distributed.comm.require-encryption": not is_loopback(settings.scheduler),
            "distributed.diagnostics.nvml": False,
            "distributed.worker.profile.enabled": False,
            "distributed.worker.use-file-locking": False,
            "distributed.worker.memory.terminate": False,
            "distributed.worker.memory.pause": False,
            "distributed.worker.memory.spill": False,
            "distributed.worker.memory.target": False,
            "distributed.scheduler.worker-ttl": None,
            "distributed.scheduler.active-memory-manager.start": False,
            "distributed.scheduler.work-stealing": False,
        }
    )
    _log_as_we_do()
    if is_loopback(settings.scheduler) and settings.key is None:
        return Security(require_encryption=False)
    if None in (settings.ca, settings.certificate, settings.key):
        raise _wrong("cluster: a scheduler that others can reach needs certificates", _HOW)
    return _with_certificates(settings)


_HOW = "make them with `ocrspool cluster certificates`, and set cluster.ca, cluster.certificate and cluster.key"


def _with_certificates(settings: Cluster) -> Security:
    ca, certificate, key = map(os.fspath, filter(None, (settings.ca, settings.certificate, settings.key)))
    try:
        context = ssl.create_default_context(cafile=ca)
        context.load_cert_chain(certificate, key)
    except ssl.SSLError as error:
        raise _wrong(
            f"cluster: {certificate} and {key}, with {ca}, are no certificate and its key: {error}", _HOW
        ) from error
    except OSError as error:
        files = ", ".join(path for path in (ca, certificate, key) if not os.access(path, os.R_OK))
        raise _wrong(f"cluster: {files or ca} cannot be read: {error.strerror}", _HOW) from error
    own: dict[str, Any] = {
        f"tls_{role}_{what}": path
        for role in ("client", "worker", "scheduler")
        for what, path in (("cert", certificate), ("key", key))
    }
    return Security(tls_ca_file=ca, require_encryption=True, **own)


def _log_as_we_do() -> None:
    """Have Dask's loggers write where ours do, and only what matters."""
    logging.getLogger("distributed").setLevel(logging.ERROR)
    for name in [name for name in logging.root.manager.loggerDict if name.split(".")[0] in {"distributed", "tornado"}]:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(logging.CRITICAL if name.startswith("distributed") else logging.ERROR)


def _wrong(message: str, hint: str) -> EngineError:
    error = EngineError(message, hint)
    error.exit_code = Exit.CONFIG
    return error
