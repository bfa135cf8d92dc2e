"""The code that handles folders of a spool does so by descriptors: what it may not call is refused here.

A call that takes a path looks the path up once more, and meanwhile a member of the group can have put a link there.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

CODE = Path(__file__).parents[2] / "daemon/ocrspool"

ALLOWED = {
    # The one home of such calls.
    "files": "it opens folders step by step, and all else by their descriptors",
    # Private ground: only the service's user, root and the administrator write there.
    "engine": "the engine cache, models and /proc",
    "doctor": "the machine and the configuration; it reads, and changes nothing",
    "render": "no files at all, but descriptors that are open",
    "config.loader": "the configuration",
    "config.preflight": "the folders that the configuration names, as they are: it looks, and changes nothing",
    "cli.engines": "the engine cache, and archives that the administrator names",
    "cli.inbox": "the configuration and drop-ins of units, which are root's",
    "cli.inbox_folders": "the place that root names for an inbox, before there is one; all else by descriptors",
    "cli.once": "the outbox that the user names, that folder itself; and a temporary folder of its own",
    "cli.once_engine": "engine caches, to find one that this user may use",
    "cli.service_user": "the engine cache, to tell whose it is",
    "cli.status": "the run-time folder",
    "cli.hangup": "the engine cache",
    "cli.main": "paths as values",
    "intake.local_files": "files and folders that the user of `once` names: they are only listed and read",
    "cluster.certificates": "a folder that the administrator names, for keys; nothing in it is followed or overwritten",
    "cluster.dask.options": "certificates and keys that the configuration names",
    "cluster.files": "/proc, for a memory file of its own",
    "cluster.node": "the run-time folder",
    "decoding.facts": "the folders of fonts, which are root's: they are only listed",
    "recognition.hosts.program": "the modules of the program itself",
    "observability.status": "the run-time folder",
    "service.daemon": "the run-time folder",
    "web.server": "a socket in the run-time folder",
    "files.mounts": "/proc, and where a folder is mounted",
    "machine": "this host: /proc, /sys, native libraries, how the program was installed",
    "processes.sandbox": "folders of fonts",
    "processes.child": "/proc",
    "processes.processor_time": "/proc",
    "processes.standard_input": "the null device; the file of a hook by files.open_path",
    "web.health": "a socket in the run-time folder",
    "results.reader": "a result that another program names; the service does not use it",
    "spool.growing_files": "files in work/, which is closed to all others",
}
"""Modules, and packages, that may, with why."""

OF_OS = {
    *("access", "chmod", "chown", "lchown", "link", "listdir", "lstat", "makedirs", "mkdir", "mkfifo", "open"),
    *("readlink", "remove", "removedirs", "rename", "renames", "replace", "rmdir", "scandir", "stat", "symlink"),
    *("truncate", "unlink", "utime", "walk"),
}
"""Functions of os that take a path, unless a descriptor of a folder is given with it."""
OF_PATHS = {
    *("chmod", "exists", "glob", "hardlink_to", "is_dir", "is_file", "is_symlink", "iterdir", "lchmod", "lstat"),
    *("mkdir", "open", "read_bytes", "read_text", "readlink", "rename", "resolve", "rglob", "rmdir", "stat"),
    *("symlink_to", "touch", "unlink", "write_bytes", "write_text"),
}
"""Methods of pathlib.Path."""
OF_OTHERS = {"shutil": {"copy", "copy2", "copyfile", "copytree", "move", "rmtree"}, "glob": {"glob", "iglob"}}
_OTHERS = {
    *("folder", "holder", "at", "work", "outbox", "above", "private", "opened", "before", "after"),
    *("inbox", "entry", "self", "super()", "lock", "decoder", "spool", "intake", "found"),
}
"""What variables of a Folder are called, of an entry of one, and of other things that can be opened: their methods have
names that those of a path have. A path is never called so where it is used for such a call."""


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(CODE).with_suffix("").parts).removesuffix(".__init__")


def is_allowed(module: str) -> bool:
    return any(f"{module}.".startswith(f"{name}.") for name in ALLOWED)


def calls(tree: ast.AST) -> list[tuple[int, str]]:
    """Return each call that looks a path up, with its line."""
    found: list[tuple[int, str]] = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Name) and node.func.id == "open":
            keeps = any(keyword.arg == "closefd" for keyword in node.keywords)  # of a descriptor
            found += [] if keeps else [(node.lineno, "open")]
        elif isinstance(node.func, ast.Attribute):
            owner, name = ast.unparse(node.func.value), node.func.attr
            by_descriptor = any((keyword.arg or "").endswith("dir_fd") for keyword in node.keywords)
            by_descriptor |= bool(node.args) and ast.unparse(node.args[0]).endswith("descriptor")
            if owner == "os" and name in OF_OS and not by_descriptor:
                found.append((node.lineno, f"os.{name}"))
            elif name in OF_OTHERS.get(owner, set()):
                found.append((node.lineno, f"{owner}.{name}"))
            elif owner == "os.path" and name not in {"basename", "dirname", "join", "samestat", "normpath"}:
                found.append((node.lineno, f"os.path.{name}"))
            elif (
                owner.rpartition(".")[2].lstrip("_") not in {"os", *_OTHERS}
                and name in OF_PATHS
                and owner not in OF_OTHERS
            ):
                found.append((node.lineno, f"{owner}.{name}"))
    return found


MODULES = {module_of(path): path for path in CODE.rglob("*.py")}


@pytest.mark.parametrize("module", sorted(name for name in MODULES if not is_allowed(name)))
def test_no_path_is_looked_up(module: str) -> None:
    """In all modules that are not on the list. Say there why another one may, or use ocrspool.files.folder."""
    assert calls(ast.parse(MODULES[module].read_text("utf-8"))) == []


def test_the_list_is_of_modules_that_are_there() -> None:
    """Each name on the list is a module or a package, and has such a call: else it is to be taken off."""
    for name in ALLOWED:
        trees = [
            ast.parse(path.read_text("utf-8"))
            for module, path in MODULES.items()
            if f"{module}.".startswith(f"{name}.")
        ]
        assert any(calls(tree) for tree in trees), name


@pytest.mark.parametrize(
    "code",
    [
        "os.rename(a, b)",
        "os.open(path, flags)",
        "open(path)",
        "path.unlink(missing_ok=True)",
        "(folder / 'x').write_bytes(b'')",
        "shutil.rmtree(path)",
        "os.path.exists(path)",
        "reason_beside(path).rename(other)",
    ],
)
def test_what_is_refused(code: str) -> None:
    """The walk sees such calls."""
    assert len(calls(ast.parse(code))) == 1


@pytest.mark.parametrize(
    "code", ["os.rename(a, b, src_dir_fd=c, dst_dir_fd=d)", "folder.rename(a, holder, b)", "open(3, closefd=False)"]
)
def test_what_is_fine(code: str) -> None:
    """And not such ones."""
    assert calls(ast.parse(code)) == []
