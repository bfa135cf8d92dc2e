"""Signs that end something, of several scripts; many look like others, so they stand in one place. Pure."""

# ruff: noqa: RUF001

from __future__ import annotations

SENTENCE_ENDS = tuple(".!?:;。！？：；؟۔؛…\"”»'’)")
"""With these a paragraph may end."""
CLAUSE_ENDS = (",", ";", "，", "；", "،", "؛")
"""With these no heading ends."""
FULL_STOPS = (".", ",", ";", "。", "，", "；", "۔", "،", "؛")
"""With these only a sentence ends."""
NARROW = frozenset("fijlrtI.,:;'|!()[]/-\"’‘“”`·•1")
"""Characters that are about a third as wide as the font is high."""
BROAD = frozenset("mwMW@%—…")
"""Characters that are nearly as wide as the font is high."""
