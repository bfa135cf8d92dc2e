"""Users and groups by name, as people know them."""

from __future__ import annotations

import grp
import os
import pwd


def user(number: int | None = None) -> str:
    """Return the name of a user (without a number: of the one whom this process acts as), or the number."""
    number = os.geteuid() if number is None else number
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def group(number: int) -> str:
    """Return the name of a group, or its number where it has none."""
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
