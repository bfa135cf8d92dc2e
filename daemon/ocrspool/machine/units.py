"""A unit of systemd as it is in effect: its user, and what its sandbox lets it reach."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Access = Literal["writable", "read-only", "hidden", "private"]
"""hidden: the unit does not see the folder (ProtectHome=). private: it sees another one (PrivateTmp=)."""

_RUNNING = Path("/run/systemd/system")
_CGROUP = Path("/proc/self/cgroup")
_SECONDS = 10.0
_HOMES = ("/home", "/root", "/run/user")
_OF_SYSTEM = {"yes": ("/usr", "/boot", "/efi"), "full": ("/usr", "/boot", "/efi", "/etc"), "strict": ("/",)}
"""By ProtectSystem=: what is read-only."""
_PLACES = {
    "StateDirectory": Path("/var/lib"),
    "CacheDirectory": Path("/var/cache"),
    "RuntimeDirectory": Path("/run"),
    "LogsDirectory": Path("/var/log"),
}
"""Folders that systemd makes for a unit, and lets it write to."""
_PROPERTIES = (
    *("LoadState", "NeedDaemonReload", "User", "ProtectSystem", "ProtectHome", "PrivateTmp", "PrivateDevices"),
    *("PrivateNetwork", "RestrictAddressFamilies", "IPAddressDeny", "IPAddressAllow"),
    *("ReadWritePaths", "ReadOnlyPaths", "InaccessiblePaths", *_PLACES),
)


@dataclass(frozen=True)
class Unit:
    """A service unit, with its drop-ins."""

    name: str
    """Without ".service"."""
    properties: Mapping[str, str] = field(default_factory=dict)
    """As `systemctl show` prints them."""

    @property
    def user(self) -> str:
        """The name of its user; "" for root."""
        return self.properties.get("User", "")

    @property
    def is_outdated(self) -> bool:
        """Whether its files have changed since systemd read them."""
        return self.has("NeedDaemonReload")

    def has(self, name: str) -> bool:
        """Tell whether a switch is on."""
        return self.properties.get(name) == "yes"

    def access(self, path: Path) -> Access:
        """Return what the unit may do below a path. Permissions of files are another matter."""
        if self.has("PrivateTmp") and _is_below(path, ("/tmp", "/var/tmp")):  # noqa: S108 - names of systemd's
            return "private"
        protect_home = self.properties.get("ProtectHome", "no")
        if _is_below(path, self._listed("InaccessiblePaths")) or (
            protect_home in {"yes", "tmpfs"} and _is_below(path, _HOMES)
        ):
            return "hidden"
        read_only = [*_OF_SYSTEM.get(self.properties.get("ProtectSystem", "no"), ()), *self._listed("ReadOnlyPaths")]
        read_only += _HOMES if protect_home == "read-only" else ()
        longest = self._longest(path, self._writable())
        return "writable" if len(longest) >= len(self._longest(path, read_only)) else "read-only"

    def mount_of(self, path: Path) -> str:
        """Return the folder whose mount a path is in: each folder that a unit may write to is a mount of its own."""
        return self._longest(path, self._writable())

    def reaches(self, family: str) -> bool:
        """Tell whether it may use an address family, for instance AF_INET, on the machine's own network."""
        allowed = self.properties.get("RestrictAddressFamilies", "")
        if family != "AF_UNIX" and self.has("PrivateNetwork"):
            return False
        if not allowed:
            return True
        names = allowed.removeprefix("~").split()
        return (family in names) != allowed.startswith("~")

    def may_answer_on_loopback(self) -> bool:
        """Tell whether packets of this machine to itself get to the unit."""
        allowed = self.properties.get("IPAddressAllow", "")
        return not self.properties.get("IPAddressDeny") or "127.0.0.0/8" in allowed or "0.0.0.0/0" in allowed

    @property
    def made(self) -> list[Path]:
        """The folders that systemd makes for it, and may take away when it stops."""
        return [place / each for name, place in _PLACES.items() for each in self.properties.get(name, "").split()]

    def _writable(self) -> list[str]:
        return [*self._listed("ReadWritePaths"), *map(str, self.made)]

    def _listed(self, name: str) -> list[str]:
        return [re.sub(r"^[-+]+", "", path).strip('"') for path in _split(self.properties.get(name, ""))]

    def _longest(self, path: Path, folders: list[str]) -> str:
        return max((folder for folder in folders if _is_below(path, (folder,))), key=len, default="")


def look(name: str) -> Unit | None:
    """Return a unit as systemd has read it; None where there is none of this name, or no systemd."""
    if not systemd_runs():
        return None
    command = ["systemctl", "show", f"{name}.service", "--property", ",".join(_PROPERTIES)]
    try:
        shown = subprocess.run(command, capture_output=True, check=True, encoding="utf-8", timeout=_SECONDS).stdout
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    found = dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)
    return Unit(name, found) if found.get("LoadState") == "loaded" else None


def systemd_runs() -> bool:
    """Tell whether systemd is what runs this machine."""
    return _RUNNING.is_dir()


def is_active(name: str) -> bool:
    """Tell whether a service runs."""
    command = ["systemctl", "is-active", "--quiet", f"{name}.service"]
    return systemd_runs() and subprocess.run(command, check=False, timeout=_SECONDS).returncode == 0


def current(cgroup: Path = _CGROUP) -> str:
    """Return the name of the service unit that this process belongs to, without ".service"; "" outside of any."""
    try:
        lines = cgroup.read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    names = (line.rpartition("/")[2] for line in lines)
    return next((name.removesuffix(".service") for name in names if name.endswith(".service")), "")


def _split(text: str) -> list[str]:
    """Return the words of a list; one in quotes may hold blanks."""
    return [word.strip('"') for word in re.findall(r'[-+]*"[^"]*"|\S+', text)]


def _is_below(path: Path, folders: tuple[str, ...] | list[str]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)
