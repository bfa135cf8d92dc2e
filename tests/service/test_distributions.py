"""The wheel and the source distribution: what others install, or make packages of."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from support.daemon_process import environment

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with both, made of the checkout as it is."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "--directory", folder, at=CHECKOUT)
    return folder


def run(*command: str | Path, at: Path, **variables: str) -> str:
    """Run a command to its end, without the variables of the tests; return what it said."""
    done = subprocess.run(
        command, check=False, capture_output=True, encoding="utf-8", cwd=at, env=environment(**variables)
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def test_the_wheel_brings_the_command_and_all_that_a_service_needs(made: Path, tmp_path: Path) -> None:
    """Installed into a fresh environment, it has the command, and configuration, units and manual in share/."""
    (wheel,) = made.glob("*.whl")
    fresh = tmp_path / "venv"
    venv.create(fresh, symlinks=True, with_pip=True)
    python = fresh / "bin/python"
    # What it depends on is installed here already; behind what is its own, the fresh one may look there.
    its_own = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", at=tmp_path).strip())
    (its_own / "dependencies.pth").write_text(sysconfig.get_path("purelib"), "utf-8")
    run(python, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", wheel, at=tmp_path)
    assert run(fresh / "bin/ocrspool", "--version", at=tmp_path).startswith("ocrspool ")
    assert '"ocrspool-result/1"' in run(fresh / "bin/ocrspool", "schema", "result", at=tmp_path)
    where = run(python, "-c", "import ocrspool; print(ocrspool.__file__)", at=tmp_path).strip()
    assert Path(where).is_relative_to(fresh)
    assert (Path(where).parent / "data/known-page.png").is_file()
    for name in ("config/ocrspool.toml", "systemd/ocrspool.service", "systemd/sysusers.conf"):
        assert (fresh / "share/ocrspool" / name).read_bytes() == (CHECKOUT / name).read_bytes()
    assert (fresh / "share/man/man1/ocrspool.1").is_file()


def test_the_source_distribution_can_be_installed_from(made: Path, tmp_path: Path) -> None:
    """Unpacked, `scripts/install` finds all that it installs."""
    (archive,) = made.glob("*.tar.gz")
    subprocess.run(["/bin/tar", "-xf", archive, "-C", tmp_path], check=True)
    (checkout,) = tmp_path.iterdir()
    said = run(checkout / "scripts/install", "--dry-run", at=tmp_path, PYTHON=sys.executable)
    installed = [line.split() for line in said.splitlines() if line.startswith("would run: install -D")]
    sources = {word for line in installed for word in line if (CHECKOUT / word).is_file() and not word.startswith("/")}
    assert {"config/ocrspool.toml", "systemd/ocrspool.service", "docs/man/ocrspool.1"} <= sources
    assert (checkout / "scripts/install-docs").is_file()
    assert {path.name for path in checkout.glob("*.md")} == {path.name for path in CHECKOUT.glob("*.md")}
    assert all((checkout / source).is_file() for source in sources)


def test_the_same_sources_make_the_same_bytes(made: Path, tmp_path: Path) -> None:
    """Unpacked elsewhere, with files of another date, the sources make the same wheel."""
    (archive,) = made.glob("*.tar.gz")
    subprocess.run(["/bin/tar", "--touch", "-xf", archive, "-C", tmp_path], check=True)
    (checkout,) = (path for path in tmp_path.iterdir() if path.is_dir())
    run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", tmp_path, at=checkout)
    (wheel,), (again,) = made.glob("*.whl"), tmp_path.glob("*.whl")
    assert again.read_bytes() == wheel.read_bytes()
