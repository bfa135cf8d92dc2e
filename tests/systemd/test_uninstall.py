"""scripts/uninstall: the program goes, what is the user's stays, unless it is to go too."""

from __future__ import annotations

import re
from pathlib import Path

from support.drawn_pages import png
from support.lab_machine import CONFIGURATION, OPT, SERVICE, SPOOL, Machine, run, tree

_PROGRAM = (
    OPT,
    Path("/usr/local/bin/ocrspool"),
    Path("/usr/local/lib/systemd/system/ocrspool.service"),
    Path("/usr/local/lib/systemd/system/ocrspool-prebuild.service"),
    Path("/usr/local/lib/systemd/system/ocrspool@.service"),
    Path("/usr/local/lib/systemd/system/ocrspool-prebuild@.service"),
    Path("/usr/local/lib/sysusers.d/ocrspool.conf"),
    Path("/usr/local/lib/tmpfiles.d/ocrspool.conf"),
    Path("/usr/local/share/man/man1/ocrspool.1"),
    Path("/usr/local/share/man/man5/ocrspool.toml.5"),
    Path("/usr/local/share/bash-completion/completions/ocrspool"),
    Path("/usr/local/share/zsh/site-functions/_ocrspool"),
    Path("/usr/local/share/fish/vendor_completions.d/ocrspool.fish"),
    Path("/etc/systemd/system/multi-user.target.wants/ocrspool.service"),
    Path("/run/ocrspool"),
)
_ENGINES = Path("/var/cache/ocrspool/engines")
_DROP_INS = Path("/etc/systemd/system/ocrspool.service.d")


def test_uninstall_keeps_what_is_the_users(serving: Machine) -> None:
    """Program, units and run-time files go; configuration, engines and documents stay; --dry-run changes nothing."""
    machine = serving
    machine.keep_program()
    machine.drop("kept.png", png("To be kept"))
    machine.wait_for(["kept.png"])
    before = tree("/etc/ocrspool", str(SPOOL)), [path for path in _PROGRAM if path.exists() or path.is_symlink()]
    machine.script("uninstall", "--dry-run", "--purge-documents")
    assert before == (tree("/etc/ocrspool", str(SPOOL)), list(_PROGRAM))
    machine.script("uninstall")
    assert not [path for path in _PROGRAM if path.exists() or path.is_symlink()]
    assert machine.show("LoadState") == "not-found"
    assert CONFIGURATION.is_file()
    assert list(_ENGINES.iterdir()), "on a GPU they take minutes to build"
    assert machine.names("done") == ["kept.png"]
    assert machine.names("outbox") == ["kept.png.json"]


def test_purge_leaves_documents(serving: Machine) -> None:
    """With --purge all goes but documents, and the user to whom they belong; they go when that is asked for by name."""
    serving.keep_program()
    serving.drop("kept.png", png("To be kept"))
    serving.wait_for(["kept.png"])
    serving.drop_in(SERVICE, "[Service]\nNice=1\n")
    said = serving.script("uninstall", "--purge").stdout
    # As many as there are: tests of other inboxes may have left some.
    assert re.search(r"\b([2-9]|\d\d+) files stay in /var/spool/ocrspool, and the user ocrspool", said)
    assert (serving.names("done"), serving.names("outbox")) == (["kept.png"], ["kept.png.json"])
    for path in (*_PROGRAM, Path("/etc/ocrspool"), Path("/var/lib/ocrspool"), _ENGINES, _DROP_INS, SPOOL / "inbox"):
        assert not path.exists(), path
    assert run("id", "ocrspool", check=False).returncode == 0
    serving.script("uninstall", "--purge-documents")
    assert not SPOOL.parent.exists()
    assert run("id", "ocrspool", check=False).returncode != 0
    serving.script("uninstall", "--purge-documents")  # once more is no error
