"""A member of the group who is quick: at each instant of each step, he swaps something for a link that leads out.

No luck is needed to try it: the swap happens just before the n-th time that the step touches the disk, for every n.
Outside lies a folder that the service may write to and the attacker may not. Nothing may come into it or go out of it.
"""

from __future__ import annotations

import contextlib
import itertools
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ocrspool.audit.repair import repair
from ocrspool.errors import DocumentError
from ocrspool.files import names
from ocrspool.files.name_patterns import NamePatterns
from ocrspool.intake.local_files import LocalFiles
from ocrspool.intake.scanner import Scanner
from ocrspool.spool.failure_reason import REASON_SUFFIX
from ocrspool.spool.jobs import Job
from ocrspool.spool.patience import Patience
from ocrspool.spool.spool import Spool
from support.sample_results import rendered, result_of
from support.sample_spools import drop, files, reason_of, scan, spool_in, take

_TOUCHES = frozenset({"open", "os.rename", "os.link", "os.remove", "os.mkdir", "os.rmdir", "os.scandir", "os.chmod"})


class Attacker:
    """Swaps a folder for a link, or puts a link where nothing is, before the n-th touch of the disk from now."""

    def __init__(self) -> None:
        self._left = 0
        self._swap: Callable[[], object] = lambda: None
        self.swapped = False
        """Whether the step came so far."""
        sys.addaudithook(self._hook)  # for good: it cannot be removed

    @contextlib.contextmanager
    def swapping(self, touch: int, swap: Callable[[], object]) -> Iterator[None]:
        self._left, self._swap, self.swapped = touch, swap, False
        try:
            yield
        finally:
            self._left = 0

    def _hook(self, event: str, _: tuple[Any, ...]) -> None:
        if self._left and event in _TOUCHES:
            self._left -= 1
            if not self._left:
                self.swapped = True
                self._swap()


ATTACKER = Attacker()


@pytest.fixture
def quick() -> Iterator[Path]:
    """A folder in memory: a hundred instants, each with many syncs, would take minutes on a disk."""
    shared = Path("/dev/shm")  # noqa: S108 - it is made by mkdtemp
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as folder:
        yield Path(folder)


def as_link(at: Path, to: Path) -> None:
    """Put a link where a folder, a file or nothing is; what was there keeps its content under another name."""
    with contextlib.suppress(FileNotFoundError):
        at.rename(at.with_name(at.name + ".before"))
    with contextlib.suppress(FileNotFoundError):
        at.symlink_to(to)


def deliver(spool: Spool, job: Job) -> None:
    """Deliver it, with another output."""
    with spool.place(job, ".txt") as place:
        place.folder.write(place.name, b"text")
    result = result_of(job).replace(b'"outputs": []', b'"outputs": [{"format": "txt", "suffix": ".txt"}]')
    spool.deliver(job, rendered(result))


STEPS: dict[str, Callable[[Spool, Job], object]] = {
    "deliver": deliver,
    "fail": lambda spool, job: spool.fail(job, reason_of(job.name)),
    "give back": lambda spool, job: spool.give_back(job),
    "claim": lambda spool, _: [spool.claim(seen) for seen in scan(spool)],
    "retry": lambda spool, _: [spool.retry(*failure) for failure in list(spool.failures())],
    "recover": lambda spool, _: spool.recover(),
}
SWAPS = {
    "deliver": ["outbox/sub", "done/sub", "outbox/sub/a.png.done", "outbox/sub/a.png.json", "outbox/.ocrspool"],
    "fail": ["failed/sub", "failed/sub/a.png.reason.json"],
    "give back": ["inbox/sub", "inbox/sub/a.png"],
    "claim": ["inbox/sub", "inbox/sub/b.png"],
    "retry": ["failed/sub", "inbox/sub", "failed/sub/c.png", "failed/sub/c.png.reason.json"],
    "recover": ["outbox/.ocrspool", "outbox/sub", "done/sub"],
}


@pytest.mark.parametrize("kind", ["folder", "file"])
@pytest.mark.parametrize(("step", "swapped"), [(step, swapped) for step, all_ in SWAPS.items() for swapped in all_])
def test_no_link_leads_out(quick: Path, step: str, swapped: str, kind: str) -> None:
    """Nothing outside is made, changed, moved or removed, whenever the link appears; and no document is lost."""
    for touch in itertools.count(1):
        root = quick / str(touch)
        outside = root / "outside"
        secrets = dict.fromkeys(("a.png", "b.png", "c.png", "a.png.json", "c.png.reason.json"), b"of others")
        outside.mkdir(parents=True)
        for name, data in secrets.items():
            (outside / name).write_bytes(data)
            (outside / name).chmod(0o600)
        spool = spool_in(root / "s", mode=0o644)
        spool.delivery = replace(spool.delivery, mark=True)
        spool.open()
        for state in ("outbox", "done", "failed", "inbox"):
            (root / "s" / state / "sub").mkdir()
        spool.fail(take(spool, "sub/c.png", b"failed"), reason_of("sub/c.png"))
        job = take(spool, "sub/a.png", b"document")
        drop(spool, "sub/b.png", b"waiting")
        if step == "recover":
            with spool.jobs.opened(job.id) as folder:
                folder.write("result.json", result_of(job))
        target = outside if kind == "folder" else outside / "a.png"
        with (
            ATTACKER.swapping(touch, lambda at=root / "s" / swapped, to=target: as_link(at, to)),  # type: ignore[misc] # defaults
            contextlib.suppress(OSError, DocumentError),
        ):
            STEPS[step](spool, job)
        spool.close()
        assert files(outside) == secrets
        assert {(outside / name).stat().st_mode & 0o777 for name in secrets} == {0o600}
        everywhere = [data for data in files(root / "s").values() if data in {b"failed", b"document", b"waiting"}]
        assert set(everywhere) == {b"document", b"failed", b"waiting"}
        shutil.rmtree(root)
        if not ATTACKER.swapped:
            break
    assert touch > 5, "the step touched the disk less often than it can"


@pytest.mark.parametrize(
    ("step", "name"),
    [
        ("deliver", "done/sub/a.png"),
        ("fail", "failed/sub/a.png"),
        ("fail", "failed/sub/a.png.reason.json"),
        ("give back", "inbox/sub/a.png"),
        ("retry", "inbox/sub/c.png"),
    ],
)
def test_a_file_put_there_in_the_very_instant_stays(quick: Path, step: str, name: str) -> None:
    """Whenever somebody puts a file where one is about to be moved, both are kept: ours has another name."""
    for touch in itertools.count(1):
        root = quick / str(touch)
        spool = spool_in(root / "s")
        spool.open()
        theirs = root / "s" / name
        theirs.parent.mkdir()
        spool.fail(take(spool, "sub/c.png", b"failed"), reason_of("sub/c.png"))
        job = take(spool, "sub/a.png", b"document")
        put: list[bool] = []
        with ATTACKER.swapping(touch, partial(put_new, theirs, put)), contextlib.suppress(FileExistsError):
            STEPS[step](spool, job)
        spool.close()
        if put:
            assert theirs.read_bytes() == b"theirs"
        everywhere = list(files(root / "s").values())
        assert (everywhere.count(b"document"), everywhere.count(b"failed")) == (1, 1)
        shutil.rmtree(root)
        if not ATTACKER.swapped:
            break
    assert touch > 5, "the step touched the disk less often than it can"


def put_new(at: Path, put: list[bool]) -> None:
    """Put a file there, unless something has the name; note that it was put."""
    with contextlib.suppress(FileExistsError), at.open("xb") as file:
        file.write(b"theirs")
        put.append(True)


def test_a_link_in_the_place_of_what_is_on_its_way(tmp_path: Path) -> None:
    """One link, and the next start emptied what it leads to. It is told and left, and the others go on."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.png").write_bytes(b"of others")
    spool = spool_in(tmp_path / "s")
    spool.open()
    (spool.outbox / ".ocrspool").symlink_to(outside)
    take(spool, "a.png")
    assert [job.name for job in spool.recover()] == ["a.png"]
    spool.close()
    repair(spool)
    assert files(outside) == {"a.png": b"of others"}


def test_links_under_names_that_were_predictable(tmp_path: Path) -> None:
    """Of temporary files: repair put a reason, `once` a result, an output its text through them."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"of others")
    spool = spool_in(tmp_path / "s")
    spool.open()
    (spool.failed / "x.png").write_bytes(b"x")
    (spool.failed / f"x.png{REASON_SUFFIX}.new").symlink_to(victim)
    spool.close()
    assert [finding.kind for finding in repair(spool)] == ["no-reason"]
    once = LocalFiles(tmp_path / "shared")
    (tmp_path / "shared").mkdir()
    for name in ("x.png.json.new", "x.png.json"):
        (tmp_path / "shared" / name).symlink_to(victim)
    (job,) = once.jobs([spool.failed / "x.png"], NamePatterns(("*",), ()))
    once.deliver(job, rendered(b"{}"))
    assert victim.read_bytes() == b"of others"
    assert (tmp_path / "shared/x.png.json").read_bytes() == b"{}"


def test_a_folder_of_once_that_is_a_link(tmp_path: Path) -> None:
    """Results of `once` go to a folder beside it, not through it."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "in/sub").mkdir(parents=True)
    (tmp_path / "in/sub/x.png").write_bytes(b"x")
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared/sub").symlink_to(tmp_path / "outside")
    once = LocalFiles(tmp_path / "shared")
    (job,) = once.jobs([tmp_path / "in"], NamePatterns(("*",), ()))
    assert once.deliver(job, rendered(b"{}")).parent.parent == tmp_path / "shared"
    assert files(tmp_path / "outside") == {}


def test_a_scan_follows_no_link(tmp_path: Path) -> None:
    """A folder that is swapped for a link while the inbox is listed shows nothing of what the link leads to."""
    for touch in range(1, 12):
        root = tmp_path / str(touch)
        (root / "outside").mkdir(parents=True)
        (root / "outside/secret.png").write_bytes(b"of others")
        (root / "inbox/sub").mkdir(parents=True)
        (root / "inbox/sub/a.png").write_bytes(b"x")
        scanner = Scanner(str(root / "inbox"), NamePatterns("*", ()), Patience(0), recursive=True, clock=lambda: 0.0)
        with ATTACKER.swapping(touch, lambda r=root: as_link(r / "inbox/sub", r / "outside")):  # type: ignore[misc] # a default
            found = scanner.scan()
        assert "sub/secret.png" not in {names.printable(seen.name) for seen in found.settled}
