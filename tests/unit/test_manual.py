"""The pages that are made out of the program: they are up to date, and programs that read them find no fault."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import shutil
import subprocess
import time
from pathlib import Path

import orjson
import pytest

from manual import completions
from manual.__main__ import PAGES
from manual.settings import tables
from ocrspool.config.schema import Config
from ocrspool.render.json import render
from ocrspool.results.from_json import document_from

CHECKOUT = Path(__file__).parents[2]
MAN_PAGES = [name for name in PAGES if name.startswith("docs/man/")]


def needs(program: str) -> pytest.MarkDecorator:
    """Skip a test where this program is not installed."""
    return pytest.mark.skipif(not shutil.which(program), reason=f"{program} is not installed")


@pytest.mark.parametrize("name", PAGES)
def test_made_pages_are_up_to_date(name: str) -> None:
    """What the program says of itself today is what the page says."""
    assert (CHECKOUT / name).read_text("utf-8") == PAGES[name](), f"{name} is not what `scripts/docs` makes"


def test_the_synopsis_can_be_typed() -> None:
    """An option stands there with its name, also where it has choices; a value that may be left out is in brackets."""
    made = PAGES["docs/man/ocrspool.1"]().partition(".SH SYNOPSIS")[2].partition(".SH ")[0]
    lines = re.sub(r"\\f[BIR]", "", made).replace("\\-", "-").splitlines()
    (serve,) = (line for line in lines if line.startswith("ocrspool serve "))
    (status,) = (line for line in lines if line.startswith("ocrspool status "))
    assert "[--log-format auto | plain | journal | json]" in serve
    assert "[--watch [SECONDS]]" in status
    assert "ocrspool schema result | reason | status | doctor | config" in lines


def test_every_setting_has_a_meaning() -> None:
    """Each setting has a text of its own: a comment in config/ocrspool.toml, or the string below its field."""
    found = tables()
    assert [table.name.removesuffix(".NAME") for table in found] == list(Config.model_fields)
    settings = [setting for table in found for setting in table.settings]
    assert len(settings) > 50
    assert not [setting for setting in settings if not (setting.meaning and setting.type)]
    for table in found:
        assert len({setting.meaning for setting in table.settings}) == len(table.settings), table.name
    assert [setting.name for setting in settings if not setting.default] == [
        "ca",
        "certificate",
        "key",
        "inbox",
        "work",
        "outbox",
        "done",
        "failed",
    ]


def test_every_field_has_a_meaning() -> None:
    """Each field of a result has a text of its own."""
    rows = [line.split(" | ") for line in PAGES["docs/result.md"]().splitlines() if line.startswith("| `")]
    assert len(rows) > 60
    assert not [row for row in rows if len(row[-1].removesuffix(" |")) < len("one word.")]


def test_the_example_is_a_result() -> None:
    """The result in docs/result.md is what the program writes: read as values and written again, it is the same."""
    example = (CHECKOUT / "manual/examples/letter.png.json").read_bytes()
    assert render(document_from(orjson.loads(example))) == example


@needs("man")
@pytest.mark.parametrize("name", MAN_PAGES)
def test_man_has_nothing_to_warn_of(name: str) -> None:
    """man formats the page without a warning, and shows what it is about."""
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "100", "MAN_KEEP_FORMATTING": ""}
    page = subprocess.run(
        ["man", "--warnings", "--encoding=UTF-8", "--local-file", CHECKOUT / name],  # noqa: S607 - the system's own
        check=True,
        capture_output=True,
        encoding="utf-8",
        env=environment,
    )
    assert not page.stderr
    for said in {
        "docs/man/ocrspool.1": ("ocrspool engines gc [--config FILE] [--keep N]", "78     Wrong configuration."),
        "docs/man/ocrspool.toml.5": ("worker_pages = 20000 (integer, 1 to 1000000000)", "[inbox.NAME]"),
    }[name]:
        assert said in page.stdout


@pytest.fixture(scope="module")
def completion(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the completions."""
    folder = tmp_path_factory.mktemp("completion")
    completions.write(folder)
    return folder


SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], "source {folder}/ocrspool.bash"),
    "zsh": (["zsh", "--no-rcs", "-i"], "fpath=({folder} $fpath); autoload -U compinit; compinit -u -D"),
}
"""How each is started with nobody's settings, and told of the completion."""


@pytest.mark.parametrize("shell", [pytest.param(shell, marks=needs(shell)) for shell in SHELLS])
def test_the_tab_key_completes(shell: str, completion: Path, tmp_path: Path) -> None:
    """In a shell at a terminal, the Tab key completes commands, commands of commands, options and file names."""
    (tmp_path / "scan one.pdf").touch()
    (tmp_path / "results").mkdir()
    command, told = SHELLS[shell]
    said = at_a_terminal(
        command,
        tmp_path,
        told.format(folder=completion),
        "ocrspool() { printf '<%s>' got \"$@\"; echo; }",
        "ocrspool sta\t--js\t",
        "ocrspool eng\tver\t",
        "ocrspool schema res\t",
        "ocrspool once scan\t--outbox res\t",
    )
    assert "<got><status><--json>" in said
    assert "<got><engines><verify>" in said
    assert "<got><schema><result>" in said
    assert "<got><once><scan one.pdf><--outbox><results" in said  # with a slash from bash, which zsh takes away again


def at_a_terminal(shell: list[str], folder: Path, *lines: str) -> str:
    """Type lines into a shell at a terminal; return all that it shows until it ends."""
    terminal, its_end = pty.openpty()
    variables = {"PATH": os.environ["PATH"], "TERM": "dumb", "PS1": "$ ", "INPUTRC": "/dev/null", "HOME": str(folder)}
    with subprocess.Popen(
        shell, stdin=its_end, stdout=its_end, stderr=its_end, cwd=folder, env=variables, start_new_session=True
    ) as process:
        os.close(its_end)
        os.write(terminal, "\n".join((*lines, "exit", "")).encode())
        shown, deadline = [b""], time.monotonic() + 60
        with contextlib.suppress(OSError):  # which is how a terminal says that the shell has ended
            while time.monotonic() < deadline and select.select([terminal], [], [], 60)[0]:
                shown.append(os.read(terminal, 65_536))
        process.kill()
    os.close(terminal)
    return b"".join(shown).decode("utf-8", "replace")


@needs("fish")
def test_fish_completes(completion: Path) -> None:
    """The fish shell completes commands and options."""
    assert {"status", "serve", "schema"} == asked_of_fish(completion, "ocrspool s")
    assert "--audit" in asked_of_fish(completion, "ocrspool status --")


def asked_of_fish(completion: Path, line: str) -> set[str]:
    script = f"source {completion / 'ocrspool.fish'}; complete --do-complete '{line}'"
    fish = ["fish", "--no-config", "-c", script]
    shown = subprocess.run(fish, check=True, capture_output=True, encoding="utf-8")
    return {each.partition("\t")[0] for each in shown.stdout.splitlines()}
