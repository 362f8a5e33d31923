"""Let the next items of an iterable be made in a thread while the present one is used."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar, cast

T = TypeVar("T")
Result = TypeVar("Result")

_END: Any = object()


def ahead(items: Iterable[T], depth: int = 4) -> Generator[T, None, None]:
    """Yield the items of an iterable, made up to ``depth`` ahead in a thread of their own.

    Decoding and networks release the interpreter lock, so they run beside the consumer. What the iterable raises is
    raised here, at its place in the order. When the consumer stops early, no further item is begun.

    Args:
        items: Taken in order, all in one thread.
        depth: Most items made and not yet used.

    >>> list(ahead(range(3)))
    [0, 1, 2]
    """
    iterator = iter(items)
    with ThreadPoolExecutor(max_workers=1) as pool:
        pending = deque(pool.submit(next, iterator, _END) for _ in range(depth))
        try:
            while (item := pending.popleft().result()) is not _END:
                pending.append(pool.submit(next, iterator, _END))
                yield cast("T", item)
        finally:
            for future in pending:
                future.cancel()


def in_order(work: Callable[[T], Result], items: Iterable[T], workers: int) -> Generator[Result, None, None]:
    """Yield the results of items in their order, several at a time and no more than that ahead.

    Args:
        work: Called in a thread; what it raises is raised here, at its place in the order.
        items: Taken one by one, as results are.
        workers: Most items at a time.

    >>> list(in_order(abs, [-3, 1, -2], workers=2))
    [3, 1, 2]
    """
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
