"""How this program was installed, and so how more is added to it.

No message may send anybody to a package index for a package of this program's name. The name is not published there,
and code of a person who registered it would run as root.
"""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

_PACKAGED = Path("/usr/lib/ocrspool")
"""Where scripts/deb puts the program."""
_IN_CONTAINERS = (Path("/run/.containerenv"), Path("/.dockerenv"))
"""Podman and Docker make these."""
_SYSTEMD = Path("/run/systemd/system")
"""It is there where systemd runs (sd_booted(3)): in a container that is a whole machine, and not in our image."""

_BESIDE_ANY = "tesseract"
"""The extra that is no runtime, and can be beside any."""


@dataclass(frozen=True, slots=True)
class Installation:
    """Where this program lies, and who put it there."""

    kind: Literal["script", "package", "image", "checkout", "environment"]
    """script: scripts/install. package: Debian's. image: a container's. environment: anybody's virtual environment."""
    prefix: Path
    """The virtual environment."""
    checkout: Path

    def add(self, extra: str) -> str:
        """Return how an extra of this program is added, for instance onnx-gpu."""
        if self.kind == "script":
            return f"in the checkout of ocrspool, run: sudo scripts/install --with {self._beside(extra)}"
        if self.kind == "package":
            return (
                "the Debian package has OpenVINO only; in its place (apt-get remove ocrspool), run in a checkout of "
                f"ocrspool: sudo scripts/install --with {extra}"
            )
        if self.kind == "image":
            return f"build the image with --build-arg EXTRA={extra}"
        where = f"'{self.checkout}[{extra}]'" if self.kind == "checkout" else f"'.[{extra}]', in a checkout of ocrspool"
        return f"run: {self._pip} install {where}"

    def _beside(self, extra: str) -> str:
        """Return the extra with the runtime that is installed, which scripts/install would remove otherwise."""
        if extra != _BESIDE_ANY:
            return extra
        with contextlib.suppress(OSError):
            if before := (self.prefix / "with").read_text("utf-8").strip().removesuffix(f",{extra}"):
                return f"{before},{extra}" if before != extra else extra
        return extra

    def replace(self, distribution: str, extra: str) -> str:
        """Return how an extra is added that cannot be beside this distribution. A new environment has nothing else."""
        if self.kind in {"checkout", "environment"}:
            return f"run: {self._pip} uninstall {distribution}, and then {self.add(extra)}"
        return self.add(extra)

    def repair(self) -> str:
        """Return how what belongs to this program is installed again where a part of it is missing."""
        if self.kind == "script":
            return f"remove {self.prefix}/made-from, and in the checkout of ocrspool run: sudo scripts/install"
        if self.kind == "package":
            return "run: sudo apt-get install --reinstall with the file of the Debian package"
        if self.kind == "image":
            return "build the image again"
        if self.kind == "checkout":
            return f"remove {self.prefix}, and make it again: {self.checkout}/scripts/venv run"
        return f"in a checkout of ocrspool, run: {self._pip} install --force-reinstall ."

    def library(self, requirement: str) -> str:
        """Return how another version of a library is installed."""
        return f"run: {self._pip} install '{requirement}'"

    @property
    def _pip(self) -> str:
        return f"{self.prefix}/bin/python -m pip"


def find(
    prefix: Path | None = None,
    code: Path | None = None,
    packaged: Path = _PACKAGED,
    in_containers: tuple[Path, ...] = _IN_CONTAINERS,
    systemd: Path = _SYSTEMD,
) -> Installation:
    """Return how the program with this environment and this folder of its code was installed; without: this one."""
    prefix = Path(sys.prefix) if prefix is None else prefix
    checkout = (Path(__file__) if code is None else code).parents[3]
    if prefix == packaged:
        return Installation("package", prefix, checkout)
    if (prefix / "with").is_file():
        in_container = any(mark.exists() for mark in in_containers) and not systemd.exists()
        return Installation("image" if in_container else "script", prefix, checkout)
    kind: Literal["checkout", "environment"] = "checkout" if (checkout / "scripts/install").is_file() else "environment"
    return Installation(kind, prefix, checkout)
