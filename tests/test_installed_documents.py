"""What scripts/install-docs installs: every link of an installed document leads to what is installed too."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]
_LINK = re.compile(r"""\]\(([^)\s]+)\)|(?:src|srcset|href)="([^"]+)\"""")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the documents."""
    folder = tmp_path_factory.mktemp("doc") / "ocrspool"
    subprocess.run([CHECKOUT / "scripts/install-docs", folder], check=True)
    return folder


def links(document: Path) -> list[str]:
    """Return the files that a document leads to."""
    found = [one or other for one, other in _LINK.findall(document.read_text("utf-8"))]
    return [path for link in found if (path := link.partition("#")[0]) and "://" not in path and ":" not in path]


def test_links_are_whole(installed: Path) -> None:
    """Nobody who reads the documents of an installation ends at a file that is in the checkout only."""
    documents = list(installed.rglob("*.md"))
    dead = [
        f"{document.relative_to(installed)} → {link}"
        for document in documents
        for link in links(document)
        if not (document.parent / link).resolve().exists()
    ]
    assert dead == []
    assert sum(len(links(document)) for document in documents) > 30


def test_what_people_need_is_there(installed: Path) -> None:
    """Manual, security, changes, example configuration, drop-ins and what monitoring needs, readable for all."""
    for name in ("README.md", "SECURITY.md", "CHANGELOG.md", "docs/operations.md", "ocrspool.toml", "metrics.conf"):
        assert (installed / name).is_file(), name
    assert {path.stat().st_mode & 0o777 for path in installed.rglob("*") if path.is_file()} == {0o644}


def test_a_dead_link_is_found(tmp_path: Path) -> None:
    """The test above can fail."""
    document = tmp_path / "page.md"
    document.write_text('[a](b.md#c) <img src="d.png"> [e](https://example.org) [f](#g)')
    assert links(document) == ["b.md", "d.png"]
