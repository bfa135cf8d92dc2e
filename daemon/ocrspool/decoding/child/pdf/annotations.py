"""Annotations of a PDF page: values of form fields, comments, attached files.

PDFium draws the appearance of an annotation. If there is none, PDFium makes one if it knows how. Either appearance may
lack what the annotation says. Then the text of the annotation is added to what is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pypdfium2
from pypdfium2 import raw

from ocrspool.decoding.child.pdf.attachments import attachment_name, attachments_remark
from ocrspool.decoding.child.pdf.strings import utf16
from ocrspool.pages import Notice

_HIDDEN = raw.FPDF_ANNOT_FLAG_HIDDEN | raw.FPDF_ANNOT_FLAG_NOVIEW
_VALUES = {raw.FPDF_FORMFIELD_TEXTFIELD, raw.FPDF_FORMFIELD_COMBOBOX, raw.FPDF_FORMFIELD_LISTBOX}
_MARKS = {raw.FPDF_FORMFIELD_CHECKBOX, raw.FPDF_FORMFIELD_RADIOBUTTON}
_PASSWORD = 1 << 13
"""Flag of a text field whose value is not to be seen (ISO 32000-1, table 228)."""
_NOTES = {
    raw.FPDF_ANNOT_TEXT,
    raw.FPDF_ANNOT_HIGHLIGHT,
    raw.FPDF_ANNOT_UNDERLINE,
    raw.FPDF_ANNOT_SQUIGGLY,
    raw.FPDF_ANNOT_STRIKEOUT,
    raw.FPDF_ANNOT_CARET,
    raw.FPDF_ANNOT_LINE,
    raw.FPDF_ANNOT_SQUARE,
    raw.FPDF_ANNOT_CIRCLE,
    raw.FPDF_ANNOT_POLYGON,
    raw.FPDF_ANNOT_POLYLINE,
    raw.FPDF_ANNOT_INK,
}
"""Annotations whose contents are shown by whoever opens the file, and never on the page."""
_NOT_DRAWN = {raw.FPDF_ANNOT_LINK, raw.FPDF_ANNOT_POPUP, raw.FPDF_ANNOT_FILEATTACHMENT, *_NOTES}
_ENDS = re.compile(r"[\r\n\f\v\0]+")
_DEEPEST = 4
"""Of forms within forms in an appearance."""
_MOST = 5000
"""Annotations that are looked at on one page."""
_MOST_TEXT = 20_000
"""Characters of annotations that are looked at for one page."""

Box = tuple[float, float, float, float]
"""Left, bottom, right, top in the page's own coordinates."""


@dataclass(frozen=True, slots=True)
class Held:
    """A text that an annotation holds, and where on the page."""

    text: str
    box: Box

    def lines(self) -> list[str]:
        """Return its lines, of those that have words in them."""
        return [" ".join(line.split()) for line in _ENDS.split(self.text) if line.strip()]


@dataclass(frozen=True, slots=True)
class Annotations:
    """What the annotations of one page hold."""

    texts: tuple[Held, ...]
    """That should be seen on the page, and may not be."""
    show_text: bool
    """Whether one of them shows text or a picture, which is no part of the page's own text."""
    remarks: tuple[Notice, ...]


def annotations_of(page: pypdfium2.PdfPage, number: int) -> Annotations:
    """Return what the annotations of this page hold; `number` counts from 1."""
    texts: list[Held] = []
    files: list[str] = []
    notes, show_text = 0, False
    for each in _each(page):
        kind = raw.FPDFAnnot_GetSubtype(each)
        if kind == raw.FPDF_ANNOT_FILEATTACHMENT:
            files.append(attachment_name(raw.FPDFAnnot_GetFileAttachment(each)))
        elif raw.FPDFAnnot_GetFlags(each) & _HIDDEN or kind == raw.FPDF_ANNOT_POPUP:
            continue
        elif kind in _NOTES:
            notes += bool(_string(each, b"Contents").strip())
        elif kind not in _NOT_DRAWN and not _is_mark(page, each):
            text = _value(page, each) if kind == raw.FPDF_ANNOT_WIDGET else _contents(each, kind)
            if text and sum(len(held.text) for held in texts) + len(text) <= _MOST_TEXT and (box := _box(each)):
                texts.append(Held(text, box))
            show_text = show_text or bool(text) or _shows_text(each)
    return Annotations(tuple(texts), show_text, (*attachments_remark(files, number), *_notes_remark(notes, number)))


@contextmanager
def _one(page: pypdfium2.PdfPage, index: int) -> Iterator[raw.FPDF_ANNOTATION]:
    annotation = raw.FPDFPage_GetAnnot(page, index)
    try:
        yield annotation
    finally:
        if annotation:
            raw.FPDFPage_CloseAnnot(annotation)


def _each(page: pypdfium2.PdfPage) -> Iterator[raw.FPDF_ANNOTATION]:
    for index in range(min(_MOST, raw.FPDFPage_GetAnnotCount(page))):
        with _one(page, index) as annotation:
            if annotation:
                yield annotation


def _string(annotation: raw.FPDF_ANNOTATION, key: bytes) -> str:
    return utf16(lambda buffer, size: raw.FPDFAnnot_GetStringValue(annotation, key, buffer, size))


def _contents(annotation: raw.FPDF_ANNOTATION, kind: int) -> str:
    """Return the text of a comment that stands on the page itself."""
    return _string(annotation, b"Contents").strip() if kind == raw.FPDF_ANNOT_FREETEXT else ""


def _value(page: pypdfium2.PdfPage, field: raw.FPDF_ANNOTATION) -> str:
    """Return what is written into a form field, or chosen in it; nothing where it is not to be seen."""
    form = page.formenv
    if form is None or raw.FPDFAnnot_GetFormFieldType(form, field) not in _VALUES:
        return ""
    if raw.FPDFAnnot_GetFormFieldFlags(form, field) & _PASSWORD:
        return ""
    return utf16(lambda buffer, size: raw.FPDFAnnot_GetFormFieldValue(form, field, buffer, size)).strip()


def _is_mark(page: pypdfium2.PdfPage, annotation: raw.FPDF_ANNOTATION) -> bool:
    """Tell whether this is a box to tick: what is seen of it is no text."""
    form = page.formenv
    return form is not None and raw.FPDFAnnot_GetFormFieldType(form, annotation) in _MARKS


def _box(annotation: raw.FPDF_ANNOTATION) -> Box | None:
    found = raw.FS_RECTF()
    if not raw.FPDFAnnot_GetRect(annotation, found):
        return None
    left, right = sorted((found.left, found.right))
    bottom, top = sorted((found.bottom, found.top))
    return (left, bottom, right, top) if right > left and top > bottom else None


def _shows_text(annotation: raw.FPDF_ANNOTATION) -> bool:
    """Tell whether the appearance has text in it, or a picture, which may show text."""
    objects = (raw.FPDFAnnot_GetObject(annotation, at) for at in range(raw.FPDFAnnot_GetObjectCount(annotation)))
    return any(_has_text(each, 0) for each in objects)


def _has_text(drawn: raw.FPDF_PAGEOBJECT, depth: int) -> bool:
    kind = raw.FPDFPageObj_GetType(drawn)
    if kind == raw.FPDF_PAGEOBJ_FORM and depth < _DEEPEST:
        parts = (raw.FPDFFormObj_GetObject(drawn, at) for at in range(raw.FPDFFormObj_CountObjects(drawn)))
        return any(_has_text(part, depth + 1) for part in parts)
    return kind in {raw.FPDF_PAGEOBJ_TEXT, raw.FPDF_PAGEOBJ_IMAGE}


def _notes_remark(count: int, number: int) -> tuple[Notice, ...]:
    if not count:
        return ()
    what = "A comment is" if count == 1 else f"{count} comments are"
    return (Notice("comments", f"{what} attached to the page and not seen on it, so not read.", number),)
