"""Reading ahead keeps the order, the errors and the end, and stops with its consumer."""

import threading
from collections.abc import Iterator

import pytest

from vspwlib.predict.ahead import ahead, in_order


def test_items_come_in_order_from_another_thread() -> None:
    threads = set()

    def items() -> Iterator[int]:
        for index in range(50):
            threads.add(threading.current_thread().name)
            yield index

    assert list(ahead(items(), depth=3)) == list(range(50))
    assert len(threads) == 1
    assert threading.current_thread().name not in threads


@pytest.mark.parametrize("depth", [1, 4])
def test_an_error_comes_at_its_place(depth: int) -> None:
    def items() -> Iterator[int]:
        yield from range(3)
        raise OSError("no more")

    seen: list[int] = []
    with pytest.raises(OSError, match="no more"):
        seen.extend(ahead(items(), depth))
    assert seen == [0, 1, 2]


def test_it_is_ahead_by_its_depth_and_stops_with_the_consumer() -> None:
    running = threading.enumerate()
    made: list[int] = []
    reached = threading.Event()

    def items() -> Iterator[int]:
        for index in range(1000):
            made.append(index)
            if index == 2:
                reached.set()
            yield index

    source = ahead(items(), depth=3)
    assert next(source) == 0
    assert reached.wait(10)
    source.close()  # waits for the item being made
    made_before = list(made)
    assert len(made_before) <= 4  # the one used, and three ahead
    assert not [thread for thread in threading.enumerate() if thread not in running]
    assert made == made_before


def test_nothing_gives_nothing() -> None:
    assert list(ahead([])) == []


@pytest.mark.parametrize("workers", [1, 3])
def test_results_come_in_the_order_of_their_items(workers: int) -> None:
    slow = threading.Event()

    def work(item: int) -> int:
        if item == 0 and workers > 1:
            assert slow.wait(10)  # the first is done after the second
        if item == 1:
            slow.set()
        return 10 * item

    assert list(in_order(work, range(6), workers)) == [0, 10, 20, 30, 40, 50]


def test_an_error_of_the_work_comes_at_its_place_and_ends_it() -> None:
    begun: list[int] = []

    def work(item: int) -> int:
        begun.append(item)
        if item == 2:
            raise OSError("no more")
        return item

    seen: list[int] = []
    with pytest.raises(OSError, match="no more"):
        seen.extend(in_order(work, range(100), 2))
    assert seen == [0, 1]
    assert len(begun) < 8
