"""The parts of a document and its draft as bytes, and back.

An assembler sees what workers and decoders have written, and these see files of other people. So the service checks
what an assembler says of a draft: `draft_from` raises ValueError for what no sound one says. The rendered pages are
taken as they are, as the text of a worker is.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from ocrspool.decoding.api import DocumentInfo
from ocrspool.errors import DocumentError
from ocrspool.pages import EmbeddedText, EncodedText, Notice, PageImage
from ocrspool.pipeline.assemble import LostPage
from ocrspool.pipeline.assembler import AnyPage, FoundPage, Parts, path_of
from ocrspool.pipeline.draft import DocumentFacts, Draft, TextOutput
from ocrspool.processes.channel import BODY, Message
from ocrspool.processes.fast_json import dumps, loads
from ocrspool.recognition.page_json import decoded, encoded, lines_as_json, lines_from
from ocrspool.results.from_json import engine_of
from ocrspool.results.schema import Engine, Run

_OF_AN_ENGINE = ("runtime", "runtime_version", "device", "precision", "fingerprint", "models")
"""What a result tells of an engine; its worker tells more."""


def request_pieces(engine: Engine, parts: Parts) -> list[bytes]:
    """Return an engine and the parts of a document: JSON, and then the text of each page that was read.

    The texts stay apart: whatever a worker has written, it cannot change what the service says of the document.
    """
    engines: dict[str, dict[str, Any]] = {}
    bodies: list[bytes] = []
    head = dumps(
        {
            "name": os.fsencode(parts.name).hex(),  # any bytes
            "inbox": parts.inbox,
            "opened": parts.opened,
            "pages": [_page_as_json(page, engines, bodies) for page in parts.pages],
            "warnings": parts.warnings,
            "engine": engine,
            "run": parts.run,
            "own": [_own_as_json(own) for own in parts.own.values()],
            "hidden": [(number, lines_as_json(lines)) for number, lines in parts.hidden.items()],
            "outputs": list(parts.outputs),
            "engines": engines,
        }
    )
    return [head, *bodies]


def request_from(pieces: Sequence[bytes]) -> tuple[Engine, Parts]:
    """Return the engine and the parts. Raise UnreadableBodyError where a text is none."""
    found: dict[str, Any] = loads(pieces[0])  # type: ignore[assignment] # the service wrote it
    bodies = iter(pieces[1:])
    opened = found["opened"]
    own = map(_own_from, found["own"])
    parts = Parts(
        name=os.fsdecode(bytes.fromhex(found["name"])),
        inbox=found["inbox"],
        opened=DocumentInfo(**{**opened, "warnings": tuple(map(_notice_from, opened["warnings"]))}),
        pages=[_page_from(page, found["engines"], bodies) for page in found["pages"]],
        warnings=tuple(map(_notice_from, found["warnings"])),
        run=Run(**{**found["run"], "hosts": tuple(found["run"]["hosts"])}),
        own={each.number: each for each in own},
        hidden={number: lines_from(lines) for number, lines in found["hidden"]},
        outputs=found["outputs"],
    )
    return engine_of(found["engine"]), parts


def _page_as_json(page: AnyPage, engines: dict[str, dict[str, Any]], bodies: list[bytes]) -> dict[str, Any]:
    if isinstance(page, EmbeddedText):
        return {"own": _own_as_json(page)}
    if isinstance(page, LostPage):
        error = page.error
        about = {name: getattr(error, name) for name in ("kind", "message", "hint", "stage", "page")}
        return {"lost": page.number, "error": about}
    text = page.text
    if text.engine:
        engines.setdefault(text.engine["fingerprint"], {name: text.engine[name] for name in _OF_AN_ENGINE})
    bodies.append(encoded(text).body)
    return {
        "image": page.image,
        "fingerprint": text.engine.get("fingerprint"),
        "device": text.device,
        "host": text.host,
    }


def _page_from(found: dict[str, Any], engines: Mapping[str, Any], bodies: Iterator[bytes]) -> AnyPage:
    if "own" in found:
        return _own_from(found["own"])
    if "lost" in found:
        about = found["error"]
        words = (about["kind"], about["message"], about["hint"])
        return LostPage(found["lost"], DocumentError(*words, stage=about["stage"], page=about["page"]))
    engine = engines[found["fingerprint"]] if found["fingerprint"] else {}
    text = EncodedText(next(bodies), {}, engine, found["device"], found["host"])
    return FoundPage(PageImage(**found["image"]), decoded(text))


def _own_as_json(own: EmbeddedText) -> dict[str, Any]:
    rest = {name: getattr(own, name) for name in ("number", "width", "height", "dpi", "doubt", "fonts", "rules")}
    return {**rest, "lines": lines_as_json(own.lines)}


def _own_from(found: dict[str, Any]) -> EmbeddedText:
    rules = tuple(((x1, y1), (x2, y2)) for (x1, y1), (x2, y2) in found["rules"])
    lines = lines_from(found["lines"])
    return EmbeddedText(**{**found, "lines": lines, "fonts": tuple(found["fonts"]), "rules": rules})


def draft_to_message(draft: Draft) -> Message:
    """Return what the service does not know of a draft."""
    texts = draft.texts
    pieces = [draft.beginning, *(text.data for text in texts.values() if isinstance(text.data, bytes))]
    about = {
        "facts": asdict(draft.facts),
        "beginning": len(draft.beginning),
        "texts": [[name, text.seconds, _size_or_reason(text.data)] for name, text in texts.items()],
        "warnings": [_notice_as_json(each) for each in draft.warnings],
        "hosts": draft.run.hosts,
        "blocks": draft.run.seconds["blocks"],
    }
    return {"draft": about, BODY: b"".join(pieces)}


def draft_from(answer: Message, parts: Parts) -> Draft:
    """Return the draft of a document that an assembler has made of its parts. Raise ValueError where it is none."""
    try:
        about, body = answer["draft"], answer[BODY]
        beginning = _of(int, about["beginning"])
        seconds = {**parts.run.seconds, "blocks": _of(float, about["blocks"])}
        return Draft(
            path=path_of(parts),
            inbox=parts.inbox,
            sha256=parts.opened.sha256,
            facts=_facts(about["facts"], parts),
            beginning=body[:beginning],
            texts=_texts(about["texts"], body, beginning, parts.outputs),
            warnings=tuple(_checked_notice(each) for each in about["warnings"]),
            run=replace(parts.run, hosts=_strings(about["hosts"]), seconds=seconds),
        )
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"no draft: {error!r}") from error


def _texts(found: list[Any], body: bytes, end: int, wanted: Collection[str]) -> dict[str, TextOutput]:
    """Return the outputs of text, whose bytes follow what ends there. Together they are the rest of the body."""
    texts: dict[str, TextOutput] = {}
    for name, seconds, size in found:
        data: bytes | DocumentError
        if isinstance(size, int) and size >= 0:
            data, end = body[end : end + size], end + size
        else:
            data = DocumentError(*(_of(str, word) for word in size["words"]), page=_number(size["page"]))
        texts[_of(str, name)] = TextOutput(data, _of(float, seconds))
    if end != len(body) or not set(texts) <= set(wanted):
        raise ValueError("other outputs than those that were asked for")
    return texts


def _facts(found: dict[str, Any], parts: Parts) -> DocumentFacts:
    readers = {_of(str, reader): _of(int, count) for reader, count in found["readers"].items()}
    checked = {"lost": _of(int, found["lost"]), "lines": _of(int, found["lines"]), "readers": readers}
    facts = DocumentFacts(**{**found, **checked})
    if facts.status not in {"ok", "partial"} or facts.pages != len(parts.pages):
        raise ValueError("facts of another document")
    return facts


def _size_or_reason(data: bytes | DocumentError) -> int | dict[str, Any]:
    if isinstance(data, DocumentError):
        return {"words": [data.kind, data.message, data.hint], "page": data.page}
    return len(data)


def _notice_as_json(notice: Notice) -> list[Any]:
    return [notice.code, notice.message, notice.page, notice.lines]


def _checked_notice(found: list[Any]) -> Notice:
    code, message, page, lines = found
    numbers = tuple(_of(int, line) for line in lines)
    return Notice(_of(str, code), _of(str, message), _number(page), lines=numbers)


def _notice_from(found: dict[str, Any]) -> Notice:
    return Notice(**{**found, "lines": tuple(found["lines"])})


def _strings(found: Collection[Any]) -> tuple[str, ...]:
    return tuple(_of(str, each) for each in found)


def _number(found: object) -> int | None:
    return None if found is None else _of(int, found)


def _of(kind: type[Any], found: object) -> Any:  # noqa: ANN401 - of that kind
    """Return a value that has to be of a kind."""
    if not isinstance(found, (int, float) if kind is float else kind):
        raise TypeError(f"{found!r} is no {kind.__name__}")
    return found
