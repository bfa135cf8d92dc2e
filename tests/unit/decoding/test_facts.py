"""What two machines have to have alike to make the same page images."""

from __future__ import annotations

from importlib.metadata import version

import pytest

from ocrspool.config.sections import Limits
from ocrspool.decoding.facts import decoding_difference, decoding_facts


def test_a_machine_is_like_itself() -> None:
    """The libraries, the fonts and the limits are named."""
    facts = decoding_facts(Limits())
    assert facts["pillow"] == version("pillow")
    assert facts["limits.pages"] == "2000"
    assert len(facts["fonts"]) == 12
    assert decoding_difference(facts, decoding_facts(Limits())) == ""


@pytest.mark.parametrize(
    ("there", "said"),
    [
        ({"pillow": "1.0"}, f"pillow is 1.0, here {version('pillow')}"),
        ({"limits.pages": "7"}, "limits.pages is 7, here 2000"),
    ],
)
def test_what_differs_is_named(there: dict[str, str], said: str) -> None:
    """With what it is there, and here."""
    here = decoding_facts(Limits())
    assert decoding_difference({**here, **there}, here) == said


def test_a_machine_that_says_nothing_is_not_alike() -> None:
    """It has no decoders, perhaps."""
    assert decoding_difference({}, {"pillow": "12"}) == "pillow is not there, here 12"
