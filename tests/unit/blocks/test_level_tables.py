"""Tables with level ruling lines between their rows: what stands between two of them is a row."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ocrspool.blocks.page_blocks import blocks
from ocrspool.pages import Segment, TextLine
from support.sample_blocks import at, cells, found, only_table, page, prose

XS = (100, 330, 560)
SCHEDULE = [
    ["When", "Where", "What"],
    ["March", "Mill", "The harbor office inspected | samples from every well | as the report had | said | at once."],
    ["April", "Old market", "New instruments under the | supervision of an engineer"],
    ["June", "Station", "Two engines"],
]
"""A bar begins the next line of a cell. The lines of one are so many that the rows below are far away."""
WANTED = [[cell.replace(" | ", " ") for cell in row] for row in SCHEDULE]
PITCH = 30


def laid_out(rows: list[list[str]], top: float = 300) -> tuple[list[TextLine], list[Segment]]:
    """Return the lines of these rows, and a ruling line above and below each."""
    lines, rules = [], []
    for row in rows:
        rules.append(_rule(top))
        texts = [cell.split(" | ") for cell in row]
        for x, cell in zip(XS, texts, strict=True):
            lines += [at(x, top + 22 + number * PITCH, text) for number, text in enumerate(cell) if text]
        top += 14 + PITCH * max(map(len, texts))
    return lines, [*rules, _rule(top)]


def _rule(y: float, left: float = 90, right: float = 1000) -> Segment:
    return (left, y), (right, y)


def test_a_cell_may_have_several_lines() -> None:
    lines, rules = laid_out(SCHEDULE)
    assert cells(only_table(lines, rules)) == WANTED


def test_what_is_above_and_below_is_none_of_it() -> None:
    """A ruling line below the header of the page, as wide as those of the table, has nothing to do with it."""
    lines, rules = laid_out(SCHEDULE)
    all_lines = [at(100, 80, "Annual report"), *prose(100, 140), *lines, *prose(100, 690)]
    told = found(all_lines, [_rule(100), *rules])
    assert [kind for kind, _ in told if kind != "header"][-3:] == ["paragraph", "table", "paragraph"]
    (table,) = (block.table for block in blocks([page(all_lines, [_rule(100), *rules])])[0] if block.table)
    assert cells(table) == WANTED


def test_a_cell_may_be_empty() -> None:
    rows = [*SCHEDULE, ["July", "", "Nothing at all"]]
    assert cells(only_table(*laid_out(rows)))[-1] == ["July", "", "Nothing at all"]


def test_two_tables_below_each_other_stay_two() -> None:
    """Text as wide as both stands between them."""
    lines, rules = laid_out(SCHEDULE)
    more, more_rules = laid_out(SCHEDULE, 830)
    between = prose(100, 690, 2)
    tables = [
        block.table for block in blocks([page([*lines, *between, *more], [*rules, *more_rules])])[0] if block.table
    ]
    assert [cells(table) for table in tables] == [WANTED, WANTED]


def _columns_of_prose() -> tuple[list[TextLine], list[Segment]]:
    """Three articles in two columns, and a ruling line after each."""
    lines, rules = [], [_rule(270)]
    for number in range(3):
        top = 300 + 200 * number
        for x in (100, 560):
            lines += [at(x, top + each * PITCH, "the committee compared the older") for each in range(5)]
        rules.append(_rule(top + 170))
    return lines, rules


def _notes() -> tuple[list[TextLine], list[Segment]]:
    """Lines of one column on ruled paper."""
    lines = [at(100, 300 + number * 40, f"note {number} of the day") for number in range(8)]
    return lines, [_rule(320 + number * 40) for number in range(8)]


@pytest.mark.parametrize("made", [_columns_of_prose, _notes], ids=["columns of prose", "ruled paper"])
def test_no_table(made: Callable[[], tuple[list[TextLine], list[Segment]]]) -> None:
    lines, rules = made()
    assert "table" not in {kind for kind, _ in found(lines, rules)}
