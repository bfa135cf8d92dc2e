"""Batches of one width that form by themselves."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ocrspool.engine.batches import Batches


def test_full_batches_first_and_oldest_of_those() -> None:
    """One that is full costs the net no more than one that is not; then whoever has waited longest."""
    batches: Batches[str] = Batches(2)
    assert batches.add([(640, "wide"), (320, "a"), (320, "b"), (320, "c")]) == 3
    assert [batches.take() for _ in range(3)] == [["a", "b"], ["wide"], ["c"]]


def test_what_comes_later_fills_up() -> None:
    """Pieces join what waits already, of another page too: no more calls are due for them."""
    batches: Batches[str] = Batches(4)
    assert batches.add([(320, "a"), (640, "b")]) == 2
    assert batches.add([(320, "c"), (640, "d")]) == 0
    assert batches.take() == ["a", "c"]
    assert batches.take() == ["b", "d"]


@given(
    st.integers(1, 5),
    st.lists(st.one_of(st.lists(st.sampled_from([32, 64, 96]), max_size=12), st.none()), max_size=40),
)
def test_as_many_takes_as_are_due_find_everything(size: int, steps: list[list[int] | None]) -> None:
    """In whichever order pieces are added (a list of widths) and taken (None): nothing twice, nothing left."""
    batches: Batches[tuple[int, int]] = Batches(size)
    due = count = 0
    taken: list[tuple[int, int]] = []
    for step in [*steps, *[None] * 500]:
        if step is not None:
            due += batches.add((width, (width, count + index)) for index, width in enumerate(step))
            count += len(step)
        elif due:
            batch = batches.take()
            due -= 1
            assert 1 <= len(batch) <= size
            assert len({width for width, _ in batch}) == 1
            taken += batch
    assert due == 0
    assert sorted(number for _, number in taken) == list(range(count))
