"""The three fates as classes: the file's fault, the engine's fault, the configuration's fault.

Every message names what failed and why. `hint` says what to do. Exit codes follow sysexits(3).
"""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of the command, stable, after sysexits(3)."""

    OK = 0
    USAGE = 64
    DATA = 65  # some documents failed
    NO_INPUT = 66
    UNAVAILABLE = 69  # no engine, no running service
    SOFTWARE = 70
    OS = 71
    CANT_CREATE = 73
    IO = 74
    TEMPORARY = 75
    NO_PERMISSION = 77
    CONFIG = 78
    INTERRUPTED = 130


class OcrspoolError(Exception):
    """What a user can read and act on: a message, a hint, the exit code it means for a command."""

    exit_code: Exit = Exit.SOFTWARE

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ConfigError(OcrspoolError):
    """The configuration's fault: the process ends at start; holds every problem found, not the first."""

    exit_code = Exit.CONFIG

    def __init__(self, problems: list[str], hint: str = "") -> None:
        super().__init__("\n".join(problems), hint)
        self.problems = problems


class DocumentError(OcrspoolError):
    """The file's fault: it goes to failed/ with this as its reason, and everything else goes on.

    `kind` is a stable word for programs (for instance "encrypted"), `stage` the step that found it,
    `page` counts from 1.
    """

    exit_code = Exit.DATA

    def __init__(
        self, kind: str, message: str, hint: str = "", *, stage: str = "decode", page: int | None = None
    ) -> None:
        super().__init__(message, hint)
        self.kind = kind
        self.stage = stage
        self.page = page


class SpoolBusyError(OcrspoolError):
    """Another process works on the spool: nothing is wrong that a restart, or an end, of that one does not mend."""

    exit_code = Exit.TEMPORARY


class EngineError(OcrspoolError):
    """The engine's fault: the job stays in work/ and is tried again with a new worker."""

    exit_code = Exit.UNAVAILABLE


class EngineMissingError(EngineError):
    """No engine of this identity is in the cache, or the one there is damaged; `prebuild` makes it."""


class DeviceMemoryError(EngineError):
    """The device has too little memory for this call; a smaller one may fit."""


class DeviceLostError(EngineError):
    """The device, or the library that drives it, is of no use to this process any more: another has to take over."""


class NoGpuError(EngineError):
    """The GPU that the configuration names is not there, or its driver does not answer."""
