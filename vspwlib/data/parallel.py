"""Work on many videos or files at once.

Threads suffice: Pillow lets go of Python's lock while it decodes, resizes and encodes, which is where the time goes.
Unlike processes they need no guarded main module and stop at Ctrl-C.
"""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TypeVar

from vspwlib.checks import check_range

Item = TypeVar("Item")
Result = TypeVar("Result")
Progress = Callable[[int, int], None]  # how much is done, out of how much


def default_workers() -> int:
    """Return the number of threads to use where none is asked for: one a core, at most 16."""
    return min(os.cpu_count() or 1, 16)


def run_parallel(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    workers: int | None = None,
    progress: Progress | None = None,
    size: Callable[[Item], int] = lambda item: 1,  # noqa: ARG005 - every item counts the same by default
) -> list[Result]:
    """Apply a function to every item, several at a time.

    Args:
        function: What to do; an exception stops the rest and is raised.
        items: Its arguments.
        workers: Number of threads; one a core by default.
        progress: Called with the work done and the whole, first before anything is done.
        size: How much work an item is.

    Returns:
        The results in the order of the items.

    >>> run_parallel(abs, [-3, 1, -2], workers=2)
    [3, 1, 2]
    """
    jobs = list(items)
    whole, done = sum(map(size, jobs)), 0
    threads = default_workers() if workers is None else workers
    check_range("workers", threads, low=1)
    report = progress or _silent
    report(done, whole)
    with ThreadPoolExecutor(threads) as pool:
        futures = {pool.submit(function, job): size(job) for job in jobs}
        try:
            for future in as_completed(futures):
                future.result()
                done += futures[future]
                report(done, whole)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [future.result() for future in futures]


def _silent(done: int, whole: int) -> None:
    """Report to nobody."""
