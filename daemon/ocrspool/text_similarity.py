"""How much of one text is in another, regardless of the order of their lines and of where their words are divided.

Texts are compared by runs of four characters, in lower case and without spaces. If a text was read with an error in
every twentieth character, four of five runs are still right. Two texts of one language share one run in five. A text
whose letters stand for other letters shares none.
"""

from __future__ import annotations

from collections.abc import Iterable

_RUN = 4


class Runs:
    """A text to look into."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._text = "\n".join(map(squeezed, lines))
        whole = self._text.replace("\n", "")
        self._runs = {whole[at : at + _RUN] for at in range(len(whole) - _RUN + 1)}

    def share(self, line: str) -> float:
        """Return how much of a line is in the text, from 0 to 1; 1 for a line without characters to compare."""
        wanted = squeezed(line)
        if len(wanted) < _RUN:
            return float(wanted in self._text)
        count = len(wanted) - _RUN + 1
        return sum(wanted[at : at + _RUN] in self._runs for at in range(count)) / count


def share_of(lines: Iterable[str], text: Runs, least: float = 0.5) -> float:
    """Return how much of these lines is in the text, by characters: lines of which this share is in it count whole."""
    found = total = 0
    for line in lines:
        size = len(squeezed(line))
        total += size
        found += size if text.share(line) >= least else 0
    return found / total if total else 1.0


def squeezed(line: str) -> str:
    """Return the letters and digits of a line, in lower case."""
    return "".join(letter for letter in line.casefold() if letter.isalnum())
