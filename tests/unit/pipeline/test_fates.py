"""What becomes of a job, whatever goes wrong on its way. All of it without a process, an engine or a spool."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ocrspool.config.current import CurrentConfig
from ocrspool.config.job_options import HookOptions, JobOptions
from ocrspool.config.schema import Config, Profile
from ocrspool.decoding.api import DecoderDiedError, SourceReadError
from ocrspool.decoding.stub import PreparedDocument, PreparedPage, StubDecoderPool
from ocrspool.errors import DocumentError, EngineError
from ocrspool.observability.statistics import JobStatistics
from ocrspool.pages import EmbeddedText, EncodedText, Notice, PageImage, PageOptions, PageText, ReaderOrder, TextLine
from ocrspool.pipeline import pipeline as module
from ocrspool.pipeline.job_outcome import JobOutcome, Stalled
from ocrspool.pipeline.pipeline import Pipeline
from ocrspool.recognition.page_json import body_of
from ocrspool.recognition.stub import FACTS, Answer, StubRecognizer
from ocrspool.spool.growing_files import Return
from ocrspool.spool.jobs import Job
from support.memory_job_store import MemoryJobStore
from support.sample_results import ENGINE
from support.stub_pages import BOX, text

HOOKS = HookOptions(("told", "done"), ("told", "failed"), 5.0)
OPTIONS = JobOptions(Profile(), ("json",), HOOKS)
JOB = Job("job-1", "scans", "a.png", Path("/work/job-1/source/a.png"))


def damaged(page: int | None = None) -> DocumentError:
    return DocumentError("damaged", "It is damaged.", "Send it again.", page=page)


def full() -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def unread() -> SourceReadError:
    return SourceReadError(errno.EIO, "the file cannot be read")


@dataclass
class World:
    """A pipeline and all that it talks to."""

    store: MemoryJobStore
    document: PreparedDocument = field(default_factory=PreparedDocument)
    answers: dict[int, list[Answer]] = field(default_factory=dict)
    """By the number of a page: what becomes of it, each time that it is submitted. Otherwise it has one line."""
    settings: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.decoders = StubDecoderPool(lambda _: self.document)
        self.workers = StubRecognizer(self.answer)
        self.statistics = JobStatistics()
        live = CurrentConfig(Config.model_validate(self.settings))
        self.pipeline = Pipeline(live, self.decoders, self.workers, ENGINE, self.statistics)

    def answer(self, image: PageImage) -> Answer:
        answers = self.answers.get(image.number)
        return answers.pop(0) if answers else text(f"page {image.number}")

    def run(self, job: Job = JOB, options: JobOptions = OPTIONS) -> JobOutcome | Stalled | None:
        return self.pipeline.run(job, self.store, options)

    def stalled(self, options: JobOptions = OPTIONS) -> Stalled:
        ended = self.run(options=options)
        assert isinstance(ended, Stalled)
        return ended

    def done(self, options: JobOptions = OPTIONS, job: Job = JOB) -> dict[str, Any]:
        """Return the result of a job that has to be delivered."""
        ended = self.run(job, options)
        assert isinstance(ended, JobOutcome)
        assert ended.outcome == "done"
        return self.result()

    def failed(self, job: Job = JOB) -> dict[str, Any]:
        """Return the reason of a job that has to fail."""
        ended = self.run(job)
        assert isinstance(ended, JobOutcome)
        assert ended.outcome == "failed"
        assert ended.command == HOOKS.on_failed
        return self.store.failed[JOB.name]

    def result(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.store.delivered[JOB.name].data)
        return found


NewWorld = Callable[..., World]


@pytest.fixture
def new_world(tmp_path: Path) -> NewWorld:
    return lambda **parts: World(MemoryJobStore(tmp_path), **parts)


def pages(*errors: list[Exception]) -> PreparedDocument:
    """Return a document with a page for each list of errors."""
    return PreparedDocument([PreparedPage(errors=each) for each in errors])


def test_a_document_is_read(new_world: NewWorld) -> None:
    """Its steps come in this order, it is counted, and its hook is told what it needs."""
    world = new_world(document=pages([], []))
    ended = world.run()
    assert isinstance(ended, JobOutcome)
    assert world.store.calls == ["begin", "take_back", "keep", "done_as", "take_back", "deliver"]
    assert world.result()["text"] == "page 1\fpage 2"
    assert world.workers.alone == [False, False]
    assert (ended.outcome, ended.command, ended.hooks.seconds) == ("done", ("told", "done"), 5.0)
    assert ended.files == (Path("/outbox/a.png.json"),)
    assert ended.more == {"STATUS": "ok", "PAGES": "2", "WARNINGS": ""}
    assert world.statistics.total().done == 1


def test_a_delivery_gets_what_it_needs_with_the_bytes(new_world: NewWorld) -> None:
    """The digest and the suffixes are those of the JSON, which nothing has to read again."""
    world = new_world(document=PreparedDocument(sha256="ab" * 32))
    found = world.done(JobOptions(Profile(), ("json", "txt", "html")))
    files = world.store.delivered[JOB.name].files
    assert files.digest == found["source"]["sha256"] == "ab" * 32
    assert list(files.suffixes) == [output["suffix"] for output in found["outputs"]] == [".txt", ".html"]


def test_text_outputs_lie_where_their_delivery_finds_them(new_world: NewWorld) -> None:
    """They are there before the result is delivered, and the hook gets them in the same order."""
    world = new_world()
    ended = world.run(options=JobOptions(Profile(), ("tsv", "txt")))
    assert isinstance(ended, JobOutcome)
    assert world.store.output(JOB, ".txt") == b"page 1\n"
    assert b"page 1" in world.store.output(JOB, ".tsv")
    assert world.store.calls[-3:] == ["place", "take_back", "deliver"]
    assert [path.suffix for path in ended.files] == [".json", ".txt", ".tsv"]


def test_decoders_make_what_shows_pages_of_one_rendering(new_world: NewWorld) -> None:
    """A decoder dies over the first of them, which does no harm: it is tried again with another one."""
    world = new_world(document=PreparedDocument(view_errors=[DecoderDiedError("killed")]))
    world.done(JobOptions(Profile(), ("html", "pdf")))
    html, pdf = world.store.output(JOB, ".html"), world.store.output(JOB, ".pdf")
    assert html.removeprefix(b"html of ") == pdf.removeprefix(b"pdf of ")
    assert json.loads(pdf.removeprefix(b"pdf of "))["text"] == "page 1"
    assert len(world.decoders.taken) == 4


def test_an_output_that_cannot_be_made_costs_a_warning(new_world: NewWorld) -> None:
    """Its decoders die twice; the other outputs and the text are delivered."""
    world = new_world(document=PreparedDocument(view_errors=[DecoderDiedError("killed"), DecoderDiedError("killed")]))
    found = world.done(JobOptions(Profile(), ("txt", "html")))
    assert [output["format"] for output in found["outputs"]] == ["txt"]
    assert [(warning["code"], warning["message"]) for warning in found["warnings"]] == [
        ("output-failed", "There is no html: killed")
    ]


def test_a_document_without_tables_has_no_csv_and_that_is_no_failure(
    new_world: NewWorld, caplog: pytest.LogCaptureFixture
) -> None:
    """The result says so with a code of its own. The log has no warning."""
    found = new_world().done(JobOptions(Profile(), ("txt", "csv")))
    assert [output["format"] for output in found["outputs"]] == ["txt"]
    assert [(warning["code"], warning["message"]) for warning in found["warnings"]] == [
        ("no-table", "There is no csv: no table was found in the document.")
    ]
    assert not [record for record in caplog.records if "csv" in record.getMessage()]


def test_a_pdf_whose_pages_could_not_be_kept_says_so(new_world: NewWorld) -> None:
    """It is delivered all the same."""
    found = new_world(document=PreparedDocument(keeps_pages=False)).done(JobOptions(Profile(), ("pdf",)))
    assert [output["format"] for output in found["outputs"]] == ["pdf"]
    assert [warning["code"] for warning in found["warnings"]] == ["pages-as-pictures"]


def test_warnings_reach_the_result_from_wherever_they_come(new_world: NewWorld) -> None:
    """Of the document, of a page, and of its reading: that one gets the number of the page."""
    of_reading = PageText((), 0, {}, (Notice("unread-script", "C", None, lines=(0,)),))
    page = PreparedPage(warnings=(Notice("reduced", "B", 1),))
    document = PreparedDocument([page], warnings=(Notice("attachments", "A", None),))
    found = new_world(document=document, answers={1: [of_reading]}).done()["warnings"]
    assert [(each["code"], each["page"], each["lines"]) for each in found] == [
        ("attachments", None, []),
        ("reduced", 1, []),
        ("unread-script", 1, [0]),
    ]


def test_a_page_that_cannot_be_decoded_is_lost(new_world: NewWorld) -> None:
    """The others are read."""
    world = new_world(document=pages([], [damaged(2)], []))
    found = world.done()
    assert found["status"] == "partial"
    assert [page["status"] for page in found["pages"]] == ["ok", "failed", "ok"]
    assert found["pages"][1]["error"]["kind"] == "damaged"


def test_a_page_that_cannot_be_recognized_is_lost(new_world: NewWorld) -> None:
    """Likewise."""
    world = new_world(document=pages([], []), answers={1: [DocumentError("recognition", "It fails.", page=1)]})
    assert [page["status"] for page in world.done()["pages"]] == ["failed", "ok"]


def test_a_document_without_a_page_that_can_be_read_fails(new_world: NewWorld) -> None:
    """Its reason is that of its first page."""
    why = new_world(document=pages([damaged(1)], [damaged(2)])).failed()
    assert (why["kind"], why["page"], why["attempts"]) == ("damaged", 1, 1)


def test_a_file_that_cannot_be_opened_fails_at_once(new_world: NewWorld) -> None:
    """It is counted, and costs one attempt."""
    world = new_world(document=PreparedDocument(errors=[damaged()]))
    assert world.failed()["hint"] == "Send it again."
    assert world.store.calls == ["begin", "take_back", "take_back", "fail"]
    assert world.statistics.total().failed == 1


def test_a_decoder_that_dies_of_a_page_once(new_world: NewWorld) -> None:
    """Another one decodes the page, and the death is remembered on disk."""
    world = new_world(document=pages([DecoderDiedError("killed", 1)]))
    assert world.done()["status"] == "ok"
    assert "note_death" in world.store.calls


def test_a_page_of_which_two_decoders_die(new_world: NewWorld) -> None:
    """It is lost, the others are read, and this is one attempt."""
    world = new_world(document=pages([], [DecoderDiedError("killed", 2), DecoderDiedError("killed", 2)]))
    found = world.done()
    assert (found["status"], found["run"]["attempts"]) == ("partial", 1)
    assert found["pages"][1]["error"]["kind"] == "crash"


def test_a_document_that_costs_decoder_after_decoder(new_world: NewWorld) -> None:
    """It is given up, whichever of its pages are at fault."""
    deadly: list[list[Exception]] = [[DecoderDiedError("killed", number)] for number in range(1, 21)]
    why = new_world(document=pages(*deadly)).failed()
    assert why["kind"] == "crash"
    assert "decoders died of this file 11 times" in why["message"]


def test_a_death_at_no_page_costs_an_attempt(new_world: NewWorld) -> None:
    """The next attempt has its pages read alone."""
    world = new_world(document=PreparedDocument(errors=[DecoderDiedError("killed")]))
    assert world.done()["run"]["attempts"] == 2
    assert world.workers.alone == [True]


def test_a_page_that_kills_its_worker_each_time(new_world: NewWorld) -> None:
    """The file is tried as often as is configured, alone after the first time, and then fails."""
    dead = EngineError("the worker was killed")
    world = new_world(answers={1: [dead, dead]}, settings={"service": {"attempts": 2}})
    why = world.failed()
    assert (why["kind"], why["attempts"]) == ("crash", 2)
    assert world.workers.alone == [False, True]


def test_pages_that_no_worker_has_are_taken_back_from_a_dead_attempt(new_world: NewWorld) -> None:
    """A document that kills workers does not do so page by page; nor does it send further pages."""
    world = new_world(document=pages([], [], [], []), answers={1: ["hang"], 2: ["hang"]})
    read = world.answer

    def answer(image: PageImage) -> Answer:
        if image.number == 3 and not world.workers.unread[0].done():
            world.workers.unread[0].set_exception(EngineError("killed"))
        return read(image)

    world.workers.answer = answer
    assert world.done()["run"]["attempts"] == 2
    _, abandoned = world.workers.unread
    assert abandoned.cancelled()
    assert world.workers.alone == [False, False, False, True, True, True, True]


def test_a_job_that_was_tried_before_is_read_alone(new_world: NewWorld) -> None:
    """Also where the service died, and not a worker."""
    world = new_world()
    world.done(job=Job("job-1", "scans", "a.png", JOB.source, interruptions=1))
    assert world.workers.alone == [True]


def test_a_stop_ends_no_file(new_world: NewWorld) -> None:
    """What ended the attempt was most likely the stop: the job stays in work/, and the attempt does not count."""
    world = new_world(answers={})
    world.workers = StubRecognizer(lambda _: stop())

    def stop() -> Exception:
        world.pipeline.stop()
        return EngineError("the service is stopping")

    world.pipeline = Pipeline(CurrentConfig(Config()), world.decoders, world.workers, ENGINE, world.statistics)
    assert world.run() is None
    assert [job.attempts for job in world.store.suspended] == [1]
    assert not world.store.failed
    assert not world.store.delivered
    assert world.run() is None
    assert len(world.decoders.taken) == 1


def test_a_stop_while_an_output_is_made(new_world: NewWorld) -> None:
    """The decoders are closed: the job stays in work/."""
    world = new_world()
    world.store.errors["place"] = []
    reading = world.workers.submit

    def stop(image: PageImage, options: PageOptions, **more: Any) -> Any:  # noqa: ANN401 - a future
        future = reading(image, options, **more)
        world.pipeline.stop()
        world.decoders.close()
        return future

    world.workers.submit = stop  # type: ignore[method-assign] # the stop has to come in between
    assert world.run(options=JobOptions(Profile(), ("html",))) is None
    assert len(world.store.suspended) == 1
    assert world.store.delivered == {}


@pytest.mark.parametrize("step", ["begin", "take_back", "keep", "note_death"])
def test_a_disk_that_fails_before_the_result(new_world: NewWorld, step: str) -> None:
    """The job waits and is read again from its beginning. Left for the next start, it has cost no attempt."""
    world = new_world(document=pages([DecoderDiedError("killed", 1)] if step == "note_death" else []))
    world.store.errors[step] = [full()]
    stalled = world.stalled()
    assert "No space left" in str(stalled.problem)
    stalled.leave()
    assert [job.attempts - 1 for job in world.store.suspended] == [0]
    ended = stalled.again()
    assert isinstance(ended, JobOutcome)
    assert world.result()["run"]["attempts"] == 1


@pytest.mark.parametrize("step", ["place", "deliver"])
def test_a_disk_that_fails_at_the_delivery(new_world: NewWorld, step: str) -> None:
    """Nothing is read again when the disk is back, however often it fails."""
    world = new_world()
    world.store.errors[step] = [full(), full()]
    stalled = world.stalled(JobOptions(Profile(), ("txt",)))
    again = stalled.again()
    assert isinstance(again, Stalled)
    assert isinstance(again.again(), JobOutcome)
    assert len(world.workers.alone) == 1
    assert world.store.calls.count("begin") == 1


def test_pages_are_taken_back_where_the_source_cannot_be_kept(new_world: NewWorld) -> None:
    """They would be read for nothing."""
    world = new_world(answers={1: ["hang"]})
    world.store.errors["keep"] = [full()]
    assert isinstance(world.run(), Stalled)
    (abandoned,) = world.workers.unread
    assert abandoned.cancelled()


def test_a_failure_that_the_disk_does_not_take(new_world: NewWorld) -> None:
    """The file fails when the disk is back; it is not read again."""
    world = new_world(document=pages([damaged(1)]))
    world.store.errors["fail"] = [full()]
    ended = world.stalled().again()
    assert isinstance(ended, JobOutcome)
    assert ended.outcome == "failed"
    assert len(world.decoders.taken) == 1


def test_a_disk_that_was_away_when_the_file_was_to_be_opened(new_world: NewWorld) -> None:
    """The file is opened again when the disk is back: nothing is known of it."""
    gone = DocumentError("unreadable", "It cannot be opened.", stage="open")
    world = new_world(document=PreparedDocument(errors=[gone]))
    world.store.errors["fail"] = [full()]
    ended = world.stalled().again()
    assert isinstance(ended, JobOutcome)
    assert (ended.outcome, world.store.failed) == ("done", {})


def test_an_outbox_in_which_people_leave_no_name_free(new_world: NewWorld) -> None:
    """The file fails, although it was read: nobody but them can help."""
    world = new_world()
    world.store.errors["deliver"] = [DocumentError("no-place", "All names are taken.", stage="deliver")]
    assert world.failed()["kind"] == "no-place"


@pytest.mark.parametrize("when", ["before it is opened", "before it is delivered", "before it fails"])
def test_a_file_that_somebody_still_writes_to(new_world: NewWorld, when: str) -> None:
    """It goes back, and nothing is delivered or failed. The log says so."""
    world = new_world(document=pages([damaged(1)] if when == "before it fails" else []))
    world.store.returns = [*([None] if when != "before it is opened" else []), Return("it has changed", again=False)]
    assert world.run() is None
    assert not world.store.failed
    assert not world.store.delivered
    assert world.statistics.total().failed == 0


def test_a_file_is_not_blamed_for_its_disk(new_world: NewWorld) -> None:
    """What took too long while the disk did not answer is tried again when it does."""
    slow = DocumentError("timeout", "decoding took longer than 60 s")
    world = new_world(document=PreparedDocument(errors=[slow]))
    hang = world.decoders.take

    def take(inbox: str, _: Callable[[], bool]) -> Any:  # noqa: ANN401 - a context manager
        world.store.is_hanging = True  # it hangs from now on, while the decoder has the file
        return hang(inbox)

    world.decoders.take = take  # type: ignore[method-assign, assignment] # the hang has to come in between
    stalled = world.stalled()
    assert isinstance(stalled.problem, OSError)
    assert stalled.problem.errno == errno.ETIMEDOUT
    assert world.store.failed == {}


def test_a_document_that_takes_too_long(new_world: NewWorld) -> None:
    """It fails when its next page comes."""
    assert new_world(settings={"limits": {"document_seconds": 1e-9}}).failed()["kind"] == "timeout"


def test_a_bug_of_ours_ends(new_world: NewWorld) -> None:
    """The file is given up after as many attempts as any other; it does not go round for ever."""
    world = new_world()
    world.store.errors["begin"] = [LookupError("a bug")] * 9
    why = world.failed()
    assert (why["kind"], why["attempts"]) == ("crash", 3)


def test_text_that_a_page_brings_along_is_not_read_again(new_world: NewWorld) -> None:
    """Where the profile prefers it, and nothing speaks against it."""
    own = EmbeddedText(1, 40, 20, 72.0, (TextLine("born digital", 1, BOX, 1),))
    world = new_world(document=PreparedDocument([PreparedPage(own_text=own), PreparedPage()]))
    found = world.done(JobOptions(Profile(pdf_text="prefer")))
    assert [page["text_from"] for page in found["pages"]] == ["pdf", "ocr"]
    assert len(world.workers.alone) == 1


def test_what_an_earlier_run_has_begun_is_finished_without_a_hook(new_world: NewWorld) -> None:
    """That run may have told it. A disk that fails is waited for."""
    world = new_world()
    world.store.errors["finish"] = [full()]
    stalled = world.pipeline.finish(JOB, world.store)
    assert isinstance(stalled, Stalled)
    assert stalled.again() is None
    assert world.store.finished == [JOB]


def test_once_waits_for_its_disk(new_world: NewWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the thread of the caller, for as long as it takes."""
    monkeypatch.setattr(module, "_DISK_PAUSE_SECONDS", 0.0)
    world = new_world()
    world.store.errors["deliver"] = [full(), full()]
    outcome = world.pipeline.run_through(JOB, world.store, OPTIONS)
    assert outcome is not None
    assert outcome.outcome == "done"


def test_once_does_not_wait_for_a_folder_that_is_gone(new_world: NewWorld) -> None:
    """The file fails."""
    world = new_world()
    world.store.errors["deliver"] = [FileNotFoundError(errno.ENOENT, "no such folder", "out")]
    outcome = world.pipeline.run_through(JOB, world.store, OPTIONS)
    assert outcome is not None
    assert (outcome.outcome, world.store.failed["a.png"]["kind"]) == ("failed", "unreadable")


def test_how_a_page_is_read_is_the_profile_s(new_world: NewWorld) -> None:
    """It reaches the recognizer with the page."""
    world = new_world()
    world.done(JobOptions(Profile(orientation="off", words="characters", readers=("tiny", "default"), sure=0.5)))
    assert world.workers.options == [PageOptions("off", "characters", ReaderOrder(("tiny", "default"), 0.5))]


def test_a_file_that_its_disk_does_not_give(new_world: NewWorld) -> None:
    """It waits, costs no attempt, and is read when the disk is in order again."""
    world = new_world(document=PreparedDocument(errors=[unread() for _ in range(20)]))
    ended = world.run()
    for _ in range(20):
        assert isinstance(ended, Stalled)
        assert isinstance(ended.problem, SourceReadError)
        ended = ended.again()
    assert isinstance(ended, JobOutcome)
    assert ended.outcome == "done"
    assert world.result()["run"]["attempts"] == 1


def test_a_page_that_its_disk_does_not_give(new_world: NewWorld) -> None:
    """It is not lost: the document waits."""
    world = new_world(document=pages([unread()]))
    ended = world.stalled().again()
    assert isinstance(ended, JobOutcome)
    assert ended.outcome == "done"
    assert world.result()["status"] == "ok"


def test_a_file_on_a_bad_sector(new_world: NewWorld) -> None:
    """It does not keep its place in work/ for ever: after a quarter of an hour of tries it fails, and says why."""
    world = new_world(document=PreparedDocument(errors=[unread() for _ in range(100)]))
    ended = world.run()
    tries = 0
    while isinstance(ended, Stalled):
        tries += 1
        ended = ended.again()
    assert tries == 60
    assert isinstance(ended, JobOutcome)
    assert ended.outcome == "failed"
    assert world.store.failed[JOB.name]["kind"] == "io"


def test_a_worker_that_writes_nonsense_is_replaced(new_world: NewWorld) -> None:
    """Nobody looks into the text of a page before the document is assembled. Then the file is tried again."""
    world = new_world(document=pages([]), answers={1: [EncodedText(b"?", {}, FACTS, "gpu:0")]})
    assert world.done()["run"]["attempts"] == 2
    assert world.workers.renewals == 1


def test_a_text_that_nobody_has_looked_into_is_read_when_the_document_is_assembled(new_world: NewWorld) -> None:
    encoded = EncodedText(body_of(text("as written")), {"detect": 0.25}, FACTS, "gpu:0")
    result = new_world(document=pages([]), answers={1: [encoded]}).done()
    assert result["text"] == "as written"
    assert result["pages"][0]["read_by"]["device"] == "gpu:0"
    assert result["run"]["seconds"]["detect"] == 0.25
