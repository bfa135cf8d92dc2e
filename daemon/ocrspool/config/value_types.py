"""Rules for values that a type and bounds cannot express. This module reads nothing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer

from ocrspool.results.formats import JSON, SUFFIXES

_LAST_PORT = 65_535

DEVICE = r"^(cpu|gpu:\d{1,3})$"
NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
COMMAND_PART = r"^[^\x00]*$"
"""Patterns of texts; value_errors.py says each in words."""


def _usable(folder: object) -> object:
    """Refuse what no folder can be called, and "", which would mean the folder of the configuration."""
    if folder == "" or (isinstance(folder, str) and "\0" in folder):
        raise ValueError("should name a folder")
    return folder


Folder = Annotated[Path, Field(strict=False), BeforeValidator(_usable), PlainSerializer(str, return_type=str)]


def _a_mode(text: str) -> str:
    """Refuse what makes a result unreadable for us, who look at it again, or a program."""
    if text != "auto" and not re.fullmatch("0[46][0246][0246]", text):
        raise ValueError('should be "auto" or like "0640": read (4) and write (2) for owner (who reads), group, others')
    return text


Mode = Annotated[str, AfterValidator(_a_mode)]

Patterns = Annotated[tuple[str, ...], Field(strict=False)]

if TYPE_CHECKING:
    _FormatName = str
else:
    _NAMES = (JSON, *SUFFIXES)
    _FormatName = Literal[_NAMES]  # a type checker wants the names written out, and the registry has them

Formats = Annotated[tuple[_FormatName, ...], Field(strict=False)]

Command = Annotated[tuple[Annotated[str, Field(pattern=COMMAND_PART)], ...], Field(strict=False)]

Devices = Annotated[tuple[Annotated[str, Field(pattern=DEVICE)], ...], Field(strict=False, min_length=1)]

Name = Annotated[str, Field(pattern=NAME)]


def _named_once(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        raise ValueError("should name each reader once")
    return names


Readers = Annotated[tuple[Name, ...], Field(strict=False), AfterValidator(_named_once)]

ReaderChoice = Annotated[str, Field(min_length=1)]


def _local(listen: str) -> str:
    """Refuse what others than this machine could reach: nothing here asks who they are."""
    if listen and not listen.startswith("/"):
        host, _, port = listen.rpartition(":")
        if host not in {"127.0.0.1", "localhost", "[::1]"} or not (port.isdecimal() and 0 < int(port) <= _LAST_PORT):
            raise ValueError('should be 127.0.0.1:PORT, [::1]:PORT, the path of a Unix socket, or ""')
    return listen


Listen = Annotated[str, AfterValidator(_local)]
