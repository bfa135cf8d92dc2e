"""scripts/structure: which packages there are, which may import which, and how large their parts are.

`scripts/structure` prints the figures, `scripts/structure --diagram` the diagram of docs/architecture.md.
tests/test_imports.py holds the code against the table below, and the diagram against what this prints.
"""

from __future__ import annotations

import ast
import statistics
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

CODE = Path(__file__).parents[1] / "daemon" / "ocrspool"

GROUND = (
    "errors",
    "pages",
    "formatting",
    "text_similarity",
    "engine_request",
    "layout",
    "blocks",
    "files",
    "machine",
    "processes",
    "results",
    "observability",
)
"""Packages and modules that everything else may stand on."""

MAY_IMPORT: Mapping[str, tuple[str, ...]] = {
    # Ground.
    "": (),
    "errors": (),
    "pages": (),
    "formatting": (),
    "text_similarity": (),
    "engine_request": (),
    "layout": ("pages",),
    "blocks": ("layout", "pages"),
    "files": ("errors",),
    "machine": ("errors",),
    "processes": ("errors", "files", "machine"),
    "results": ("", "pages"),
    "observability": ("files", "formatting", "results"),
    # Steps of a job.
    "spool": ("errors", "files", "formatting", "results"),
    "config": (
        *("engine_request", "errors", "files", "formatting", "machine", "observability", "pages", "results", "spool"),
    ),
    "render": ("blocks", "errors", "layout", "pages", "results"),
    "intake": ("config", "errors", "files", "observability", "processes", "results", "spool"),
    "decoding": ("config", "errors", "files", "pages", "processes", "render", "results", "text_similarity"),
    "engine": ("", "engine_request", "errors", "files", "formatting", "layout", "machine", "pages", "processes"),
    "recognition": (
        *(
            "",
            "config",
            "decoding",
            "engine",
            "engine_request",
            "errors",
            "files",
            "formatting",
            "machine",
            "observability",
            "pages",
        ),
        "processes",
    ),
    # From claim to outcome.
    "pipeline": (
        *("blocks", "config", "decoding", "errors", "files", "formatting", "observability", "pages", "processes"),
        *("recognition", "render", "results", "spool", "text_similarity"),
    ),
    # What people and programs see of it.
    "web": ("config", "errors", "files", "formatting", "observability", "render", "results", "spool"),
    "audit": ("errors", "files", "formatting", "processes", "results", "spool"),
    # Other machines that read for this one.
    "cluster": ("", "config", "decoding", "errors", "observability", "pages", "processes", "recognition"),
    "doctor": ("", "cluster", "config", "engine", "engine_request", "errors", "formatting", "machine", "processes"),
    "service": (
        *("config", "decoding", "errors", "files", "formatting", "intake", "machine", "observability", "pipeline"),
        *("processes", "recognition", "results", "spool", "web"),
    ),
    "cli": (
        *("", "audit", "cluster", "config", "decoding", "doctor", "engine", "errors", "files", "formatting", "intake"),
        *("machine", "observability", "pages", "pipeline", "processes", "recognition", "results", "service", "spool"),
    ),
    "__main__": ("cli",),
}
"""Each package, or module that lies beside them, and the only ones that it may import; from the ground up."""

MAY_IMPORT_IN_ENGINE: Mapping[str, tuple[str, ...]] = {
    "spec": (),
    "stages": (),
    "file_stamps": (),
    "detection": ("spec",),
    "remote_nets": ("spec",),
    "runtimes": ("file_stamps", "spec"),
    "models": ("runtimes", "spec"),
    "shapes": ("models", "spec"),
    "reading": ("models", "spec"),
    "readers": ("models", "reading", "spec"),
    "cache": ("models", "spec"),
    "ocr": ("detection", "models", "readers", "reading", "runtimes", "spec"),
    "identity": ("runtimes",),
    "test_pages": ("ocr", "spec"),
    "plan": ("cache", "identity", "models", "runtimes", "shapes"),
    "further_readers": ("cache", "models", "plan", "readers", "reading", "runtimes", "spec", "test_pages"),
    "further_finders": ("cache", "detection", "ocr", "plan", "spec", "test_pages"),
    "loader": (
        "further_readers",
        "further_finders",
        "cache",
        "detection",
        "file_stamps",
        "models",
        "ocr",
        "plan",
        "readers",
        "reading",
        "runtimes",
        "spec",
        "stages",
        "test_pages",
    ),
    "build": (
        "cache",
        "further_finders",
        "identity",
        "loader",
        "models",
        "plan",
        "shapes",
        "spec",
        "stages",
        "test_pages",
    ),
}
"""The same within the engine."""


@dataclass(frozen=True)
class Module:
    """One file: its name below the package, all that it imports, wherever in it that stands, and its length."""

    name: str
    ours: frozenset[str]
    libraries: frozenset[str]
    lines: int
    functions: tuple[int, ...]
    """Lines of each function."""

    @property
    def package(self) -> str:
        """The package that it belongs to, or its own name."""
        return self.name.partition(".")[0]


def modules() -> list[Module]:
    """Return every module of the program."""
    paths = {_name_of(path): path for path in CODE.rglob("*.py")}
    known = frozenset(f"ocrspool.{name}" for name in paths)
    return [_module(name, paths[name], known) for name in sorted(paths)]


def arrows(found: list[Module], inside: str = "") -> set[tuple[str, str]]:
    """Return which package imports which; with `inside`, the parts of that package."""
    depth = inside.count(".") + 1 if inside else 0
    prefix = f"{inside}." if inside else ""

    def part(name: str) -> str:
        return name.split(".")[depth] if name.startswith(prefix) and name != inside else ""

    pairs = {
        (part(module.name), part(other))
        for module in found
        if module.name.startswith(prefix)
        for other in module.ours
        if other.startswith(prefix)
    }
    return {(one, other) for one, other in pairs if one != other and (not inside or (one and other))}


def reduced(table: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, str]]:
    """Yield the arrows of the table without those that follow from others (transitive reduction)."""
    reach: dict[str, set[str]] = {}
    for name, targets in table.items():  # from the ground up, so that all targets have been seen
        reach[name] = set(targets).union(*(reach[target] for target in targets))
    for name, targets in table.items():
        for target in targets:
            if not any(target in reach[other] for other in targets if other != target):
                yield name, target


def diagram() -> str:
    """Return the packages as a Mermaid flowchart: an arrow points to what is imported; the ground is one box."""
    steps = {
        name: tuple({("ground" if target in GROUND else target): None for target in targets if target})
        for name, targets in MAY_IMPORT.items()
        if name and name not in GROUND
    }
    lines = [f"    {name} --> {target}" for name, target in reduced({"ground": (), **steps})]
    ground = " · ".join(GROUND)
    return "\n".join(["flowchart TD", f'    ground["{ground}"]', *lines, ""])


def figures() -> str:
    """Return the figures, for people."""
    found = modules()
    by_folder = Counter(module.name.rpartition(".")[0] for module in found if module.name)
    folder, most = by_folder.most_common(1)[0]
    lengths = [module.lines for module in found]
    functions = [lines for module in found for lines in module.functions]
    longest = max(found, key=lambda module: module.lines)
    boxes = {module.package for module in found}
    rows = [
        ("modules", len(found)),
        ("packages and modules at the top", len(boxes)),
        ("arrows between them", len(arrows(found))),
        ("most modules in one folder", f"{most} (ocrspool{'.' if folder else ''}{folder})"),
        ("lines of a module, median", f"{statistics.median(lengths):.0f}"),
        ("lines of the longest module", f"{longest.lines} ({longest.name})"),
        ("lines of a function, median", f"{statistics.median(functions):.0f}"),
        ("lines of the longest function", max(functions)),
    ]
    return "".join(f"{name:<34}{value}\n" for name, value in rows)


def _name_of(path: Path) -> str:
    parts = path.relative_to(CODE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _module(name: str, path: Path, known: frozenset[str]) -> Module:
    text = path.read_text("utf-8")
    nodes = list(ast.walk(ast.parse(text)))
    everything = _imported(nodes, known)
    ours = {full.removeprefix("ocrspool").removeprefix(".") for full in everything if full.split(".")[0] == "ocrspool"}
    others = {full.partition(".")[0] for full in everything} - {"ocrspool"} - set(sys.stdlib_module_names)
    functions = tuple(
        (node.end_lineno or node.lineno) - node.lineno + 1
        for node in nodes
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    return Module(name, frozenset(ours), frozenset(others), text.count("\n"), functions)


def _imported(nodes: list[ast.AST], known: frozenset[str]) -> set[str]:
    """Return the full name of everything imported. `from a import b` means `a.b` where that is a module, else `a`."""
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            if node.level or node.module is None:
                raise ValueError("imports are absolute")
            submodules = {f"{node.module}.{alias.name}" for alias in node.names} & known
            found |= submodules | ({node.module} if len(submodules) < len(node.names) else set())
    return found


if __name__ == "__main__":
    print(diagram() if "--diagram" in sys.argv else figures(), end="")
