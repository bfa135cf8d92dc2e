"""TensorRT's Python package, and in what its versions differ. The only module that imports it.

TensorRT is told apart by its version, TensorRT for RTX by its package. Both have the same API, but for what
`Library` says.
"""

from __future__ import annotations

import logging
import threading
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

from ocrspool.errors import EngineError
from ocrspool.machine import installation, native_libraries

if TYPE_CHECKING:
    from ocrspool.engine_request import Provider

_log = logging.getLogger(__name__)

EXTRAS: dict[Provider, str] = {"tensorrt": "tensorrt-cu12", "rtx": "tensorrt-rtx"}
"""Provider → the extra of ours that brings its package."""
PACKAGES: dict[Provider, str] = {"tensorrt": "tensorrt", "rtx": "tensorrt_rtx"}

_KEPT = 5
"""Errors of TensorRT's log that a message repeats: it returns None and says why there."""

_OWN_TYPES = 10
"""From this version on a net is computed in the types that its model states (strongly typed). 11 and RTX know no other
way; 10 calls the older one deprecated."""
_SHARED_PROFILES = 10
"""From this version on several contexts of one engine may use one profile; 8.6 can be asked to, 8.5 cannot."""
_PIXELS_AS_BYTES = 10
"""From this version on an engine takes uint8. 8.5 knows the type; whether it builds all nets with it was not seen."""
_PRODUCTS_OF_ITS_OWN = 10
"""From this version on matrices are multiplied without cuBLAS. Without it, 8.5.3 finds no implementation for the
products of recognition, after minutes (seen on an H100)."""
_CUBLAS = tuple((f"libcublasLt.so.{cuda}", f"libcublas.so.{cuda}") for cuda in (11, 12))
"""By the CUDA that a TensorRT 8 was built for."""


class Library:
    """One of the packages, imported."""

    _loading: ClassVar[threading.Lock] = threading.Lock()
    _logs: ClassVar[dict[str, Any]] = {}

    def __init__(self, provider: Provider) -> None:
        name = PACKAGES[provider]
        try:
            with Library._loading:
                self.module: Any = import_module(name)
                self.log: Any = Library._logs.get(name) or Library._logs.setdefault(name, _logger(self.module))
        except (ImportError, OSError, AttributeError) as error:
            raise EngineError(
                f"the package {name} cannot be loaded: {error}", installation.find().add(EXTRAS[provider])
            ) from error
        self.rtx = provider == "rtx"
        self.version: str = str(self.module.__version__)
        self.major = int(self.version.partition(".")[0])

    @property
    def typed(self) -> bool:
        """Whether a net is computed in the types of its model, so that the model itself has to be in f16."""
        return self.rtx or self.major >= _OWN_TYPES

    @property
    def shares_profiles(self) -> bool:
        """Whether one engine can have several contexts for the same shapes."""
        return self.rtx or self.major >= _SHARED_PROFILES

    @property
    def takes_bytes(self) -> bool:
        """Whether pixels go in as uint8; otherwise as float32, four times the bytes."""
        return self.rtx or self.major >= _PIXELS_AS_BYTES

    @property
    def needs_cublas(self) -> bool:
        """Whether products of matrices are computed by cuBLAS."""
        return not self.rtx and self.major < _PRODUCTS_OF_ITS_OWN

    def find_cublas(self) -> bool:
        """Let TensorRT find cuBLAS, also in a wheel. Tell whether it is there."""
        return any(not native_libraries.preload(names) for names in _CUBLAS)

    def network_flags(self) -> int:
        """Return the flags of a network: of its types, or, for an old version, that batches are a dimension."""
        flag = self.module.NetworkDefinitionCreationFlag
        return 1 << int(flag.STRONGLY_TYPED if self.typed else flag.EXPLICIT_BATCH)

    def errors(self) -> str:
        """Return what the log said since the last call."""
        found = "; ".join(self.log.errors[-_KEPT:])
        self.log.errors.clear()
        return found or "it says nothing of the reason"


def _logger(module: Any) -> Any:  # noqa: ANN401  # the package has no types
    severity = module.ILogger.Severity if hasattr(module.ILogger, "Severity") else module.Logger.Severity
    errors, warning = {severity.INTERNAL_ERROR, severity.ERROR}, severity.WARNING

    class Log(module.ILogger):  # type: ignore[misc]  # likewise
        """Passes TensorRT's log on to ours, and remembers errors."""

        def __init__(self) -> None:
            module.ILogger.__init__(self)
            self.errors: list[str] = []

        def log(self, kind: object, message: str) -> None:
            if kind in errors:
                self.errors.append(message)
                _log.error("%s", message)
            elif kind == warning:
                _log.debug("%s", message)

    return Log()
