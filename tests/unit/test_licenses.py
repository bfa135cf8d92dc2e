"""The licences of all that is shipped: each is told, and none asks that a program of others be given away."""

from __future__ import annotations

import re
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKED = re.findall(r"^([a-z0-9][\w.-]*)==[^\n]*", (ROOT / "requirements/run.txt").read_text("utf-8"), re.MULTILINE)
FREE = re.compile(
    r"(MIT(-CMU)?|BSD([- ][23]-Clause)?|0BSD|Apache([- ]2\.0)?|MPL-2\.0|PSF-2\.0|Zlib|CC0-1\.0|ISC|dependency licenses)"
    r"( License)?|OSI Approved :: Apache Software License"
)
"""Licences under which a package may be passed on beside ours. MPL-2.0 asks for changes of its own files only."""
WITHOUT_TEXT = {"nvidia-ml-py"}
"""Its wheel has no file with its licence, which is BSD."""

_spec = spec_from_file_location("licenses", ROOT / "packaging/debian/licenses.py")
assert _spec is not None
assert _spec.loader is not None
licenses = module_from_spec(_spec)
_spec.loader.exec_module(licenses)


def installed(name: str) -> Distribution:
    try:
        return distribution(name)
    except PackageNotFoundError:
        pytest.skip(f"{name} is for another platform than {sys.platform}")


@pytest.mark.parametrize("name", sorted(set(LOCKED)))
def test_a_package_may_be_passed_on(name: str) -> None:
    told = re.split(r",| AND | OR |[()]", licenses._license(installed(name)))
    wrong = [part for part in map(str.strip, told) if part and not FREE.fullmatch(part)]
    assert not wrong, f"a licence of {name} is not known to be free: {wrong}; see FREE"


@pytest.mark.parametrize("name", sorted(set(LOCKED) - WITHOUT_TEXT))
def test_the_text_of_its_licence_is_shipped(name: str) -> None:
    assert list(licenses._texts(installed(name)))


def test_all_packages_are_looked_at() -> None:
    assert len(LOCKED) > 30
    assert {"openvino", "pikepdf", "rapidocr"} <= set(LOCKED)
