"""Lines become paragraphs, headings, list items, captions, footnotes, headers and footers."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocrspool.blocks.page_blocks import blocks
from ocrspool.blocks.values import PageLines
from ocrspool.pages import Polygon, TextLine
from support.sample_blocks import HEIGHT, PROSE, WIDTH, at, found, page, prose, said, told

LEFT = 120


def kinds(lines: list[TextLine]) -> list[str]:
    return [kind for kind, _ in found(lines)]


def test_a_blank_page_has_no_blocks() -> None:
    assert blocks([PageLines((), 0, 0), page(prose(LEFT, 200))])[0] == ()


def test_lines_near_each_other_are_a_paragraph_and_a_gap_ends_it() -> None:
    lines = [*prose(LEFT, 200), *prose(LEFT, 370)]
    assert [block.lines for block in blocks([page(lines)])[0]] == [(0, 1, 2, 3), (4, 5, 6, 7)]


def test_an_indent_begins_a_paragraph() -> None:
    """Set as in books: no space between paragraphs, and the first line of each is indented."""
    lines = prose(LEFT, 200, 12)
    lines[4] = at(LEFT + 40, 200 + 4 * 30, PROSE[0][:60])
    lines[8] = at(LEFT + 40, 200 + 8 * 30, PROSE[0][:60])
    assert [len(block.lines) for block in blocks([page(lines)])[0]] == [4, 4, 4]


def test_double_spaced_text_is_one_paragraph() -> None:
    """What is far apart elsewhere is usual here."""
    lines = [at(LEFT, 200 + number * 62, PROSE[number % 4]) for number in range(12)]
    assert kinds(lines) == ["paragraph"]


def test_a_larger_line_is_a_heading() -> None:
    lines = [at(LEFT, 150, "Water levels of the valley", 40), *prose(LEFT, 230), *prose(LEFT, 400)]
    assert found(lines)[0] == ("heading", "Water levels of the valley")
    assert kinds(lines) == ["heading", "paragraph", "paragraph"]


def test_a_heading_of_two_lines_is_one() -> None:
    first, second = "A long report with a title that does", "not fit into one line"
    lines = [at(LEFT, 150, first, 40), at(LEFT, 200, second, 41), *prose(LEFT, 290)]
    assert found(lines)[0] == ("heading", f"{first} {second}")


def test_a_bold_line_of_the_same_size_is_a_heading_if_space_is_above_it() -> None:
    apart = [*prose(LEFT, 200), at(LEFT, 350, "How it was measured", bold=True), *prose(LEFT, 390)]
    assert kinds(apart) == ["paragraph", "heading", "paragraph"]


def test_a_bold_sentence_is_no_heading() -> None:
    lines = [*prose(LEFT, 200), at(LEFT, 350, "Do not open the valve.", bold=True), *prose(LEFT, 390)]
    assert "heading" not in kinds(lines)


def test_bold_words_do_not_cut_a_paragraph_in_two() -> None:
    """A sentence goes on: the line is bold because it names something."""
    lines = prose(LEFT, 200, 8)
    lines[1] = at(LEFT, 230, PROSE[1], bold=True)
    assert kinds(lines) == ["paragraph"]


@pytest.mark.parametrize("text", ["3 Results of the second year", "IV. Repairs", "§ 12 Fees"])
def test_a_numbered_line_that_stands_apart_is_a_heading(text: str) -> None:
    lines = [*prose(LEFT, 200), at(LEFT, 360, text), *prose(LEFT, 420)]
    assert kinds(lines) == ["paragraph", "heading", "paragraph"]


@pytest.mark.parametrize("title", ["1 Scope", "1.2 Exceptions", "2 What is required here"])
def test_the_title_of_a_section_may_stand_near_its_text(title: str) -> None:
    """With no more room below than lines have, and in strokes that are too thin at this resolution to tell."""
    lines = [*prose(100, 100), at(100, 270, title), *prose(100, 300)]
    assert [kind for kind, _ in found(lines)] == ["paragraph", "heading", "paragraph"]
    assert ("heading", title) in found(lines)


def test_a_number_and_a_name_in_a_list_are_no_title() -> None:
    """What is below does not fill its line."""
    lines = [at(100, 100, "1 Coffee"), at(100, 130, "Large, with milk"), at(100, 160, "2 Tea"), at(100, 190, "Small")]
    assert "heading" not in {kind for kind, _ in found([*lines, *prose(100, 300)])}


def test_numbered_items_are_no_headings() -> None:
    """The first of them stands apart as a heading does; what follows tells."""
    items = [at(LEFT, 360 + n * 45, f"{n + 1}. Repair of the gate") for n in range(3)]
    assert kinds([*prose(LEFT, 200), *items]) == ["paragraph", "list-item", "list-item", "list-item"]


def test_a_label_with_a_value_is_no_heading() -> None:
    """Receipts and forms are full of larger numbers."""
    lines = [at(LEFT, 150, "Invoice No.: 20417", 32), *prose(LEFT, 230)]
    assert "heading" not in kinds(lines)


def test_capitals_that_stand_apart_are_a_heading() -> None:
    lines = [*prose(LEFT, 200), at(LEFT, 360, "RECOMMENDATIONS"), *prose(LEFT, 410)]
    assert found(lines)[1] == ("heading", "RECOMMENDATIONS")


def test_levels_of_headings_follow_their_sizes_over_all_pages() -> None:
    one = page([at(LEFT, 150, "The whole report", 48), *prose(LEFT, 230)])
    two = page([at(LEFT, 150, "One part of it", 34), *prose(LEFT, 230), *prose(LEFT, 400)])
    levels = [block.level for of_page in blocks([one, two]) for block in of_page if block.kind == "heading"]
    assert levels == [1, 2]


def test_levels_of_numbered_headings_follow_their_numbers() -> None:
    """They are all set alike."""
    lines = []
    for number, text in enumerate(["1 Scope", "1.1 Terms of use", "1.2 Exceptions", "2 Requirements"]):
        lines += [at(LEFT, 150 + number * 250, text, bold=True), *prose(LEFT, 190 + number * 250)]
    levels = [block.level for block in blocks([page(lines)])[0] if block.kind == "heading"]
    assert levels == [1, 2, 2, 1]


def test_items_with_bullets_and_their_further_lines() -> None:
    lines = [
        *prose(LEFT, 200),
        at(LEFT, 340, "• Maps of the river that are older"),
        at(LEFT + 24, 370, "than the bridge"),
        at(LEFT, 400, "• Letters"),
        *prose(LEFT, 450),
    ]
    assert found(lines)[1:3] == [
        ("list-item", "• Maps of the river that are older than the bridge"),
        ("list-item", "• Letters"),
    ]
    assert kinds(lines)[-1] == "paragraph"


def test_items_within_items_have_a_deeper_level() -> None:
    texts = [("• Maps", 0), ("– of rivers", 40), ("– of roads", 40), ("• Letters", 0)]  # noqa: RUF001 - dashes
    lines = [at(LEFT + indent, 200 + number * 32, text) for number, (text, indent) in enumerate(texts)]
    made = blocks([page([*lines, *prose(LEFT, 400)])])[0]
    assert [(block.kind, block.level) for block in made[:4]] == [
        ("list-item", 1),
        ("list-item", 2),
        ("list-item", 2),
        ("list-item", 1),
    ]


def test_initials_are_no_list() -> None:
    lines = [*prose(LEFT, 200), at(LEFT, 360, "M. Gagné, member of the council"), *prose(LEFT, 420)]
    assert "list-item" not in kinds(lines)


def test_captions_and_footnotes() -> None:
    lines = [
        *prose(LEFT, 200),
        at(LEFT, 600, "Figure 3: The bridge from the north", 21),
        *prose(LEFT, 700),
        at(LEFT, 1500, "1 A letter of the architect, now in the archive of the county", 19),
        at(LEFT, 1524, "2 Another one", 19),
    ]
    assert kinds(lines) == ["paragraph", "caption", "paragraph", "footnote", "footnote"]


def own_prose(number: int) -> list[TextLine]:
    """Lines that no other page has."""
    return [at(LEFT, 300 + 30 * line, f"{chr(97 + number) * 9} {text}"[:70]) for line, text in enumerate(PROSE)]


def test_text_that_repeats_at_the_edge_of_pages_is_a_header() -> None:
    """Its number differs from page to page; text that stands on one page only is none."""
    pages = [
        page([at(LEFT, 60, f"Annual report, volume {number}"), *own_prose(number), at(600, 1700, str(number))])
        for number in (7, 8, 9)
    ]
    assert [kind for kind, _ in told(*pages, number=2)] == ["header", "paragraph", "footer"]
    alone = page([at(LEFT, 60, "Annual report, volume 7"), *own_prose(7)])
    assert "header" not in [kind for kind, _ in told(alone)]


def test_cells_at_the_edge_of_pages_are_no_headers() -> None:
    """Only their numbers differ, but they say nothing else."""
    pages = [page([at(LEFT, 60, f"Form {50 + number}"), *own_prose(number)]) for number in (7, 8, 9)]
    assert "header" not in [kind for kind, _ in told(*pages, number=2)]


def test_a_lone_number_in_the_text_is_no_page_number() -> None:
    lines = [*prose(LEFT, 200), at(LEFT, 330, "1987"), *prose(LEFT, 370)]
    assert "footer" not in kinds(lines)
    assert "header" not in kinds(lines)


def test_columns_are_not_mixed() -> None:
    """The reading order has read them one after the other; a paragraph ends with its column."""
    narrow = [line.text[:30] for line in prose(0, 0, 8)]
    left = [at(LEFT, 200 + number * 30, text) for number, text in enumerate(narrow)]
    right = [at(660, 200 + number * 30, text) for number, text in enumerate(narrow)]
    assert [block.lines for block in blocks([page([*left, *right])])[0]] == [tuple(range(8)), tuple(range(8, 16))]


def test_vertical_columns_stay_together() -> None:
    tall = [
        TextLine("国破山河在城春草木深", 0.9, ((x + 30, 100), (x + 30, 500), (x, 500), (x, 100)), 0.9)
        for x in (900, 850, 800)
    ]
    assert [block.lines for block in blocks([page(tall)])[0]] == [(0, 1, 2)]


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_a_turned_page_has_the_same_blocks(rotation: int) -> None:
    """Polygons lie on the page as it came; `rotation` says how to turn it."""
    lines = [at(LEFT, 150, "Water levels of the valley", 40), *prose(LEFT, 230), *prose(LEFT, 400)]
    turned = [replace(line, polygon=_before_rotation(line.polygon, rotation)) for line in lines]
    size = (HEIGHT, WIDTH) if rotation in {90, 270} else (WIDTH, HEIGHT)
    assert blocks([PageLines(turned, *size, rotation)]) == blocks([page(lines)])


def _before_rotation(polygon: Polygon, rotation: int) -> Polygon:
    places = {
        90: lambda x, y: (y, WIDTH - x),
        180: lambda x, y: (WIDTH - x, HEIGHT - y),
        270: lambda x, y: (HEIGHT - y, x),
    }
    one, two, three, four = (places[rotation](x, y) for x, y in polygon)
    return one, two, three, four


def test_a_skewed_page_has_the_same_blocks() -> None:
    lines = [at(LEFT, 150, "Water levels of the valley", 40), *prose(LEFT, 230), *prose(LEFT, 400)]
    angle = math.radians(1.5)
    cosine, sine = math.cos(angle), math.sin(angle)
    skewed = []
    for line in lines:
        one, two, three, four = ((x * cosine - y * sine, x * sine + y * cosine) for x, y in line.polygon)
        skewed.append(replace(line, polygon=(one, two, three, four)))
    assert blocks([page(skewed)]) == blocks([page(lines)])


def test_one_wrong_size_in_a_paragraph_does_not_cut_it() -> None:
    """A line of capitals and figures is measured at another height; its width says that its font is the same."""
    lines = prose(LEFT, 200, 8)
    lines[3] = replace(lines[3], letter_height=17.0, stroke=0.18)
    assert kinds(lines) == ["paragraph"]


POINTS = st.tuples(st.floats(0, 2000), st.floats(0, 2000))
ANY_LINES = st.lists(
    st.builds(
        TextLine,
        st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
        st.just(0.9),
        st.tuples(POINTS, POINTS, POINTS, POINTS),
        st.just(0.9),
        letter_height=st.none() | st.floats(0, 100),
        stroke=st.none() | st.floats(0, 3),
    ),
    max_size=12,
)
ANY_RULES = st.lists(st.tuples(POINTS, POINTS), max_size=6)


@given(ANY_LINES, ANY_RULES, st.sampled_from([0, 90, 180, 270]))
def test_each_line_is_in_exactly_one_block(lines: list[TextLine], rules: list[object], rotation: int) -> None:
    """Wherever lines and ruling lines are."""
    (made,) = blocks([page(lines, rules, rotation)])  # type: ignore[arg-type]
    assert sorted(place for block in made for place in block.lines) == list(range(len(lines)))
    for block in made:
        assert (block.table is not None) == (block.kind == "table")
        assert (block.level is not None) == (block.kind in {"heading", "list-item"})
        assert said(block, page(lines)) is not None
        if block.table:
            assert all(0 <= cell.row <= cell.row + cell.row_span - 1 < block.table.rows for cell in block.table.cells)
            assert all(cell.column + cell.column_span <= block.table.columns for cell in block.table.cells)


def test_the_last_words_of_a_paragraph_are_no_heading_however_large_they_seem() -> None:
    """The size of a line of few letters is told badly."""
    lines = [*prose(100, 100, lines=3), at(100, 190, '("The Company").', size=34), *prose(100, 300)]
    assert "heading" not in [kind for kind, _ in found(lines)]


def levels(*headings: tuple[str, float]) -> list[int | None]:
    """The levels of headings of these sizes, with text below each."""
    lines: list[TextLine] = []
    y = 100.0
    for text, size in headings:
        lines += [at(100, y, text, size=size), *prose(100, y + 50, lines=3)]
        y += 250
    return [block.level for block in blocks([page(lines)])[0] if block.kind == "heading"]


def test_headings_whose_measured_sizes_differ_a_little_are_of_one_level() -> None:
    """Also where the largest and the smallest of them differ more than two that are next to each other."""
    sizes = [("Opening of the session", 36.0), ("Questions of visitors", 33.5), ("The state of the bridge", 31.5)]
    assert levels(("Minutes of the council", 50), *sizes) == [1, 2, 2, 2]
    assert levels(("Minutes of the council", 50), ("Opening of the session", 38), ("The state of it", 30)) == [1, 2, 3]


def test_a_short_heading_joins_the_level_of_those_that_are_about_as_large() -> None:
    """The size of few letters is told badly; a title of few letters is larger than that."""
    assert levels(("Opening of the session", 33), ("Maps", 38), ("Questions of visitors", 33)) == [1, 1, 1]
    assert levels(("Maps", 50), ("Opening of the session", 33)) == [1, 2]


def test_copies_of_a_page_keep_what_is_at_their_edges() -> None:
    """The same letter twice: its title stands at the upper edge of both, and is no header."""
    copy = page([at(100, 80, "A letter to the council", size=44), *prose(100, 400), at(100, 1700, "Yours sincerely,")])
    assert [kind for kind, _ in told(copy, copy, number=2)] == ["heading", "paragraph", "paragraph"]
