"""Packages import what the table allows, each library has one home, and each process loads only what it needs."""

from __future__ import annotations

import graphlib
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tools import structure
from tools.structure import MAY_IMPORT, MAY_IMPORT_IN_ENGINE, Module

ARCHITECTURE = Path(__file__).parents[1] / "docs" / "architecture.md"

CONFINED = ("decoding.child", "recognition.child", "cluster.bridge.__main__", "pipeline.assembling.child")
"""Each is started as a process: nothing of it gets into another process."""

FOR_CHILD = frozenset(
    {
        *("errors", "pages", "text_similarity", "processes", "layout", "render", "results", "decoding.child"),
    }
)
"""What the decoder process may import of ours."""

LIBRARIES = {
    "PIL": {"decoding.child"},
    "cryptography": {"cluster.certificates"},
    "cv2": {"engine"},
    "dask": {"cluster.dask"},
    "distributed": {"cluster.dask"},
    "numpy": {"engine"},
    "onnx": {"engine.runtimes.onnxruntime.graph"},
    "onnxruntime": {"engine.runtimes.onnxruntime.session"},
    "openvino": {"engine.runtimes.openvino"},
    "orjson": {"processes.fast_json", "render"},
    "paddle": {"engine.runtimes.paddle"},
    "pikepdf": {"render.pdf"},
    "prometheus_client": {"web.metrics"},
    # For results: the schema, and whether one fits it.
    "pydantic": {
        *("recognition.hosts.answers", "recognition.hosts.file_answers"),  # what another machine says
        *("config", "decoding.protocol", "cli.json_schemas", "audit.outbox_checks", "observability.snapshot_file"),
    },
    "pydantic_core": {"config.loader"},
    "pynvml": {"machine.gpu"},
    "pypdfium2": {"decoding.child.pdf"},
    "rich": {"cli"},
    "sdnotify": {"observability.systemd"},
    "tesserocr": {"engine.readers.tesseract_process"},
    "tomli": {"config.loader"},
    "watchdog": {"intake.watcher"},
    "yaml": {"engine.models.inference_yml"},
}
"""Each third-party library and the module or folder that is its home."""


MODULES = structure.modules()


def test_the_walk_sees_imports() -> None:
    """The test would be blind if it found nothing: some imports that are known to be there are."""
    by_name = {module.name: module for module in MODULES}
    assert len(MODULES) > 40
    assert {"spool.claim", "spool.jobs", "spool.delivery"} <= by_name["spool.spool"].ours
    assert "service.daemon" in by_name["cli.commands"].ours, "imports within functions count"
    assert "engine.spec" in by_name["engine.runtimes.base"].ours, "imports for the type checker count"
    assert "openvino" in by_name["engine.runtimes.openvino.library"].libraries


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name or "ocrspool")
def test_imports_are_in_the_table(module: Module) -> None:
    """A package imports only those that the table names; a new package gets its row first."""
    for name in module.ours:
        other = name.partition(".")[0]
        assert other == module.package or other in MAY_IMPORT[module.package], f"{module.name} imports {name}"


@pytest.mark.parametrize(
    ("table", "inside"), [(MAY_IMPORT, ""), (MAY_IMPORT_IN_ENGINE, "engine")], ids=["packages", "engine"]
)
def test_the_table_is_the_code(table: Mapping[str, tuple[str, ...]], inside: str) -> None:
    """Every row and every arrow of the tables is in use: else it is to be taken off."""
    pairs = structure.arrows(MODULES, inside)
    assert pairs == {(name, target) for name, targets in table.items() for target in targets}
    names = {
        module.name.split(".")[1 if inside else 0]
        for module in MODULES
        if module.name.startswith(f"{inside}.") or not inside
    }
    assert set(table) == names


@pytest.mark.parametrize("table", [MAY_IMPORT, MAY_IMPORT_IN_ENGINE], ids=["packages", "engine"])
def test_packages_have_no_cycle(table: Mapping[str, tuple[str, ...]]) -> None:
    """The rows stand from the ground up: each names only rows above it."""
    names = list(table)
    for row, (name, targets) in enumerate(table.items()):
        assert all(names.index(target) < row for target in targets), name


def test_no_cycles() -> None:
    """No module imports itself by a detour, not within a package either."""
    graph = {module.name: module.ours - {module.name} for module in MODULES}
    order = list(graphlib.TopologicalSorter(graph).static_order())
    assert set(order) == set(graph)


@pytest.mark.parametrize("confined", CONFINED)
def test_nothing_imports_a_child_process(confined: str) -> None:
    """Neither the service nor a command loads what runs in a child process."""
    for module in MODULES:
        if not f"{module.name}.".startswith(f"{confined}."):
            assert not [name for name in module.ours if f"{name}.".startswith(f"{confined}.")], module.name


def test_the_decoder_process_knows_little() -> None:
    """The process that reads hostile files has nothing of the spool, the configuration or the network."""
    for module in MODULES:
        if f"{module.name}.".startswith("decoding.child."):
            others = {name for name in module.ours if not name.startswith("decoding.child")}
            assert {name.partition(".")[0] for name in others} <= FOR_CHILD, module.name


@pytest.mark.parametrize(
    ("package", "users"),
    [
        ("engine", {"recognition", "cli", "doctor"}),
        ("pipeline", {"service", "cli"}),
        ("service", {"cli"}),
        ("cli", {"__main__"}),
    ],
)
def test_few_import(package: str, users: set[str]) -> None:
    """The engine is not the service's; commands stand on everything, and nothing stands on them."""
    assert {name for name, targets in MAY_IMPORT.items() if package in targets} == users


def test_the_service_does_not_import_the_engine() -> None:
    """Of recognition only the process itself, and what commands use, may import the engine."""
    importers = {
        module.name
        for module in MODULES
        if module.package == "recognition" and any(name.startswith("engine") for name in module.ours)
    }
    assert {name.rpartition(".")[0] for name in importers} == {"recognition.child"}


def test_the_diagram_is_of_the_table() -> None:
    """docs/architecture.md shows the packages as the table has them; `scripts/structure --diagram` prints it anew."""
    assert structure.diagram() in ARCHITECTURE.read_text("utf-8")


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
        ("ocrspool.service.daemon", {*HEAVY, "rich", "prometheus_client", "http"}),
        ("ocrspool.web.status_page", {*HEAVY, "rich", "prometheus_client"}),
        ("ocrspool.recognition.child.__main__", {*HEAVY, "rich", "watchdog"}),  # the engine brings those that it needs
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
    # What comes before the workers are started: the whole start waits for it.
    "ocrspool.service.first_steps": Budget(
        # pydantic brings all of the standard library's that is listed here.
        frozenset({
            "annotated_types", "orjson", "pydantic", "pydantic_core", "sdnotify", "tomli", "typing_extensions",
            "typing_inspection",
        }),
        frozenset({
            "csv", "ctypes", "decimal", "email", "importlib.metadata", "inspect", "tempfile", "uuid", "zipfile",
        }),
        325,
    ),
    "ocrspool.service.daemon": Budget(
        frozenset({
            "annotated_types", "orjson", "pydantic", "pydantic_core", "sdnotify", "tomli", "typing_extensions",
            "typing_inspection", "watchdog",
        }),
        frozenset({
            "csv", "ctypes", "decimal", "difflib", "email", "html", "importlib.metadata", "inspect", "tempfile", "uuid",
            "zipfile",
        }),
        442,  # blocks are found here
    ),
    # PDFium too: a decoder gives up files before the first document, and can load nothing after that.
    "ocrspool.decoding.child.__main__": Budget(
        frozenset({"PIL", "pypdfium2", "pypdfium2_cfg", "pypdfium2_raw"}),
        frozenset({"argparse", "ctypes", "decimal", "html", "inspect", "tempfile", "uuid"}),
        276,  # of which three are Python 3.13's own
    ),
    # It needs neither a configuration nor a library of images; ctypes is for its confinement.
    "ocrspool.pipeline.assembling.child": Budget(
        frozenset({"orjson"}), frozenset({"ctypes", "decimal", "difflib", "html", "inspect", "uuid"}), 235
    ),
    # importlib.metadata says which runtime is installed, and brings the others.
    "ocrspool.recognition.child.__main__": Budget(
        frozenset({"orjson"}),  # it writes down what was read
        frozenset({
            "csv", "ctypes", "difflib", "email", "importlib.metadata", "inspect", "tempfile", "uuid", "zipfile",
        }),
        245,
    ),
    "ocrspool.engine.loader": Budget(
        frozenset({"cv2", "numpy"}),
        frozenset({"ctypes", "decimal", "difflib", "inspect", "pickle", "tempfile"}),
        380,  # with further readers, finders, and what measures letters and ruling lines
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
