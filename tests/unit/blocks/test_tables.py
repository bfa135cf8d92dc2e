"""Tables: with a grid, with some ruling lines, and without any."""

from __future__ import annotations

from ocrspool.blocks.page_blocks import blocks
from ocrspool.pages import TextLine
from support.sample_blocks import PROSE, at, cells, found, grid, only_table, page, prose

XS = (100, 400, 700, 1000)
STOCK = [
    ["Item", "Pieces", "Value"],
    ["Maps", "112", "8,400.00"],
    ["Letters", "2,310", "920.50"],
    ["Wells", "17", "0.00"],
]


def laid_out(rows: list[list[str]], top: float = 300, pitch: float = 40, *, words: bool = False) -> list[TextLine]:
    """Return the cells of rows in the columns of XS; empty ones are left out."""
    return [
        at(XS[column] + 10, top + row * pitch, text, words=words)
        for row, texts in enumerate(rows)
        for column, text in enumerate(texts)
        if text
    ]


def edges(rows: int, top: float = 300, pitch: float = 40) -> list[float]:
    """Return where the level lines of a grid are."""
    return [top - pitch / 2 + number * pitch for number in range(rows + 1)]


def test_a_grid_is_a_table() -> None:
    table = only_table(laid_out(STOCK), grid(XS, edges(4)))
    assert cells(table) == STOCK
    assert all(cell.row_span == cell.column_span == 1 for cell in table.cells)


def test_columns_without_a_grid_are_a_table() -> None:
    """Between text: what is above and below is none of it."""
    lines = [*prose(100, 100), *laid_out(STOCK), *prose(100, 500)]
    assert [kind for kind, _ in found(lines)] == ["paragraph", "table", "paragraph"]
    assert cells(only_table(lines)) == STOCK


def test_numbers_on_the_right_of_their_column_are_below_a_title_on_its_left() -> None:
    """None of them stands below the title itself."""
    lines = [at(100, 300, "Field"), at(320, 300, "1901"), at(560, 300, "1902")]
    for row in range(1, 5):
        y = 300 + 40 * row
        lines += [at(100, y, f"No. {row}"), at(430, y, "17"), at(700, y, "31")]
    assert cells(only_table(lines)) == [["Field", "1901", "1902"], *([f"No. {row}", "17", "31"] for row in range(1, 5))]


def test_a_missing_cell_leaves_its_column_empty() -> None:
    rows = [
        ["Name", "Office", "Telephone"],
        ["Ann", "Director", "0101"],
        ["Carl", "", "0102"],
        ["Dora", "Maps", "0144"],
    ]
    assert cells(only_table(laid_out(rows))) == rows


def test_two_columns_of_prose_are_no_table() -> None:
    lines = []
    for number in range(6):
        lines += [at(40, 300 + number * 30, PROSE[number % 4][:48]), at(660, 300 + number * 30, PROSE[number % 4][:48])]
    assert "table" not in [kind for kind, _ in found(lines)]


def test_signatures_side_by_side_are_no_table() -> None:
    rows = [["Contoso", "Works"], ["By: Ann", "By: Carl"], ["Director", "Clerk"]]
    lines = [
        at(XS[column * 2], 300 + row * 35, text) for row, texts in enumerate(rows) for column, text in enumerate(texts)
    ]
    assert "table" not in [kind for kind, _ in found(lines)]


def test_a_receipt_is_a_table_of_items_and_prices() -> None:
    rows = [["Paper", "12.00"], ["Ink, black", "7.80"], ["Repair", "310.00"], ["TOTAL", "329.80"]]
    lines = [at(100, 100, "HARBOR STORES", 40)]
    for number, (item, price) in enumerate(rows):
        lines += [at(100, 300 + number * 34, item), at(500 - len(price) * 12, 300 + number * 34, price)]
    assert cells(only_table(lines)) == rows


def test_lines_of_a_cell_are_joined() -> None:
    """In a grid, and without one where the first column tells the rows."""
    rows = [["1", "Archive", "Maps"], ["2", "Museum", "Letters and"], ["", "", "registers"], ["3", "Port", "Wells"]]
    ys = [280.0, 320.0, 400.0, 440.0]
    lines = [
        at(XS[column] + 10, 300 + row * 36, text)
        for row, texts in enumerate(rows)
        for column, text in enumerate(texts)
        if text
    ]
    expected = [rows[0], ["2", "Museum", "Letters and registers"], rows[3]]
    assert cells(only_table(lines, grid(XS, ys))) == expected
    lines[6] = at(XS[2] + 10, 300 + 66, "registers")
    assert cells(only_table(lines)) == expected


def test_level_rules_between_rows_tell_the_rows() -> None:
    """Each row has two lines in each column; without the rules these would be rows."""
    texts = [["March", "the old", "repair of"], ["2025", "mill", "a gate"]]
    lines = [
        at(XS[column] + 10, 300 + row * 100 + number * 30, text)
        for row in range(4)
        for number, line in enumerate(texts)
        for column, text in enumerate(line)
    ]
    rules = [((100.0, 270.0 + row * 100), (1000.0, 270.0 + row * 100)) for row in range(5)]
    assert cells(only_table(lines, rules)) == [["March 2025", "the old mill", "repair of a gate"]] * 4


def test_cells_without_a_border_between_them_span() -> None:
    """A title over two columns, and a label beside two rows."""
    rules = [
        *(((100.0, y), (1000.0, y)) for y in (280.0, 360.0, 400.0, 440.0)),
        ((400.0, 320.0), (1000.0, 320.0)),
        *(((x, 280.0), (x, 440.0)) for x in (100.0, 400.0, 1000.0)),
        ((700.0, 320.0), (700.0, 440.0)),
    ]
    rows = [["House", "Visitors", ""], ["", "2024", "2025"], ["Museum", "4,100", "4,350"], ["Archive", "310", "298"]]
    table = only_table(laid_out(rows), rules)
    assert cells(table) == rows
    spans = {" ".join(cell.texts): (cell.row_span, cell.column_span) for cell in table.cells}
    assert spans["House"] == (2, 1)
    assert spans["Visitors"] == (1, 2)
    assert spans["2024"] == (1, 1)


def test_a_ledger_has_a_row_for_each_line() -> None:
    """Only the title has a rule below it; upright lines divide the columns."""
    rules = [
        *(((100.0, y), (1000.0, y)) for y in (280.0, 320.0, 440.0)),
        *(((float(x), 280.0), (float(x), 440.0)) for x in XS),
    ]
    assert cells(only_table(laid_out(STOCK), rules)) == STOCK


def test_a_line_that_was_read_over_two_cells_is_divided_at_the_border() -> None:
    lines = laid_out(STOCK, words=True)
    lines[3:5] = [at(110, 340, "Maps" + " " * 21 + "112", words=True)]
    table = only_table(lines, grid(XS, edges(4)))
    assert cells(table) == STOCK
    both = [cell for cell in table.cells if cell.lines == (3,)]
    assert [cell.texts for cell in both] == [("Maps",), ("112",)]


def test_a_frame_around_text_is_no_table() -> None:
    lines = prose(120, 300)
    assert [kind for kind, _ in found(lines, grid((100, 1000), (270, 420)))] == ["paragraph"]


def test_the_frame_of_two_columns_is_no_table() -> None:
    left = [at(110, 300 + number * 30, PROSE[number % 4][:30]) for number in range(12)]
    right = [at(620, 300 + number * 30, PROSE[number % 4][:30]) for number in range(12)]
    assert "table" not in [kind for kind, _ in found([*left, *right], grid((100, 600, 1100), (270, 700)))]


def test_cells_of_several_lines_are_read_one_after_the_other() -> None:
    """Read row by row, their lines are mixed; the block has the right order."""
    lines = [at(110, 300, "Letters and"), at(410, 300, "In the"), at(110, 330, "registers"), at(410, 330, "cellar")]
    lines += [at(110, 380, "Maps"), at(410, 380, "Room 4")]
    (table,) = blocks([page(lines, grid((100, 400, 700), (280, 355, 400)))])[0]
    assert table.lines == (0, 2, 1, 3, 4, 5)


def test_text_beside_a_sidebar_is_no_table() -> None:
    """Rows of both may stand at the same heights."""
    items = ["Maps of the river", "Two engines", "Old letters", "New wells", "The bridge"]
    lines = []
    for number, item in enumerate(items):
        lines += [at(40, 300 + number * 30, PROSE[number % 4][:60]), at(860, 300 + number * 30, f"{item} 19{number}7")]
    assert "table" not in [kind for kind, _ in found(lines)]


def test_titles_far_from_the_numbers_of_their_columns() -> None:
    """The title of a column begins where the numbers of the column before it end."""
    lines = [at(100, 300, "Well"), at(500, 300, "Spring"), at(760, 300, "Summer")]
    for row in range(1, 5):
        y = 300 + 40 * row
        lines += [at(100, y, f"Gate {row}"), at(710, y, "12.4"), at(990, y, "14.1")]
    assert cells(only_table(lines)) == [
        ["Well", "Spring", "Summer"],
        *([f"Gate {row}", "12.4", "14.1"] for row in range(1, 5)),
    ]


SUMS = [["Subtotal", "9,320.50"], ["Tax", "1,770.90"]]


def test_sums_below_the_last_columns_are_rows_of_the_table() -> None:
    """They have a frame of their own, and space above it."""
    lines = laid_out(STOCK, words=True)
    for row, (label, value) in enumerate(SUMS):
        lines += [at(XS[1] + 60, 510 + 40 * row, label), at(XS[2] + 10, 510 + 40 * row, value)]
    rules = [*grid(XS, edges(4)), *grid((XS[1] + 50, XS[2], XS[3]), [490, 530, 570])]
    table = only_table(lines, rules)
    assert cells(table) == [*STOCK, *(["", *row] for row in SUMS)]


def test_a_label_of_sums_may_stand_in_the_room_between_columns() -> None:
    """It belongs to the column on the left of its number."""
    lines = laid_out(STOCK)
    lines += [at(560, 500, "Total"), at(710, 500, "9,320.50"), at(560, 540, "Due"), at(710, 540, "9,320.50")]
    rules = [*grid(XS, edges(4)), ((550.0, 480.0), (1000.0, 480.0)), ((550.0, 520.0), (1000.0, 520.0)),
             ((550.0, 560.0), (1000.0, 560.0)), ((550.0, 480.0), (550.0, 560.0)), ((690.0, 480.0), (690.0, 560.0)),
             ((1000.0, 480.0), (1000.0, 560.0))]  # fmt: skip
    assert cells(only_table(lines, rules))[4:] == [["", "Total", "9,320.50"], ["", "Due", "9,320.50"]]


def test_another_table_below_is_no_sums() -> None:
    """It has words in its last column, or is far away."""
    for rows, top in ((["Clerk", "Ann"], ["Office", "Maps"]), 510), (SUMS, 900):
        lines = laid_out(STOCK)
        for row, (label, value) in enumerate(rows):
            lines += [at(XS[1] + 60, top + 40 * row, label), at(XS[2] + 10, top + 40 * row, value)]
        rules = [*grid(XS, edges(4)), *grid((XS[1] + 50, XS[2], XS[3]), [top - 20, top + 20, top + 60])]
        assert [kind for kind, _ in found(lines, rules)] == ["table", "table"]


def test_a_line_between_two_grids_that_lie_over_each_other_is_in_one_table() -> None:
    """Found by the fuzzer: each word of such a line was twice in the outputs."""
    polygons = [
        ((-1013, 6573), (-1258, 2040), (904, 6587), (1002, 6573)),
        ((1192, 1352), (1820, 1352), (1820, 1594), (1192, 1594)),
        ((1912, 1912), (2468, 1912), (2468, 1933), (1912, 1933)),
    ]
    lines = [TextLine("Maps", 1.0, polygon, 1.0) for polygon in polygons]
    first = [((-1028, 776), (6296, 776)), ((680, 760), (680, 5688))]
    second = [((1144, 1704), (3350, 1704)), ((1816, 920), (1816, 3428))]
    (blocks_of_page,) = blocks([page(lines, [*first, *second])])
    assert sorted(place for block in blocks_of_page for place in block.lines) == [0, 1, 2]
