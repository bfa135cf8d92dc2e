"""What the documents name is there: commands with their options, scripts, files, settings, and what they link to."""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path

import pytest
import yaml

from ocrspool.cli.command_line import command_line
from ocrspool.config.schema import Config
from support.documented_commands import DOCUMENTS, ROOT, code, commands, name, scripts

PACKAGE = ROOT / "daemon" / "ocrspool"

_LINK = re.compile(r"\]\((?!https?:)([^)\s]+)\)")
_OPTION = re.compile(r"--?[A-Za-z][A-Za-z-]*")
_SETTING = re.compile(r"(engine|service|limits|log|metrics|paths|cluster)\.(?!py$|conf$|sock$)([a-z_]+)(?: = .*)?")


def _parser_of(words: list[str]) -> tuple[argparse.ArgumentParser, list[str]]:
    """Return the parser of a command, and the words that are left for it. Raise LookupError."""
    parser = command_line()
    while subcommands := [each for each in parser._actions if isinstance(each, argparse._SubParsersAction)]:
        if not words or words[0].startswith("-"):
            break
        if words[0] not in subcommands[0].choices:
            raise LookupError(f"there is no command {words[0]}")
        parser, words = subcommands[0].choices[words[0]], words[1:]
    return parser, words


def test_commands() -> None:
    """Each command exists, with each of its options; what a reader has to fill in is not looked at."""
    seen = 0
    for document, command in commands():
        parser, words = _parser_of(command.split())
        options = {name for action in parser._actions for name in action.option_strings}
        unknown = {word for word in words if _OPTION.fullmatch(word)} - options
        assert not unknown, f"{document}: ocrspool {command}"
        seen += 1
    assert seen > 50


def test_a_command_that_is_not_there_is_found() -> None:
    """The test above can fail."""
    with pytest.raises(LookupError):
        _parser_of(["engines", "polish"])


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_scripts(document: Path) -> None:
    """Each script can be run, and each bench is one."""
    for script, word in scripts(document):
        assert os.access(ROOT / "scripts" / script, os.X_OK), f"scripts/{script}"
        if script == "bench" and word:
            assert (ROOT / "benchmarks" / f"{word}.py").exists(), f"scripts/bench {word}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_files(document: Path) -> None:
    """Each file of ours is there: by its path, or a module by its name alone."""
    modules = {path.name for folder in ("daemon", "tests", "benchmarks") for path in (ROOT / folder).rglob("*.py")}
    for line in code(document):
        for path in re.findall(r"(?<![\w/.<])((?:tests|docs|config|systemd|packaging|benchmarks)/[\w./-]+\.\w+)", line):
            assert (ROOT / path).exists() or (PACKAGE / path).exists(), path
        if re.fullmatch(r"[\w/]+\.py", line):
            assert line in modules or (ROOT / line).exists() or (PACKAGE / line).exists(), line


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_links(document: Path) -> None:
    """Each link leads to a file, and to a heading of it."""
    for link in _LINK.findall(document.read_text(encoding="utf-8")):
        path, _, heading = link.partition("#")
        target = (document.parent / path) if path else document
        assert target.exists(), link
        if heading:
            lines = target.read_text(encoding="utf-8").splitlines()
            assert heading in {_anchor(line) for line in lines if line.startswith("#")}, link


@pytest.mark.parametrize("document", [path for path in DOCUMENTS if path.stem != "CHANGELOG"], ids=name)
def test_settings(document: Path) -> None:
    """Each setting that is named with its section exists."""
    for line in code(document):
        if named := _SETTING.fullmatch(line):
            section, setting = named.groups()
            fields = Config.model_fields[section].annotation.model_fields  # type: ignore[union-attr]
            assert setting in fields, line


def test_the_hook_before_a_commit() -> None:
    """What .pre-commit-config.yaml runs is a script that is there and that can be run."""
    hooks = [
        hook
        for repo in yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
        for hook in repo["hooks"]
    ]
    assert [hook["entry"] for hook in hooks] == ["scripts/check"]
    assert os.access(ROOT / hooks[0]["entry"], os.X_OK)


def _anchor(heading: str) -> str:
    """Return what a link to a heading is called."""
    return re.sub(r"[^\w\- ]", "", heading.lstrip("#").strip().lower()).replace(" ", "-")
