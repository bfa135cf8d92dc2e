"""(no benchmark.) The pages of scripts/bench structure: headings, lists, tables, columns, sidebars, footnotes."""

# ruff: noqa: RUF001 - dashes

from __future__ import annotations

import random
from dataclasses import replace
from typing import Literal

from structured.elements import Caption, Grid, Heading, Items, Sheet, Side, Span, Text
from structured.prose import Prose

_FONTS: tuple[Literal["serif", "sans", "dejavu"], ...] = ("serif", "sans", "dejavu")
_RESOLUTIONS = (100, 150, 200, 300)


def sheets(variation: int = 0) -> list[Sheet]:
    """Return all pages. Other variations have other texts, fonts, sizes, resolutions and slopes than the first."""
    seed = 10 * variation
    made = [*_texts(seed + 1), *_columns(seed + 2), *_tables(seed + 3)]
    if not variation:
        return made
    chance = random.Random(variation)  # noqa: S311 - always the same
    return [_varied(sheet, chance) for sheet in made]


def _varied(sheet: Sheet, chance: random.Random) -> Sheet:
    return replace(
        sheet,
        font=chance.choice(_FONTS[:2] if sheet.columns > 1 else _FONTS),
        points=sheet.points - chance.choice((0, 0.5, 1)),
        dpi=chance.choice(_RESOLUTIONS),
        justified=chance.random() < 1 / 2,
        skew=round(chance.uniform(-1, 1), 1),
    )


def _texts(seed: int) -> list[Sheet]:
    p = Prose(seed)
    return [
        Sheet(
            "article",
            [
                Heading("Water levels of the upper valley", 1, 1.9, centered=True),
                Text(p.paragraph(4)),
                Heading("What was measured", 2),
                Text(p.paragraph(3)),
                Items([p.item(), p.item(), p.sentence() + " " + p.sentence(), p.item()]),
                Text(p.paragraph(2)),
                Heading("How it was measured", 2),
                Items([p.sentence() + " " + p.sentence(), p.item(), p.sentence()], "1."),
                Text(p.paragraph(3)),
            ],
            footer="7",
        ),
        Sheet(
            "numbered-bold",
            [
                Heading("1 Scope", 1, 1.0),
                Text(p.paragraph(4)),
                Heading("1.1 Terms that this standard uses", 2, 1.0),
                Text(p.paragraph(3)),
                Heading("1.2 Exceptions", 2, 1.0),
                Text(p.paragraph(5)),
                Heading("2 Requirements", 1, 1.0),
                Text(p.paragraph(2)),
                Items([p.item(), p.item(), p.item()], "(a)"),
                Text(p.paragraph(4)),
            ],
            font="sans",
            points=10,
            dpi=200,
            header="Standard 4711, second edition",
            footer="Page 3 of 12",
        ),
        Sheet(
            "plain-numbers",
            [
                Heading("3. Results of the second year", 1, 1.0, bold=False),
                Text(p.paragraph(5)),
                Text(p.paragraph(4)),
                Heading("3.1. Repairs", 2, 1.0, bold=False),
                Text(p.paragraph(6)),
                Text(p.paragraph(3)),
                Heading("4. Outlook", 1, 1.0, bold=False),
                Text(p.paragraph(4)),
            ],
            points=12,
            indented=True,
            justified=True,
            dpi=100,
        ),
        Sheet(
            "two-line-headings",
            [
                Heading(
                    "A long report with a title that does not fit into one line of the page", 1, 2.0, centered=True
                ),
                Text(p.paragraph(3)),
                Heading("Why the heading of this section is so long that it needs a second line as well", 2, 1.4),
                Text(p.paragraph(4)),
                Heading("RECOMMENDATIONS", 2, 1.0, bold=False),
                Text(p.paragraph(3)),
                Heading("THANKS", 2, 1.0, bold=False),
                Text(p.paragraph(2)),
            ],
            font="dejavu",
            points=10,
            skew=0.8,
        ),
        Sheet(
            "nested-lists",
            [
                Heading("Checklist for the inspection", 1, 1.7),
                Text(p.paragraph(1)),
                Items(
                    [
                        p.item(),
                        Items([p.item(), p.sentence() + " " + p.item()], "–"),
                        p.item(),
                        Items([p.item(), p.item(), p.item()], "–"),
                        p.sentence(),
                    ]
                ),
                Text(p.paragraph(3)),
                Items(
                    [p.item(), Items([p.item(), p.item()], "(a)"), p.item(), p.sentence() + " " + p.sentence()], "1."
                ),
                Text(p.paragraph(2)),
            ],
            font="sans",
            dpi=150,
        ),
        Sheet(
            "footnotes",
            [
                Heading("The bridge of 1843", 1, 1.6),
                Text(p.paragraph(6)),
                Text(p.paragraph(7)),
                Heading("Its architect", 2, 1.3),
                Text(p.paragraph(6)),
            ],
            indented=True,
            justified=True,
            dpi=200,
            header="Annual report of the museum",
            footer="– 23 –",
            footnotes=[f"1 {p.sentence()}", f"2 {p.paragraph(2)}", f"3 {p.sentence()}"],
        ),
    ]


def _columns(seed: int) -> list[Sheet]:
    p = Prose(seed)
    return [
        Sheet(
            "two-columns",
            [
                Heading("On the copying of old catalogues", 1, 2.0, centered=True),
                Text("A. Weaver and C. Lindqvist, County Archive"),
                Heading("1 Introduction", 2, 1.2),
                Text(p.paragraph(8)),
                Text(p.paragraph(6)),
                Heading("2 Method", 2, 1.2),
                Text(p.paragraph(9)),
                Caption(f"Figure 1: {p.item()}."),
                Text(p.paragraph(7)),
                Heading("3 Results", 2, 1.2),
                Text(p.paragraph(9)),
            ],
            points=10,
            columns=2,
            full=2,
            justified=True,
            indented=True,
            dpi=200,
            footer="112",
        ),
        Sheet(
            "three-columns",
            [
                Heading("News of the harbor", 1, 2.4),
                *(
                    element
                    for title in (
                        "New cranes arrive",
                        "Ferry is late again",
                        "Library opens on Sundays",
                        "Old map found",
                    )
                    for element in (Heading(title, 2, 1.3), Text(p.paragraph(5)), Text(p.paragraph(3)))
                ),
            ],
            font="sans",
            points=9,
            columns=3,
            full=1,
            dpi=150,
        ),
        Sheet(
            "sidebar",
            [
                Heading("A year at the water board", 1, 1.8),
                Text(p.paragraph(3)),
                Side(
                    [Heading("In short", 2, 1.1), Items([p.item() for _ in range(4)])],
                    [Text(p.paragraph(6)), Text(p.paragraph(5)), Text(p.paragraph(3))],
                ),
                Heading("The year to come", 2, 1.3),
                Text(p.paragraph(4)),
            ],
            dpi=200,
        ),
        Sheet(
            "columns-with-table",
            [
                Heading("Yields of nine fields", 1, 1.8),
                Text(p.paragraph(7)),
                Heading("Fields", 2, 1.2),
                Caption("Table 1: Yields in tons", picture=False),
                Grid(
                    [
                        ["Field", "1901", "1902"],
                        *([f"No. {n}", str(n * 17 % 90), str(n * 31 % 90)] for n in range(1, 7)),
                    ],
                    [0.4, 0.3, 0.3],
                    "book",
                    frozenset({1, 2}),
                ),
                Text(p.paragraph(8)),
                Heading("Weather", 2, 1.2),
                Text(p.paragraph(12)),
                Text(p.paragraph(10)),
            ],
            points=10,
            columns=2,
            full=1,
            justified=True,
            dpi=150,
        ),
    ]


def _tables(seed: int) -> list[Sheet]:
    p = Prose(seed)
    stock = [
        ["Item", "Place", "Pieces", "Value"],
        ["Maps", "Room 4", "112", "8,400.00"],
        ["Letters", "Room 2", "2,310", "920.50"],
        ["Engines", "Yard", "3", "41,000.00"],
        ["Wells", "Outside", "17", "0.00"],
        ["Registers", "Cellar", "84", "1,260.00"],
    ]
    return [
        Sheet(
            "grid",
            [
                Heading("Stock of the archive", 1, 1.6),
                Text(p.paragraph(2)),
                Grid(stock, [0.3, 0.25, 0.2, 0.25], "all", frozenset({2, 3})),
                Text(p.paragraph(2)),
                Grid(
                    [
                        ["Step", "Who", "What is done"],
                        ["1", "Archive", p.sentence()],
                        ["2", "Water board", p.sentence()],
                        ["3", "Museum", p.paragraph(2)],
                    ],
                    [0.12, 0.25, 0.63],
                    "all",
                ),
                Text(p.paragraph(2)),
            ],
            font="sans",
            points=10,
        ),
        Sheet(
            "spans",
            [
                Heading("Visitors", 1, 1.6),
                Text(p.paragraph(2)),
                Grid(
                    [
                        [Span("House", rows=2), Span("Adults", columns=2), Span("Children", columns=2)],
                        ["2024", "2025", "2024", "2025"],
                        ["Museum", "4,100", "4,350", "1,020", "990"],
                        ["Archive", "310", "298", "12", "20"],
                        [Span("Both", columns=1), "4,410", "4,648", "1,032", "1,010"],
                    ],
                    [0.28, 0.18, 0.18, 0.18, 0.18],
                    "all",
                    frozenset({1, 2, 3, 4}),
                ),
                Text(p.paragraph(3)),
            ],
            dpi=200,
        ),
        Sheet(
            "book",
            [
                Heading("2.4 Measurements", 2, 1.3),
                Text(p.paragraph(2)),
                Caption("Table 3: Depth of the wells in meters", picture=False),
                Grid(
                    [["Well", "Spring", "Summer", "Autumn"], *([w, f"{n}.4", f"{n + 2}.1", f"{n + 1}.7"] for w, n in
                     (("North gate", 3), ("Mill", 7), ("Old market", 12), ("Station", 5), ("School", 9)))],
                    [0.4, 0.2, 0.2, 0.2],
                    "book",
                    frozenset({1, 2, 3}),
                ),
                Text(p.paragraph(4)),
            ],
        ),
        Sheet(
            "no-rules",
            [
                Heading("Staff", 1, 1.5),
                Text(p.paragraph(2)),
                Grid(
                    [["Name", "Office", "Telephone"], ["Ann Weaver", "Director", "555-0101"],
                     ["Carl Lindqvist", "Maps and plans", "555-0102"], ["Dora Miles", "Registers", "555-0144"],
                     ["Emil Novak", "Reading room, on Mondays and on Thursdays only", "555-0150"]],
                    [0.35, 0.4, 0.25],
                    "none",
                ),
                Text(p.paragraph(3)),
            ],
            font="sans",
            dpi=200,
            skew=-0.6,
        ),
        Sheet(
            "level-rules",
            [
                Heading("Schedule of repairs", 1, 1.5),
                Grid(
                    [["When", "Where", "What"], ["March", "Mill", p.sentence()], ["April", "Old market", p.item()],
                     ["June", "Station", p.sentence()], ["September", "North gate", p.item()]],
                    [0.2, 0.25, 0.55],
                    "level",
                ),
                Text(p.paragraph(3)),
            ],
            dpi=150,
        ),
        Sheet(
            "ledger",
            [
                Heading("Invoice 2041", 1, 1.8),
                Text("To the County Archive, 12 Harbor Street"),
                Grid(
                    [["Pos.", "Description", "Quantity", "Price"], ["1", "Paper, white", "40", "12.00"],
                     ["2", "Ink, black", "2", "7.80"], ["3", "Repair of a press", "1", "310.00"],
                     ["4", "Delivery", "1", "15.00"]],
                    [0.1, 0.5, 0.2, 0.2],
                    "upright",
                    frozenset({2, 3}),
                ),
                Text("Payable within thirty days without deduction."),
            ],
            font="dejavu",
            points=10,
            dpi=150,
        ),
    ]  # fmt: skip
