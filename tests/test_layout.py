"""Where tests lie, and that pytest finds them."""

from __future__ import annotations

import ast
from pathlib import Path

TESTS = Path(__file__).parent
CODE = TESTS.parent / "daemon/ocrspool"
OF_THE_PROJECT = {
    "test_container.py",
    "test_manual.py",
    "test_sbom.py",
    "test_fuzzing.py",
    "test_licenses.py",
    "test_torture_judge.py",
    "test_torture_promises.py",
}
"""Unit tests of no package of the program."""


def test_unit_tests_lie_in_folders_as_their_modules_do() -> None:
    for path in (TESTS / "unit").rglob("test_*.py"):
        folder = path.parent.relative_to(TESTS / "unit")
        assert (CODE / folder).is_dir(), path
        assert folder != Path() or path.name in OF_THE_PROJECT, f"{path} belongs into the folder of a package"


def test_each_test_is_collected_by_its_name() -> None:
    """A function called `testthing` is collected too, but nobody who looks for `test_` finds it."""
    found = 0
    for path in TESTS.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test"):
                assert node.name.startswith("test_"), f"{path}: {node.name}"
                found += 1
    assert found > 1000
