"""scripts/uninstall: the program goes, what is the user's stays, unless it is to go too."""

from __future__ import annotations

from pathlib import Path

from support.drawn_pages import png
from support.lab_machine import CONFIGURATION, OPT, SPOOL, Machine, run, tree

_PROGRAM = (
    OPT,
    Path("/usr/local/bin/ocrspool"),
    Path("/usr/local/lib/systemd/system/ocrspool.service"),
    Path("/usr/local/lib/systemd/system/ocrspool-prebuild.service"),
    Path("/usr/local/lib/sysusers.d/ocrspool.conf"),
    Path("/usr/local/lib/tmpfiles.d/ocrspool.conf"),
    Path("/usr/local/share/man/man1/ocrspool.1"),
    Path("/usr/local/share/man/man5/ocrspool.toml.5"),
    Path("/usr/local/share/bash-completion/completions/ocrspool"),
    Path("/usr/local/share/zsh/site-functions/_ocrspool"),
    Path("/usr/local/share/fish/vendor_completions.d/ocrspool.fish"),
    Path("/etc/systemd/system/multi-user.target.wants/ocrspool.service"),
    Path("/var/cache/ocrspool"),
    Path("/run/ocrspool"),
)


def test_uninstall_keeps_what_is_the_users(serving: Machine) -> None:
    """Program, units, engines and run-time files go; configuration and documents stay; --dry-run changes nothing."""
    machine = serving
    machine.keep_program()
    machine.drop("kept.png", png("To be kept"))
    machine.wait_for(["kept.png"])
    before = tree("/etc/ocrspool", str(SPOOL)), [path for path in _PROGRAM if path.exists() or path.is_symlink()]
    machine.script("uninstall", "--dry-run", "--purge")
    assert before == (tree("/etc/ocrspool", str(SPOOL)), list(_PROGRAM))
    machine.script("uninstall")
    assert not [path for path in _PROGRAM if path.exists() or path.is_symlink()]
    assert machine.show("LoadState") == "not-found"
    assert CONFIGURATION.is_file()
    assert machine.names("done") == ["kept.png"]
    assert machine.names("outbox") == ["kept.png.json"]


def test_purge_leaves_nothing(serving: Machine) -> None:
    """With --purge, configuration, spool and user go as well, and a second run is no error."""
    serving.keep_program()
    serving.script("uninstall", "--purge")
    serving.script("uninstall", "--purge")
    for path in (*_PROGRAM, Path("/etc/ocrspool"), Path("/var/spool/ocrspool"), Path("/var/lib/ocrspool")):
        assert not path.exists(), path
    assert run("id", "ocrspool", check=False).returncode != 0
