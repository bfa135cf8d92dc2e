"""Batches of one width that form by themselves."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ocrspool.engine.ocr.line_batches import Batches


def _taken(batches: Batches[str], due: int) -> list[list[str]]:
    return [batches.take() for _ in range(due)]


def test_what_fills_no_batch_waits_until_it_is_flushed() -> None:
    """A call of the net takes as long with one line as with many."""
    batches: Batches[str] = Batches(lambda _: 2)
    assert _taken(batches, batches.add([(640, "wide"), (320, "a"), (320, "b"), (320, "c")])) == [["a", "b"]]
    assert _taken(batches, batches.add([(320, "d")])) == [["c", "d"]]
    assert _taken(batches, batches.flush()) == [["wide"]]
    assert batches.flush() == 0


def test_what_comes_later_fills_up() -> None:
    """Pieces join what waits already, of another page too: no more calls are due for them."""
    batches: Batches[str] = Batches(lambda _: 4)
    assert batches.add([(320, "a"), (640, "b")]) == 0
    assert batches.flush() == 2
    assert batches.add([(320, "c"), (640, "d")]) == 0
    assert _taken(batches, 2) == [["a", "c"], ["b", "d"]]


def test_one_width_after_the_other() -> None:
    """Whatever came in between: the net has prepared itself for a width."""
    batches: Batches[str] = Batches(lambda _: 1)
    due = batches.add([(320, "a"), (640, "b"), (320, "c"), (640, "d"), (320, "e")])
    assert _taken(batches, due) == [["a"], ["c"], ["e"], ["b"], ["d"]]


def test_a_rare_width_has_its_turn() -> None:
    """However many more of the common one come."""
    batches: Batches[int] = Batches(lambda _: 1)
    batches.add([(320, 0), (640, -1)])
    for number in range(1, 1000):
        batches.add([(320, number)])
        if batches.take() == [-1]:
            break
    assert number < 50


def test_the_size_of_a_batch_follows_from_the_width() -> None:
    batches: Batches[str] = Batches(lambda width: 640 // width)
    assert _taken(batches, batches.add([(320, "a"), (640, "b"), (320, "c"), (320, "d")])) == [["a", "c"], ["b"]]
    assert _taken(batches, batches.flush()) == [["d"]]


@given(
    st.integers(1, 5),
    st.lists(
        st.one_of(st.lists(st.sampled_from([32, 64, 96]), max_size=12), st.sampled_from(["take", "flush"])), max_size=40
    ),
)
def test_as_many_takes_as_are_due_find_everything(size: int, steps: list[list[int] | str]) -> None:
    """In whichever order pieces are added (a list of widths), taken and flushed: nothing twice, nothing left."""
    batches: Batches[tuple[int, int]] = Batches(lambda _: size)
    due = count = 0
    taken: list[tuple[int, int]] = []
    for step in [*steps, "flush", *["take"] * 500]:
        if isinstance(step, list):
            due += batches.add([(width, (width, count + index)) for index, width in enumerate(step)])
            count += len(step)
        elif step == "flush":
            due += batches.flush()
        elif due:
            batch = batches.take()
            due -= 1
            assert 1 <= len(batch) <= size
            assert len({width for width, _ in batch}) == 1
            taken += batch
    assert due == 0
    assert sorted(number for _, number in taken) == list(range(count))
