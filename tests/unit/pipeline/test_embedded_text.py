"""Which of two texts of a page is believed: the PDF's own, or what was read."""

from __future__ import annotations

import random
from concurrent.futures import Future
from dataclasses import replace

import pytest

from ocrspool.decoding.child.pdf.letters import is_plausible
from ocrspool.errors import DocumentError
from ocrspool.pages import EmbeddedText, Notice, PageImage, PageText, Recognized, TextLine
from ocrspool.pipeline.assemble import ReadPage
from ocrspool.pipeline.embedded_text import EmbeddedTexts, judged, settled, with_hidden
from ocrspool.text_similarity import Runs, share_of
from support import sample_pdfs

PROSE = sample_pdfs.PROSE
RUSSIAN = ("Номер полиса обязательного страхования", "Дата выдачи и подпись владельца документа")
GERMAN = (
    "Ein Verein, der seit mehr als hundert Jahren besteht, muß für die Bücher sorgen, die ihm überlassen wurden, und "
    "sie jedermann zeigen, der darum bittet."
)
FRENCH = (
    "L'assemblée générale a approuvé les comptes présentés par le trésorier, après avoir entendu le rapport de la "
    "présidente sur les activités de l'année écoulée."
)
POLISH = (
    "Zarząd stowarzyszenia przedstawił sprawozdanie finansowe za ubiegły rok, które zostało przyjęte przez wszystkich "
    "obecnych członków zgromadzenia."
)
OTHER = (
    "Every driver has to carry a valid licence and show it to an officer",
    "who asks for it; a copy is not enough, and neither is a photograph.",
)


def lines(*texts: str, left: float = 10) -> tuple[TextLine, ...]:
    """Lines from the top of a page downwards, 20 pixels high."""
    return tuple(
        TextLine(text, 0.9, ((left, y), (left + 300, y), (left + 300, y + 20), (left, y + 20)), 0.9)
        for text, y in zip(texts, range(10, 10_000, 30), strict=False)
    )


def own(*texts: str, doubt: str = "letters", number: int = 1, fonts: tuple[str, ...] = ("Times",)) -> EmbeddedText:
    return EmbeddedText(number, 400, 1000, 100.0, lines(*texts), doubt, fonts)


def reading(*texts: str, warnings: tuple[Notice, ...] = ()) -> PageText:
    return PageText(lines(*texts), 0, {}, warnings)


def misread(line: str, share: float = 0.05) -> str:
    """The line with one character in so many wrong."""
    chosen = random.Random(line)
    return "".join("#" if letter != " " and chosen.random() < share else letter for letter in line)


def image(number: int) -> PageImage:
    return PageImage(number, 400, 1000, 3, 400, 1000, 100.0, -1)


def done(text: PageText) -> Future[Recognized]:
    made: Future[Recognized] = Future()
    made.set_result(text)
    return made


@pytest.mark.parametrize(
    ("texts", "read", "kept", "wrong"),
    [
        (PROSE, PROSE, True, False),
        (PROSE, tuple(map(misread, PROSE)), True, False),
        (PROSE, tuple(line.replace(" ", "") for line in reversed(PROSE)), True, False),
        ((" ".join(PROSE),), PROSE, True, False),
        (tuple(map(sample_pdfs.shifted, PROSE)), PROSE, False, True),
        (OTHER, PROSE, False, True),
        (PROSE[:1], PROSE, False, False),
        (("BATES 000417",), (*PROSE, "BATES 000417"), False, False),
        (("BATES 000417",), PROSE, False, False),
        (("7",), ("7",), True, False),
        (("7",), ("1",), False, True),
        (RUSSIAN, ("0123", "4"), True, False),
        (RUSSIAN, tuple(map(misread, RUSSIAN)), True, False),
        (RUSSIAN * 2, PROSE, False, True),
    ],
    ids=[
        "equal", "some letters misread", "another order, no spaces", "other lines", "wrong letters", "another page",
        "a part", "a stamp", "a stamp that was not read", "one digit", "another digit", "a script that was not read",
        "a script that was read", "a script that is not there",
    ],
)  # fmt: skip
def test_own_text_is_kept_where_it_agrees(
    texts: tuple[str, ...],
    read: tuple[str, ...],
    kept: bool,  # noqa: FBT001 - a parameter
    wrong: bool,  # noqa: FBT001 - a parameter
) -> None:
    verdict = judged(own(*texts), reading(*read))
    assert (verdict.is_kept, verdict.is_wrong) == (kept, wrong)


def test_a_script_that_the_reader_says_it_does_not_know() -> None:
    """Its letters came out as others: its own text is kept where the reading says that it left some out."""
    garbage = tuple("HoMep no/|uca o6R3aTe/|bH" for _ in RUSSIAN)
    warning = Notice("unread-script", "It has letters of another script.", None)
    assert judged(own(*RUSSIAN), reading(*garbage, warnings=(warning,))).is_kept
    assert not judged(own(*RUSSIAN), reading(*garbage)).is_kept


def test_text_over_nothing_is_kept_and_said() -> None:
    """Nothing was read: the own text is all there is."""
    texts = EmbeddedTexts()
    texts.note(own(*PROSE), (), 1, done(reading()))
    chosen, notices = settled([ReadPage(image(1), reading())], texts.own, texts.hidden)
    assert chosen == [own(*PROSE)]
    assert [(notice.code, notice.page) for notice in notices] == [("own-text-not-seen", 1)]


def test_two_pages_speak_for_the_others() -> None:
    """Of the same fonts and the same doubt only; a page that is lost or disagrees speaks against them."""
    texts = EmbeddedTexts()
    assert texts.believes(own(*PROSE, doubt=""))
    for number in (1, 2):
        assert not texts.believes(own(*PROSE, number=number))
        texts.note(own(*PROSE, number=number), (), number, done(reading(*PROSE)))
    assert texts.believes(own(*OTHER, number=3))
    assert not texts.believes(own(*OTHER, number=3, fonts=("Times", "Symbol")))
    assert not texts.believes(own(*OTHER, number=3, doubt="invisible"))
    assert not texts.believes(own(*OTHER, number=3, doubt="ink"))
    lost: Future[Recognized] = Future()
    lost.set_exception(DocumentError("crash", "It is."))
    texts.note(own(*PROSE, number=3), (), 3, lost)
    assert not texts.believes(own(*OTHER, number=4))
    texts = EmbeddedTexts()
    for number in (1, 2):
        texts.note(own(*OTHER, number=number), (), number, done(reading(*PROSE)))
    assert not texts.believes(own(*OTHER, number=3))


def test_pages_whose_text_is_wrong_are_said_together() -> None:
    """One warning for a document, with the numbers of the pages."""
    texts = EmbeddedTexts()
    for number in range(1, 31):
        texts.note(own(*map(sample_pdfs.shifted, PROSE), number=number), (), number, done(reading(*PROSE)))
    pages = [ReadPage(image(number), reading(*PROSE)) for number in range(1, 31)]
    chosen, (notice,) = settled(pages, texts.own, texts.hidden)
    assert all(isinstance(page, ReadPage) for page in chosen)
    assert notice.code == "own-text-not-trusted"
    assert "pages 1, 2, 3" in notice.message
    assert len(notice.message) < 200
    assert notice.page is None


def test_hidden_lines_are_added_where_they_were_not_read() -> None:
    """Once, with a part of their place each; what was read in their place counts, however it was divided."""
    read = reading(*PROSE)
    place = ((10.0, 300.0), (210.0, 300.0), (210.0, 360.0), (10.0, 360.0))
    hidden = tuple(TextLine(text, 1.0, place, 1.0) for text in ("First line of a field", "and the second"))
    found = with_hidden(read, hidden, 100).lines[len(PROSE) :]
    assert [line.text for line in found] == ["First line of a field", "and the second"]
    assert found[0].polygon == ((10, 300), (210, 300), (210, 330), (10, 330))
    assert found[1].polygon == ((10, 330), (210, 330), (210, 360), (10, 360))
    assert with_hidden(read, hidden, 20).lines[-1].polygon == ((10, 320), (210, 320), (210, 340), (10, 340))
    there = tuple(
        replace(line, polygon=tuple((x, y + 290) for x, y in line.polygon))  # type: ignore[arg-type] # four of them
        for line in lines("First line", "of a fie1d and the sec0nd")
    )
    assert with_hidden(replace(read, lines=(*read.lines, *there)), hidden, 100).lines == (*read.lines, *there)
    nothing = reading(warnings=(Notice("no-text-found", "It has none.", None), Notice("other", "It is.", None)))
    assert [warning.code for warning in with_hidden(nothing, hidden, 100).warnings] == ["other"]
    assert len(with_hidden(nothing, (), 100).warnings) == 2
    elsewhere = lines("First line of a field", "and the second", left=1000)
    assert len(with_hidden(replace(read, lines=elsewhere), hidden, 100).lines) == 4


def test_share_of_a_text_in_another() -> None:
    assert Runs(PROSE).share(PROSE[0]) == 1
    assert Runs(PROSE).share(misread(PROSE[0])) > 0.6
    assert Runs(OTHER).share(PROSE[0]) < 0.35
    assert Runs(PROSE).share(sample_pdfs.shifted(PROSE[0])) == 0
    assert share_of([], Runs(PROSE)) == 1
    assert share_of(["...", "—"], Runs([])) == 1
    assert share_of(["中文字符测试"], Runs(["一二中文字符测试三"])) == 1


@pytest.mark.parametrize("by", range(1, 26))
def test_shifted_letters_are_no_language(by: int) -> None:
    text = "\n".join(PROSE)
    assert is_plausible(text)
    assert not is_plausible(sample_pdfs.shifted(text, by))


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        (GERMAN, True), (FRENCH, True), (POLISH, True),
        (" ".join(RUSSIAN), None),
        ("漢字とかな中文" * 30, None),
        ("Invoice 117", None),
        ("", None),
        ("\ue001\ue002\ue003" * 50, False),
        ("\x01\x02 \x03\x04" * 50, False),
        ("\ufffd" * 5 + "word" * 3, False),
    ],
)  # fmt: skip
def test_what_letters_tell(text: str, verdict: bool | None) -> None:  # noqa: FBT001 - a parameter
    assert is_plausible(text) is verdict
