"""The structure tree of a PDF (ISO 32000-1, 14.7 and 14.8): what is a heading, a paragraph, a list or a table.

Readers for the blind, and programs that make text of a PDF, follow it. Headers and footers of pages are artifacts: such
readers pass over them.
"""

from __future__ import annotations

from collections.abc import Iterator

from pikepdf import Array, Dictionary, Name, Object, Page, Pdf

from ocrspool.render.areas import Area, Paragraph
from ocrspool.results.blocks import Cell

_DEEPEST = 6
_NAMES = {"paragraph": "P", "caption": "Caption", "footnote": "Note"}
_ARTIFACTS = {"header": b"Header", "footer": b"Footer"}
_END = b"EMC"


class Tags:
    """The structure tree of one PDF."""

    def __init__(self, pdf: Pdf) -> None:
        self._pdf = pdf
        self._root = pdf.make_indirect(Dictionary(Type=Name.StructTreeRoot, K=Array()))
        self._document = self.element("Document", self._root)
        self._pages: list[list[Object]] = []

    def page(self, page: Page) -> PageTags:
        """Return the tags of one more page."""
        page.obj.StructParents = len(self._pages)
        self._pages.append([])
        return PageTags(self, page, self._document, self._pages[-1])

    def close(self) -> None:
        """Complete the tree, now that all pages are known."""
        numbers = Array()
        for number, elements in enumerate(self._pages):
            numbers.append(number)
            numbers.append(self._pdf.make_indirect(Array(elements)))
        self._root.ParentTree = self._pdf.make_indirect(Dictionary(Nums=numbers))
        self._root.ParentTreeNextKey = len(self._pages)
        self._pdf.Root.StructTreeRoot = self._root
        self._pdf.Root.MarkInfo = Dictionary(Marked=True)

    def element(self, name: str, parent: Object) -> Object:
        """Add an element to the tree, below a parent."""
        found = Dictionary(Type=Name.StructElem, S=Name(f"/{name}"), P=parent, K=Array())
        element = self._pdf.make_indirect(found)
        parent.K.append(element)
        return element


class PageTags:
    """The tags of one page: gives each piece of its content the operators around it."""

    def __init__(self, tags: Tags, page: Page, document: Object, elements: list[Object]) -> None:
        self._tags = tags
        self._page = page
        self._document = document
        self._elements = elements
        """What each piece of content belongs to, by its number."""
        self._list: Object | None = None
        """The list that goes on, if the area before was an item."""

    def area(self, area: Area) -> Iterator[tuple[Paragraph, bytes, bytes]]:
        """Yield each paragraph of an area, with the operators before and after its text."""
        kind = area.block.kind
        if kind != "list-item":
            self._list = None
        if subtype := _ARTIFACTS.get(kind):
            begin = b"/Artifact <</Type /Pagination /Subtype /%b>> BDC" % subtype
            yield from ((paragraph, begin, _END) for paragraph in area.paragraphs)
        elif kind == "table":
            yield from self._table(area)
        else:
            element = self._element_of(area)
            yield from ((paragraph, self._begin(element), _END) for paragraph in area.paragraphs)

    def _element_of(self, area: Area) -> Object:
        kind, level = area.block.kind, area.block.level or 1
        if kind == "heading":
            return self._tags.element(f"H{min(level, _DEEPEST)}", self._document)
        if kind == "list-item":
            self._list = self._list or self._tags.element("L", self._document)
            return self._tags.element("LBody", self._tags.element("LI", self._list))
        return self._tags.element(_NAMES.get(kind, "P"), self._document)

    def _table(self, area: Area) -> Iterator[tuple[Paragraph, bytes, bytes]]:
        """Yield the cells of a table, row by row. What is in no cell is a paragraph after it."""
        table = self._tags.element("Table", self._document)
        rows: dict[int, Object] = {}
        for paragraph in area.paragraphs:
            if (cell := paragraph.cell) is None:
                yield paragraph, self._begin(self._tags.element("P", self._document)), _END
                continue
            if cell.row not in rows:
                rows[cell.row] = self._tags.element("TR", table)
            element = self._tags.element("TD", rows[cell.row])
            _set_spans(element, cell)
            yield paragraph, self._begin(element), _END

    def _begin(self, element: Object) -> bytes:
        """Make the next piece of content a part of an element; return the operator before it."""
        number = len(self._elements)
        element.Pg = self._page.obj
        element.K.append(number)
        self._elements.append(element)
        return b"/%b <</MCID %d>> BDC" % (str(element.S)[1:].encode("ascii"), number)


def _set_spans(element: Object, cell: Cell) -> None:
    if cell.row_span > 1 or cell.column_span > 1:
        element.A = Dictionary(O=Name.Table, RowSpan=cell.row_span, ColSpan=cell.column_span)
