"""(no benchmark.) How near one Markdown text comes to another: reading order, tables, headings.

As the public benchmarks of Markdown define them. NID is the normalized indel similarity of the texts, with their tables
as HTML and all white space alike. TEDS is one minus the edit distance of the trees of a table, over the larger tree's
nodes. MHS is the same of the headings and of what stands below each; MHS-S looks at that structure and at no text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from statistics import mean

from lxml import html as lxml_html
from rapidfuzz import fuzz
from rapidfuzz.distance import Levenshtein

_HTML_TABLE = re.compile(r"<table.*?</table>", re.DOTALL | re.IGNORECASE)
_PIPE_TABLE = re.compile(r"(?:^\|.*\|[ ]*\n)(?:^\|[ :|-]+\|[ ]*\n)(?:^\|.*\|[ ]*(?:\n|\Z))*", re.MULTILINE)
_HEADING = re.compile(r"^(#{1,6})[ ]+(.*)$")
_EMPHASIS = re.compile(r"(\*{1,3}|__)(\S(?:.*?\S)?)\1")
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")


@dataclass(frozen=True)
class Node:
    """A node of a tree."""

    tag: str
    text: str = ""
    children: tuple[Node, ...] = field(default=())


def nid(truth: str, found: str) -> float:
    """Return how alike the texts are in the order in which they are read, from 0 to 1."""
    return fuzz.ratio(_plain(truth), _plain(found)) / 100


def _plain(markdown: str) -> str:
    text = _EMPHASIS.sub(r"\2", with_html_tables(markdown))
    return " ".join(_ESCAPE.sub(r"\1", text).replace("&amp;", "&").split())


def with_html_tables(markdown: str) -> str:
    """Return the text with its tables of pipes as HTML."""
    return _PIPE_TABLE.sub(lambda found: _html_of(found[0]), f"{markdown}\n")


def _html_of(pipes: str) -> str:
    lines = [line for number, line in enumerate(pipes.strip().splitlines()) if number != 1]
    rows = [re.split(r"(?<!\\)\|", line.strip())[1:-1] for line in lines]
    cells = ["".join(f"<td>{' '.join(cell.replace('<br>', ' ').split())}</td>" for cell in row) for row in rows]
    return f"<table>{''.join(f'<tr>{row}</tr>' for row in cells)}</table>\n"


def tables(markdown: str) -> list[Node]:
    """Return the tables of a text as trees."""
    return [_table(found) for found in _HTML_TABLE.findall(with_html_tables(markdown))]


def _table(source: str) -> Node:
    rows = []
    for row in lxml_html.fromstring(source).iter("tr"):
        cells = []
        for cell in row:
            spans = f"{cell.get('rowspan', '1')}x{cell.get('colspan', '1')}"
            cells.append(Node(f"td {spans}", _ESCAPE.sub(r"\1", " ".join(cell.text_content().split()))))
        rows.append(Node("tr", "", tuple(cells)))
    return Node("table", "", tuple(rows))


def teds(truth: str, found: str) -> float | None:
    """Return how alike the tables are, each beside the one it is most like, in order; None where there are none."""
    ours, theirs = tables(truth), tables(found)
    if not ours and not theirs:
        return None
    best = [[0.0] * (len(theirs) + 1) for _ in range(len(ours) + 1)]
    for row, one in enumerate(ours, 1):
        for column, two in enumerate(theirs, 1):
            both = best[row - 1][column - 1] + similarity(one, two)
            best[row][column] = max(both, best[row - 1][column], best[row][column - 1])
    return best[-1][-1] / max(len(ours), len(theirs))


def mhs(truth: str, found: str, *, structure_only: bool = False) -> float | None:
    """Return how alike the headings are, and what stands below them; None where the truth has none."""
    one, two = _sections(truth), _sections(found)
    if not any(node.tag == "heading" for node in one.children):
        return None
    if structure_only:
        one, two = _bare(one), _bare(two)
    return similarity(one, two)


def _sections(markdown: str) -> Node:
    text = _HTML_TABLE.sub(" ", with_html_tables(markdown))
    nodes: list[Node] = []
    content: list[str] = []

    def end() -> None:
        if joined := _plain(" ".join(content)):
            nodes.append(Node("content", joined))
        content.clear()

    for line in text.splitlines():
        if heading := _HEADING.match(line):
            end()
            nodes.append(Node("heading", _plain(heading[2])))
        else:
            content.append(line)
    end()
    return Node("root", "", tuple(nodes))


def _bare(node: Node) -> Node:
    return Node(node.tag, "", tuple(map(_bare, node.children)))


def similarity(one: Node, two: Node) -> float:
    """Return one minus the edit distance of two trees, over the nodes of the larger one."""
    first, second = _Postorder(one), _Postorder(two)
    return 1 - _distance(first, second) / max(len(first.nodes), len(second.nodes))


class _Postorder:
    """A tree as Zhang and Shasha look at it: its nodes from the leaves up, and the leftmost leaf below each."""

    def __init__(self, root: Node) -> None:
        self.nodes: list[Node] = []
        self.leftmost: list[int] = []
        self._walk(root)
        last = {leaf: at for at, leaf in enumerate(self.leftmost)}
        self.roots = sorted(last.values())

    def _walk(self, node: Node) -> int:
        leaves = [self._walk(child) for child in node.children]
        self.nodes.append(node)
        self.leftmost.append(leaves[0] if leaves else len(self.nodes) - 1)
        return self.leftmost[-1]


def _distance(one: _Postorder, two: _Postorder) -> float:
    """Return the edit distance of two trees (Zhang and Shasha, 1989): a node costs 1, another text its difference."""
    trees = [[0.0] * len(two.nodes) for _ in one.nodes]
    for root in one.roots:
        for other in two.roots:
            _forests(one, two, root, other, trees)
    return trees[-1][-1]


def _forests(one: _Postorder, two: _Postorder, root: int, other: int, trees: list[list[float]]) -> None:
    start, begin = one.leftmost[root], two.leftmost[other]
    height, width = root - start + 2, other - begin + 2
    costs = [
        [float(row + column) if not row or not column else 0.0 for column in range(width)] for row in range(height)
    ]
    for row in range(1, height):
        for column in range(1, width):
            a, b = start + row - 1, begin + column - 1
            removed, added = costs[row - 1][column] + 1, costs[row][column - 1] + 1
            if one.leftmost[a] == start and two.leftmost[b] == begin:
                costs[row][column] = min(
                    removed, added, costs[row - 1][column - 1] + _rename(one.nodes[a], two.nodes[b])
                )
                trees[a][b] = costs[row][column]
            else:
                kept = costs[one.leftmost[a] - start][two.leftmost[b] - begin] + trees[a][b]
                costs[row][column] = min(removed, added, kept)


def _rename(one: Node, two: Node) -> float:
    if one.tag != two.tag:
        return 1.0
    return 0.0 if one.text == two.text else float(Levenshtein.normalized_distance(one.text, two.text))


def average(values: list[float | None]) -> float | None:
    """Return the mean of those that there are."""
    known = [value for value in values if value is not None]
    return mean(known) if known else None
