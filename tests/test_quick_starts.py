"""Each command of the quick starts is run by a test, or it is the same as one elsewhere; or it is said here why not.

A command that is added to the page fails here until it has its place, and an entry fails when the page does not have it
any more. tests/systemd/test_quick_starts.py follows what can be followed on a throwaway machine.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from ocrspool.config.loader import load
from support.documented_commands import ROOT, code
from support.quick_starts import READER, commands, sections

_FOLLOWED = "tests/systemd/test_quick_starts.py"
_NEEDS_NETWORK = "asks a package index: the lab runs it with --dry-run, in tests/systemd/test_quick_starts.py"
_NO_ENGINE = "no container engine: tests/systemd/test_quick_starts.py makes and runs the file system of the image"

STEPS = {
    "CPU": {
        "git clone <this repository> && cd ocrspool": "the tests run in a checkout",
        "sudo scripts/install": "tests/systemd/conftest.py",
        **dict.fromkeys(
            (
                *("sudo usermod", "cp", "ocrspool status", "cat", "ls", "sudo mkdir", "sudo tee"),
                "sudo systemctl reload ocrspool",
            ),
            _FOLLOWED,
        ),
    },
    "GPU": {
        "sudo scripts/install --with onnx-gpu": _NEEDS_NETWORK,
        **dict.fromkeys(
            (
                *("sudo mkdir", "sudo tee", "sudo install", "sudo systemctl daemon-reload"),
                *("sudo -u ocrspool ocrspool doctor", "sudo systemctl restart ocrspool", "ocrspool status"),
            ),
            f"{_FOLLOWED}, on a machine without a GPU: docs/lab/gpu.md has what was seen on one",
        ),
    },
    "Share": dict.fromkeys(
        (
            *("sudo apt install samba", "sudo tee", "sudo usermod", "sudo smbpasswd", "sudo systemctl restart smbd"),
            "smbclient",
        ),
        f"{_FOLLOWED}, where Samba can be had",
    ),
    "Container": {
        **dict.fromkeys(
            ("podman build", "nvidia-ctk", "systemctl daemon-reload", "systemctl start ocrspool"), _NO_ENGINE
        ),
        **dict.fromkeys(("groupadd", "useradd", "install", "systemd-tmpfiles", "podman exec"), _FOLLOWED),
    },
}
"""How each command of a section begins, and the test that runs it, or why none does."""


@pytest.mark.parametrize("section", STEPS)
def test_each_step_has_its_place(section: str) -> None:
    """What the page has and what is listed above are the same; the longest beginning counts."""
    seen = set()
    for command in (each for block in sections()[section] for each in commands(block)):
        places = [step for step in STEPS[section] if command == step or command.startswith(f"{step} ")]
        assert places, command
        seen.add(max(places, key=len))
    assert seen == set(STEPS[section])


def test_every_section_is_listed() -> None:
    """A fifth quick start would have to be added above."""
    assert set(sections()) == set(STEPS)


def test_a_test_that_is_named_is_there() -> None:
    """Of all steps."""
    for steps in STEPS.values():
        for reason in steps.values():
            for path in re.findall(r"(?:tests|docs)/[\w/]+\.\w+", reason):
                assert (ROOT / path).is_file(), path


@pytest.mark.parametrize("section", STEPS)
def test_a_shell_understands_each_block(section: str) -> None:
    """No quotation mark is open, and no bracket stands alone; what a reader fills in is filled in."""
    for block in sections()[section]:
        filled = block.replace("<this repository>", "here")
        subprocess.run(["sh", "-n"], input=filled, text=True, check=True)  # noqa: S607 - the system's own


def test_what_is_written_into_conf_d_is_a_configuration(tmp_path: Path) -> None:
    """Each file that a quick start writes there is read over the example, and says what the page says that it does."""
    folder = tmp_path / "conf.d"
    folder.mkdir()
    (tmp_path / "ocrspool.toml").write_bytes((ROOT / "config/ocrspool.toml").read_bytes())
    written = [
        found.groups()
        for blocks in sections().values()
        for block in blocks
        for found in re.finditer(r"conf\.d/(\w+\.toml) << 'END'\n(.*?)^END$", block, re.DOTALL | re.MULTILINE)
    ]
    for name, text in written:
        (folder / name).write_text(text, "utf-8")
    config = load(tmp_path / "ocrspool.toml")
    assert [name for name, _ in written] == ["outputs.toml", "gpu.toml"]
    assert set(config.inbox["default"].outputs) == {"json", "txt", "pdf"}
    assert (config.engine.runtime, config.engine.provider, config.engine.devices) == ("onnxruntime", "cuda", ("gpu:0",))


@pytest.mark.parametrize(("section", "page"), [("Container", "docs/container.md"), ("GPU", "docs/gpu.md")])
def test_the_longer_page_says_the_same(section: str, page: str) -> None:
    """The drop-ins, and all steps of the container, are those of the page that explains them."""
    there = {re.split(r"  +#", line)[0].strip() for line in code(ROOT / page)}
    steps = [step.removeprefix("sudo ") for block in sections()[section] for step in commands(block)]
    installs = [step for step in steps if section == "Container" or step.startswith("install ")]
    assert len(installs) > 1
    assert set(installs) <= there


def test_installed_files_that_are_named_are_installed(tmp_path: Path) -> None:
    """What the page takes from the installed documents is there after `scripts/install-docs`."""
    subprocess.run([ROOT / "scripts/install-docs", tmp_path], check=True)
    text = "\n".join(block for blocks in sections().values() for block in blocks)
    named = set(re.findall(r"/usr/local/share/doc/ocrspool/([\w./-]+)", text))
    assert named == {"nvidia.conf", "config/shares/samba.conf"}
    assert all((tmp_path / name).is_file() for name in named)


def test_the_share_is_the_one_that_the_clients_open() -> None:
    """samba.conf has the section whose name stands in the address."""
    text = (ROOT / "docs/quick-start.md").read_text("utf-8")
    (share,) = re.findall(r"//server/(\w+)", text)
    assert rf"\\server\{share}" in text
    assert f"[{share}]" in (ROOT / "config/shares/samba.conf").read_text("utf-8")
    assert f"-U {READER} " in text
