"""Imports point one way, each library has one home, and each process loads only what it needs."""

from __future__ import annotations

import ast
import graphlib
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "daemon"

LAYERS: tuple[frozenset[str], ...] = (
    # The package itself: its version.
    frozenset({""}),
    # Files below folders that others may write to.
    frozenset({"files"}),
    # Vocabulary, and adapters to one thing of the system each. They import nothing else of ours.
    frozenset({
        "errors", "model", "names", "inbox", "seccomp", "records", "wake", "journal", "notify", "channel",
        "environment", "filesystems", "processes", "durations", "timestamps", "memory", "room", "metrics", "pace",
        "sparkline", "likeness", "listener", "engine_words", "config_types", "writers", "steps", "shortage",
        "threads", "inbox_words", "accounts",
        "installation", "words",
    }),
    # Built on one or two of those.
    frozenset({
        "config_words",
        "config", "health", "reasons", "sandbox", "result", "atomic", "places", "claim", "watch", "child", "tally",
        "log", "owner", "page_html", "spool_lock", "signals", "source",
    }),
    # What children are told, and what their answers mean; the folder that results appear in.
    frozenset({"worker_messages", "decoder_messages", "outbox"}),
    # One claimed file.
    frozenset({"jobs"}),
    # One decoder, and one worker, as the service sees them; the place of that in the pool.
    frozenset({"decoder", "worker_process", "growing"}),
    frozenset({"seat"}),
    # The steps of the line, each for itself: none knows another.
    frozenset({
        "spool", "decode", "decoders", "engine", "workers", "render", "check", "config_file", "report",
    }),
    # What joins a step with its surroundings, and the worker's process.
    frozenset({
        "intake", "folders", "document", "outputs", "hooks", "refusals", "prebuild", "worker", "doctor", "audit",
        "page", "reload",
    }),
    # Where the text of a page comes from.
    frozenset({"own_text"}),
    # One attempt at a job; the jobs of an inbox; where jobs come from and go to.
    frozenset({"progress", "in_work", "outcomes", "touching"}),
    # The thread of an inbox.
    frozenset({"attendant"}),
    # All inboxes, and the one place that knows the whole line.
    frozenset({"inboxes", "pipeline"}),
    # How all of that is.
    frozenset({"vitals"}),
    # The daemon's life.
    frozenset({"service"}),
    # The commands.
    frozenset({"cli"}),
    # The entry point.
    frozenset({"__main__"}),
)  # fmt: skip
"""From the ground up. A module imports from lower layers only; a folder counts as one module to all others."""

SIBLINGS: frozenset[tuple[str, str]] = frozenset({("decode", "render")})
"""Who may import whom within a layer: what shows pages is made where they are decoded."""

ONLY_FROM = {
    "decode": frozenset[str](),  # started as a process, with hostile files: nothing of it gets into another
    "worker": frozenset[str](),  # likewise a process
    # Commands and what they look at are not the service; they load the light modules only.
    "engine": frozenset({"worker", "cli", "doctor"}),
    "doctor": frozenset({"cli"}),
    "audit": frozenset({"cli"}),
    "pipeline": frozenset({"service", "cli"}),
    "service": frozenset({"cli"}),
    "cli": frozenset({"__main__"}),
}
"""Who may import these, apart from themselves."""

LIBRARIES = {
    "PIL": {"decode"},
    "cv2": {"engine"},
    "numpy": {"engine"},
    "onnx": {"engine.onnx_graph"},
    "onnxruntime": {"engine.onnxruntime"},
    "openvino": {"engine.openvino"},
    "orjson": {"render"},
    "paddle": {"engine.paddle"},
    "pikepdf": {"render.pdf"},
    "prometheus_client": {"metrics"},
    # For results: the schema, and whether one fits it.
    "pydantic": {"config", "config_types", "config_file", "decoder_messages", "cli.configuration", "audit.results"},
    "pydantic_core": {"config_file"},
    "pynvml": {"engine.gpu"},
    "pypdfium2": {
        "decode.pdf",
        "decode.pdf_text",
        "decode.pdf_names",
        "decode.pdf_elsewhere",
        "decode.pdf_strings",
        "decode.pdf_annotations",
        "decode.pdf_drawn",
        "decode.pdf_trust",
    },
    "rich": {"cli"},
    "sdnotify": {"notify"},
    "tomli": {"config_file"},
    "watchdog": {"watch"},
    "yaml": {"engine.inference_yml"},
}
"""Each third-party library and the module or folder that is its home."""


@dataclass(frozen=True)
class Module:
    """One file: its name below the package, and all that it imports, wherever in it that stands."""

    name: str
    ours: frozenset[str]
    libraries: frozenset[str]

    @property
    def unit(self) -> str:
        return self.name.partition(".")[0]


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT / "ocrspool").with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


PATHS = {name_of(path): path for path in (ROOT / "ocrspool").rglob("*.py")}


def imported(tree: ast.AST) -> set[str]:
    """Return the full name of everything imported; of `from a import b` both `a` and `a.b`."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            assert node.module is not None
            submodules = {f"{node.module}.{alias.name}" for alias in node.names} & {
                f"ocrspool.{name}" for name in PATHS
            }
            rest = {node.module} if len(submodules) < len(node.names) else set()
            found |= submodules | rest
    return found


def parse(name: str) -> Module:
    everything = imported(ast.parse(PATHS[name].read_text("utf-8")))
    ours = {full.removeprefix("ocrspool").removeprefix(".") for full in everything if full.split(".")[0] == "ocrspool"}
    others = {full.partition(".")[0] for full in everything} - {"ocrspool"} - set(sys.stdlib_module_names)
    return Module(name, frozenset(ours), frozenset(others))


MODULES = [parse(name) for name in sorted(PATHS)]


def unit_of(name: str) -> str:
    return name.partition(".")[0]


def layer(unit: str) -> int:
    return next(number for number, units in enumerate(LAYERS) if unit in units)


def test_the_walk_sees_imports() -> None:
    """The test would be blind if it found nothing: some imports that are known to be there are."""
    by_name = {module.name: module for module in MODULES}
    assert len(MODULES) > 40
    assert {"claim", "inbox", "names"} <= by_name["spool"].ours
    assert "service" in by_name["cli.commands"].ours, "imports within functions count"
    assert "engine.net" in by_name["engine.plan"].ours, "imports for the type checker count"
    assert "openvino" in by_name["engine.openvino"].libraries


def test_every_module_has_a_layer() -> None:
    """A new module gets a place in the table, once; a removed one leaves it."""
    listed = [unit for units in LAYERS for unit in units]
    assert sorted(listed) == sorted({module.unit for module in MODULES})


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name or "ocrspool")
def test_imports_point_down(module: Module) -> None:
    """Nothing is imported from a higher layer, and from the same one only what the table allows."""
    for name in module.ours:
        unit = unit_of(name)
        if unit != module.unit and (module.unit, unit) not in SIBLINGS:
            assert layer(unit) < layer(module.unit), f"{module.name} imports {name}"
        if unit != module.unit and unit in ONLY_FROM:
            assert module.unit in ONLY_FROM[unit], f"{module.name} imports {name}"


def test_no_cycles() -> None:
    """No module imports itself by a detour, not within a folder either."""
    graph = {module.name: module.ours - {module.name} for module in MODULES}
    order = list(graphlib.TopologicalSorter(graph).static_order())
    assert set(order) == set(graph)


def test_each_library_has_one_home() -> None:
    """A library is imported where the table says, there for sure, and nowhere else; so it can be replaced."""
    homes: dict[str, set[str]] = {}
    for module in MODULES:
        for library in module.libraries:
            allowed = LIBRARIES.get(library, set())
            home = next((place for place in allowed if f"{module.name}.".startswith(f"{place}.")), None)
            assert home is not None, f"{module.name} imports {library}"
            homes.setdefault(library, set()).add(home)
    assert homes == LIBRARIES


HEAVY = {"numpy", "cv2", "PIL", "onnx", "onnxruntime", "openvino", "pypdfium2", "pikepdf"}


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("ocrspool.service", {*HEAVY, "rich", "prometheus_client", "http"}),
        ("ocrspool.web.status_page", {*HEAVY, "rich", "prometheus_client"}),
        ("ocrspool.recognition.child", {*HEAVY, "rich", "watchdog"}),  # those that it needs come with the engine
        ("ocrspool.decoding.child.__main__", {"numpy", "cv2", "openvino", "pydantic", "rich", "watchdog", "pikepdf"}),
        ("ocrspool.cli.main", {*HEAVY, "rich", "watchdog"}),
        ("ocrspool.doctor.run", {*HEAVY, "rich", "watchdog", "onnxruntime", "paddle", "pynvml"}),
        ("ocrspool.cli.engines", {*HEAVY, "watchdog", "onnxruntime", "paddle"}),
        ("ocrspool.engine.cache.archive", {*HEAVY, "rich", "watchdog", "pydantic"}),
        ("ocrspool.__main__", {*HEAVY, "rich", "watchdog", "pydantic", "argparse"}),
    ],
)
def test_a_process_loads_only_what_it_needs(module: str, unwanted: set[str]) -> None:
    """In an interpreter of its own: the service stays small and safe from image libraries, children start fast."""
    code = f"import sys, {module}; print(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    found = subprocess.run(
        [sys.executable, "-I", "-c", code], check=True, capture_output=True, text=True
    ).stdout.split()
    assert "ocrspool" in found
    assert not unwanted & set(found)


@dataclass(frozen=True)
class Budget:
    """What a process may import before it does anything: this is most of the time that a start takes."""

    libraries: frozenset[str]
    """Third-party packages, all of them."""
    heavy: frozenset[str]
    """Those of the standard library that cost milliseconds, of COSTLY."""
    modules: int
    """How many modules in all; a tenth of room, because Python and its libraries change."""


COSTLY = frozenset({
    "argparse", "asyncio", "csv", "ctypes", "decimal", "difflib", "email", "html", "http", "importlib.metadata",
    "inspect", "multiprocessing", "optparse", "pdb", "pickle", "pydoc", "sqlite3", "ssl", "tarfile", "tempfile",
    "unittest", "uuid", "xml", "zipfile",
})  # fmt: skip

BUDGETS = {
    "ocrspool.service": Budget(
        # pydantic brings all of the standard library's that is listed here.
        frozenset({
            "annotated_types", "orjson", "pydantic", "pydantic_core", "sdnotify", "tomli", "typing_extensions",
            "typing_inspection", "watchdog",
        }),
        frozenset({
            "csv", "ctypes", "decimal", "difflib", "email", "html", "importlib.metadata", "inspect", "tempfile", "uuid",
            "zipfile",
        }),
        360,
    ),
    # PDFium too: a decoder gives up files before the first document, and can load nothing after that.
    "ocrspool.decoding.child.__main__": Budget(
        frozenset({"PIL", "pypdfium2", "pypdfium2_cfg", "pypdfium2_raw"}),
        frozenset({"argparse", "ctypes", "decimal", "html", "inspect", "tempfile", "uuid"}),
        265,
    ),
    # importlib.metadata says which runtime is installed, and brings the others.
    "ocrspool.recognition.child": Budget(
        frozenset(),
        frozenset({"csv", "ctypes", "difflib", "email", "importlib.metadata", "inspect", "tempfile", "zipfile"}),
        220,
    ),
    "ocrspool.engine.loader": Budget(
        frozenset({"cv2", "numpy"}),
        frozenset({"ctypes", "decimal", "difflib", "inspect", "pickle", "tempfile"}),
        325,
    ),
}  # fmt: skip


@pytest.mark.parametrize("module", BUDGETS)
def test_a_start_imports_no_more_than_its_budget(module: str) -> None:
    """Whoever adds an import that every start pays for finds it here, and decides."""
    code = f"import sys, {module}; print(*sys.modules)"
    output = subprocess.run([sys.executable, "-I", "-c", code], check=True, capture_output=True, text=True).stdout
    loaded = set(output.split())
    ours_or_pythons = {"ocrspool", "sitecustomize", *sys.stdlib_module_names}  # Debian's Python has a sitecustomize
    packages = {name.partition(".")[0] for name in loaded} - ours_or_pythons
    budget = BUDGETS[module]
    # Names that begin with an underscore, or end like this, are parts of what is installed, not libraries.
    libraries = {name for name in packages if not name.startswith("_") and not name.endswith("__mypyc")}
    assert libraries <= budget.libraries
    assert loaded & COSTLY <= budget.heavy
    assert len(loaded) <= budget.modules
