"""Rules for values that a type and bounds cannot express. This module reads nothing."""

from __future__ import annotations

import re
from ipaddress import ip_address
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

Devices = Annotated[tuple[Annotated[str, Field(pattern=DEVICE)], ...], Field(strict=False)]

Name = Annotated[str, Field(pattern=NAME)]


def _named_once(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        raise ValueError("should name each reader once")
    return names


Readers = Annotated[tuple[Name, ...], Field(strict=False), AfterValidator(_named_once)]

ReaderChoice = Annotated[str, Field(min_length=1)]


def _no_tesseract(choice: str) -> str:
    if choice.startswith("tesseract:"):
        raise ValueError("should be a model that finds lines; Tesseract reads them only")
    return choice


FinderChoice = Annotated[str, Field(min_length=1), AfterValidator(_no_tesseract)]


def _local(listen: str) -> str:
    """Refuse what others than this machine could reach: nothing here asks who they are."""
    if listen and not listen.startswith("/"):
        host, _, port = listen.rpartition(":")
        if host not in {"127.0.0.1", "localhost", "[::1]"} or not (port.isdecimal() and 0 < int(port) <= _LAST_PORT):
            raise ValueError('should be 127.0.0.1:PORT, [::1]:PORT, the path of a Unix socket, or ""')
    return listen


Listen = Annotated[str, AfterValidator(_local)]

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


def is_loopback(address: str) -> bool:
    """Return whether an address like tcp://127.0.0.1:8786 is one that no other machine can reach."""
    return address.partition("://")[2].rpartition(":")[0] in _LOOPBACK


def _a_scheduler(address: str) -> str:
    """Refuse what is no address, and an address that others can reach without certificates."""
    found = re.fullmatch(r"(tls|tcp)://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):(\d{1,5})", address)
    if address and (found is None or not 0 < int(found[3]) <= _LAST_PORT):
        raise ValueError('should be like "tls://10.0.0.5:8786", or ""')
    if found and found[1] == "tcp" and not is_loopback(address):
        raise ValueError(
            "should begin with tls://: without certificates everybody who reaches the port could run programs here. "
            "tcp:// is for 127.0.0.1 and [::1] alone"
        )
    return address


SchedulerAddress = Annotated[str, AfterValidator(_a_scheduler)]


def _an_address(text: str) -> str:
    """Refuse what is no IP address. A name would have to be looked up, and might name another machine later."""
    if text:
        try:
            ip_address(text)
        except ValueError:
            raise ValueError('should be an IP address of this host, like "10.0.0.7", or ""') from None
    return text


def _a_name(text: str) -> str:
    if text and not re.fullmatch(NAME, text):
        raise ValueError('should be a name of letters, digits, ".", "_" and "-", or ""')
    return text


OwnName = Annotated[str, AfterValidator(_a_name)]

OwnAddress = Annotated[str, AfterValidator(_an_address)]
