"""The little of roff that a man page takes: see man(7) and groff_char(7)."""

from __future__ import annotations

import re


def page(name: str, section: int, version: str, *parts: str) -> str:
    """Return a man page of these parts. It bears no date: the same program gives the same page.

    Words are not divided and lines not filled up, because most of them are names.
    """
    head = f'.TH {name.upper()} {section} "" "ocrspool {version}"\n.nh\n.ad l\n'
    return head + re.sub(r"^(\.S[HS] .*\n)\.PP\n", r"\1", "".join(parts), flags=re.MULTILINE)


def heading(title: str) -> str:
    """Return the heading of a section."""
    return f".SH {title.upper()}\n"


def subheading(title: str) -> str:
    """Return a heading within a section."""
    return f'.SS "{code(title)}"\n'


def paragraphs(text: str) -> str:
    """Return paragraphs, which empty lines separate."""
    return "".join(f".PP\n{prose(paragraph)}\n" for paragraph in text.split("\n\n") if paragraph)


def item(*terms: str, about: str) -> str:
    """Return one or more terms, marked up already, and what is to be said about them, in one paragraph."""
    first, *others = terms
    return f".TP\n{first}\n" + "".join(f".TQ\n{term}\n" for term in others) + f"{prose(about)}\n"


def as_is(text: str) -> str:
    """Return lines that stay as they are."""
    return ".PP\n.nf\n" + "".join(f"{_kept(line)}\n" for line in text.splitlines()) + ".fi\n"


def prose(text: str) -> str:
    """Return running text, a sentence a line; what stands in backquotes becomes bold."""
    pieces = re.split(r"`([^`]*)`", text)
    marked = "".join(bold(piece) if number % 2 else _escaped(piece) for number, piece in enumerate(pieces))
    return "\n".join(map(_no_request, re.split(r"(?<=[.;:]) (?=[A-Z])", marked)))


def bold(text: str) -> str:
    """Return what is typed as it stands."""
    return rf"\fB{code(text)}\fR"


def italic(text: str) -> str:
    """Return what stands for something else."""
    return rf"\fI{code(text)}\fR"


def code(text: str) -> str:
    """Return text whose hyphens and quotes are to be those of a terminal."""
    return _escaped(text).replace("-", r"\-").replace("'", r"\(aq").replace("^", r"\(ha").replace("~", r"\(ti")


def _escaped(text: str) -> str:
    return text.replace("\\", r"\e").replace('"', r"\(dq")


def _kept(line: str) -> str:
    return _no_request(code(line))


def _no_request(line: str) -> str:
    r"""Return a line of text; one that begins like a request gets a \& in front."""
    return rf"\&{line}" if line.startswith((".", "'")) else line
