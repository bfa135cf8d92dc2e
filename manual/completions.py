"""Completions for bash, zsh and fish, made by shtab from the parser of the command line.

They are made when the program is installed or packaged, and not kept here: most of their text is shtab's, and under
MPL-2.0.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import shtab

from ocrspool.cli.command_line import command_line

FILES = {"bash": "ocrspool.bash", "zsh": "_ocrspool", "fish": "ocrspool.fish"}
"""Each shell that is served, and the name of its file."""


def write(folder: Path) -> None:
    """Write the file of each shell."""
    parser = command_line()
    _tell_paths(parser)
    folder.mkdir(parents=True, exist_ok=True)
    for shell, name in FILES.items():
        (folder / name).write_text(shtab.complete(parser, shell), "utf-8")


def _tell_paths(parser: argparse.ArgumentParser) -> None:
    """Tell shtab which arguments are paths."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for each in action.choices.values():
                _tell_paths(each)
        elif action.type is Path:
            action.complete = shtab.DIRECTORY if action.metavar == "DIR" else shtab.FILE  # type: ignore[attr-defined] # by shtab
