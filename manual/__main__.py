"""`python -m manual`: writes every page that is made, into a checkout. `python -m manual completions DIR`: those."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from manual.pages import command_page, settings_page
from manual.reference import configuration
from manual.results import results

PAGES: dict[str, Callable[[], str]] = {
    "docs/configuration.md": configuration,
    "docs/result.md": results,
    "docs/man/ocrspool.1": command_page,
    "docs/man/ocrspool.toml.5": settings_page,
}
"""What is made, by its place in the checkout."""


def write(checkout: Path) -> None:
    """Write every page."""
    for name, make in PAGES.items():
        (checkout / name).parent.mkdir(exist_ok=True)
        (checkout / name).write_text(make(), "utf-8")


if __name__ == "__main__":
    if sys.argv[1:2] == ["completions"]:
        from manual.completions import write as write_completions  # its library is there only where it is needed

        write_completions(Path(sys.argv[2]))
    else:
        write(Path(__file__).parents[1])
