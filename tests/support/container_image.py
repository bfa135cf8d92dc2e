"""The file system that the Containerfile makes, as far as this machine's own one serves for it.

There is no container engine: what Podman does for the Quadlet files is done with unshare, chroot and setpriv.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

from support.lab_machine import run

_FOLDERS = ("opt/ocrspool", "etc/ocrspool", "var/cache/ocrspool", "var/spool/ocrspool", "run/ocrspool")
_WRITABLE = ("tmp", "var/cache/ocrspool", "var/spool/ocrspool", "run/ocrspool")
"""Volumes of the container, and the folder of temporary files that Podman adds to a read-only root."""


class ContainerImage:
    """An image of a checkout in a folder of its own; `root` is its file system."""

    def __init__(self, checkout: Path, place: Path) -> None:
        self._checkout, self._place = checkout, place
        text = (checkout / "packaging/container/Containerfile").read_text("utf-8").replace("\\\n", " ")
        stages = re.split(r"^FROM .*$", text, flags=re.MULTILINE)[1:]
        self._build, self._final = [re.findall(r"^([A-Z]+) (.*)$", stage, re.MULTILINE) for stage in stages]
        self.root = place / "root"

    def make(self) -> None:
        """Follow the instructions. Packages are this machine's, and no runtime is added."""
        (install,) = [text for kind, text in self._build if kind == "RUN" and "scripts/install" in text]
        installed, _, _ = install.partition(" && ")
        assert installed.startswith("DESTDIR=/image scripts/install")
        made = installed.replace("DESTDIR=/image", f"DESTDIR={self._place}/image").replace('"$EXTRA"', "none")
        run("sh", "-ec", f"cd {self._checkout}; {made}")
        self._mount()
        self.inside("userdel ocrspool || true; groupdel ocrspool || true")  # the machine's own
        for kind, text in self._final:
            if kind == "RUN":
                steps = [step for step in text.split(" && ") if not re.match(r" *(apt-get|rm -rf) ", step)]
                self.inside(" && ".join(steps))
            elif kind == "COPY":
                assert text == "--from=build /image /"
                run("cp", "--archive", f"{self._place}/image/.", self.root)

    def _mount(self) -> None:
        """Lay a file system in memory over that of the machine, without what the machine has of ours."""
        layers = self._place / "layers"
        self.root.mkdir()
        layers.mkdir()
        run("mount", "-t", "tmpfs", "image", layers)
        (layers / "upper").mkdir()
        (layers / "way").mkdir()
        options = f"lowerdir=/,upperdir={layers}/upper,workdir={layers}/way"
        run("mount", "-t", "overlay", "-o", options, "overlay", self.root)
        for name in _FOLDERS:
            shutil.rmtree(self.root / name, ignore_errors=True)

    def inside(self, command: str) -> None:
        """Run shell commands in it, as root."""
        run("chroot", self.root, "sh", "-ec", command)

    def attach(self) -> None:
        """Mount what a container has beside its image: devices, processes and volumes, and the checkout at /mnt."""
        run("mount", "--bind", "-o", "ro", self._checkout, self.root / "mnt")
        for name in ("dev", "proc"):
            run("mount", "--rbind", f"/{name}", self.root / name)
        for name in _WRITABLE:
            (self.root / name).mkdir(parents=True, exist_ok=True)
            run("mount", "--bind", self.root / name, self.root / name)

    def command(self, *arguments: str) -> list[str]:
        """Return a command that runs the entry point as Podman does for the Quadlet files: confined, read-only."""
        user = self._last("USER")
        uid = run("chroot", self.root, "id", "-u", user).stdout.strip()
        rights = f"--reuid={uid} --regid={uid} --clear-groups --bounding-set=-all --inh-caps=-all --no-new-privs"
        entry = json.loads(self._last("ENTRYPOINT"))
        confined = f'umask 0007 && exec chroot {self.root} setpriv {rights} -- "$@"'
        inner = f"mount -o remount,bind,ro {self.root} && {confined}"
        return ["unshare", "--net", "--mount", "--ipc", "--uts", "sh", "-ec", inner, "sh", *entry, *arguments]

    def _last(self, kind: str) -> str:
        """Return the last instruction of a kind."""
        found: str = [text for each, text in self._final if each == kind][-1]
        return found

    def remove(self) -> None:
        """Unmount it, with all that is mounted in it."""
        run("umount", "--recursive", "--lazy", self.root, check=False)
        run("umount", "--lazy", self._place / "layers", check=False)
        shutil.rmtree(self._place, ignore_errors=True)
