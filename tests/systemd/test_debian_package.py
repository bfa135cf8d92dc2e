"""The Debian package, as `scripts/deb` makes it, from a checkout to an active service, and away again."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from support.drawn_pages import png, says
from support.lab_machine import CONFIGURATION, PREBUILD, SERVICE, SPOOL, Machine, dpkg, run

_OTHER = Path("/opt/ocrspool/made-from")
_PROGRAM = Path("/usr/lib/ocrspool")
_MADE_AGAIN = (Path("/var/cache/ocrspool"), Path("/var/lib/ocrspool"), Path("/run/ocrspool"))


@pytest.fixture(scope="module")
def installed(package: Path, bare_machine: Machine) -> Machine:
    """The machine with the package on it."""
    dpkg("--install", package)
    return bare_machine


def test_it_refuses_to_lie_beside_the_other_installation(package: Path) -> None:
    """Where scripts/install has been, the package says what to do, and is not installed."""
    _OTHER.parent.mkdir()
    _OTHER.touch()
    assert "scripts/uninstall" in dpkg("--install", package, check=False)
    assert not _PROGRAM.exists()
    shutil.rmtree(_OTHER.parent)
    dpkg("--purge", "ocrspool")


def test_installing_leads_to_a_service_that_reads(installed: Machine) -> None:
    """After dpkg the service is active and enabled, and a document that is dropped comes out."""
    assert installed.show("ActiveState") == "active"
    assert installed.show("UnitFileState") == "enabled"
    installed.drop("page.png", png("Out of a package"))
    assert says(installed.wait_for(["page.png"])["page.png"], "Out of a package")


def test_nothing_of_it_is_missing(installed: Machine) -> None:
    """Command, manual and copyright are there; systemd finds no fault in the units; no path is that of the build."""
    assert run("ocrspool", "--version").stdout.startswith("ocrspool ")
    assert (_PROGRAM / "bin/ocrspool").read_bytes().startswith(b"#!/usr/lib/ocrspool/bin/python")
    assert not run("grep", "-rlIF", "/tmp", _PROGRAM / "bin", _PROGRAM / "pyvenv.cfg", check=False).stdout  # noqa: S108
    assert not list(_PROGRAM.rglob("direct_url.json"))  # where pip notes it, too
    assert not run("systemd-analyze", "verify", "--recursive-errors=no", SERVICE, PREBUILD).stdout
    assert not run("dpkg", "--verify", "ocrspool").stdout
    owned = run("dpkg", "--listfiles", "ocrspool").stdout.splitlines()
    for name in ("man/man1/ocrspool.1.gz", "man/man5/ocrspool.toml.5.gz", "doc/ocrspool/copyright"):
        assert f"/usr/share/{name}" in owned
    assert "openvino" in Path("/usr/share/doc/ocrspool/copyright").read_text("utf-8")
    assert not [name for name in owned if "/pip/" in name]
    documents = Path("/usr/share/doc/ocrspool")
    dead = [
        f"{document} → {link}"
        for document in documents.rglob("*.md")
        for link in re.findall(r"\]\(([^)#:\s]+)(?=[)#])", document.read_text("utf-8"))
        if not (document.parent / link).resolve().exists()
    ]
    assert not dead
    assert "/usr/share/doc/ocrspool/docs/inboxes.md" in owned
    unlinked = f"find {_PROGRAM} -name '*.so*' -type f -exec ldd {{}} + | grep 'not found' | grep -v libOpenCL"
    assert not run("sh", "-c", unlinked, check=False).stdout
    assert installed.show("ActiveState") == "active"


def test_the_other_installation_refuses_too(installed: Machine) -> None:
    """Where the package is, scripts/install says what to do, and installs nothing."""
    said = installed.script("install", check=False)
    assert said.returncode == 69
    assert "apt-get remove ocrspool" in said.stdout
    assert not _OTHER.parent.exists()


def next_version(package: Path, folder: Path) -> Path:
    """The same package as a higher version of it."""
    dpkg_deb("--raw-extract", package, folder / "root")
    control = folder / "root/DEBIAN/control"
    control.write_text(re.sub(r"(?m)^Version: .*$", r"\g<0>.1", control.read_text("utf-8")), "utf-8")
    dpkg_deb("--root-owner-group", "-Zzstd", "-z1", "--build", folder / "root", folder / "next.deb")
    return folder / "next.deb"


def test_an_upgrade_keeps_what_is_there(installed: Machine, package: Path, tmp_path: Path) -> None:
    """The configuration, the engines, a file that waits, and that the service is enabled and runs: all as it was."""
    with CONFIGURATION.open("a") as file:
        file.write("# an administrator's own words\n")
    before = version()
    pid = installed.pid
    blobs = {path: path.stat().st_ino for path in Path("/var/cache/ocrspool").rglob("*.blob")}
    assert blobs
    waiting = SPOOL / "inbox/later.png.part"  # not taken while it has this name
    waiting.write_bytes(png("Waited for an upgrade"))
    dpkg("--install", next_version(package, tmp_path))
    assert version() == f"{before}.1"
    assert CONFIGURATION.read_text("utf-8").endswith("# an administrator's own words\n")
    assert (installed.show("ActiveState"), installed.show("UnitFileState")) == ("active", "enabled")
    assert installed.pid != pid
    assert {path: path.stat().st_ino for path in Path("/var/cache/ocrspool").rglob("*.blob")} == blobs
    assert installed.names("done") == ["page.png"]
    waiting.rename(waiting.with_suffix(""))
    results = installed.wait_for(["page.png", "later.png"])
    assert says(results["later.png"], "Waited for an upgrade")


def test_an_upgrade_leaves_a_disabled_service_alone(installed: Machine, package: Path) -> None:
    """Whoever has stopped and disabled it finds it so, also after the way back to the version before."""
    run("systemctl", "disable", "--now", SERVICE)
    dpkg("--install", package)
    assert (installed.show("ActiveState"), installed.show("UnitFileState")) == ("inactive", "disabled")


def test_an_upgrade_starts_again_what_ran(installed: Machine, package: Path) -> None:
    """A service that is disabled, and was started by hand, runs after an upgrade, and is as disabled as before."""
    run("systemctl", "start", SERVICE)
    dpkg("--install", package)
    assert (installed.show("ActiveState"), installed.show("UnitFileState")) == ("active", "disabled")
    run("systemctl", "stop", SERVICE)


def version() -> str:
    """The version of the package that is installed."""
    return run("dpkg-query", "--show", "--showformat=${Version}", "ocrspool").stdout


def dpkg_deb(*arguments: str | Path) -> None:
    run("dpkg-deb", *arguments)


def test_removing_and_purging_leave_the_documents(installed: Machine) -> None:
    """Removed, it leaves the configuration; purged, nothing but documents."""
    dpkg("--remove", "ocrspool")
    assert installed.show("LoadState") == "not-found"
    assert not _PROGRAM.exists()
    assert CONFIGURATION.is_file()
    said = dpkg("--purge", "ocrspool")
    assert not CONFIGURATION.parent.exists()
    assert not [folder for folder in _MADE_AGAIN if folder.exists()]
    assert not Path("/etc/systemd/system/multi-user.target.wants/ocrspool.service").is_symlink()
    assert "the documents stay in /var/spool/ocrspool" in said
    assert sorted(SPOOL.rglob("*")) == [
        SPOOL / "done",
        SPOOL / "done/later.png",
        SPOOL / "done/page.png",
        SPOOL / "outbox",
        SPOOL / "outbox/later.png.json",
        SPOOL / "outbox/page.png.json",
    ]
