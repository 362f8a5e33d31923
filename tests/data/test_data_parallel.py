"""Running many jobs at once: order, progress, failure."""

import time
from itertools import pairwise

import pytest

from vspwlib.checks import InputError
from vspwlib.data.parallel import default_workers, run_parallel


def test_results_keep_the_order_of_the_items():
    assert run_parallel(lambda item: item * item, range(50), workers=4) == [item * item for item in range(50)]
    assert run_parallel(abs, []) == []
    assert default_workers() >= 1


def test_progress_counts_the_size_of_items():
    seen = []
    run_parallel(len, ["a", "bbb", "cc"], workers=1, size=len, progress=lambda *counts: seen.append(counts))
    assert seen[0] == (0, 6)
    assert seen[-1] == (6, 6)
    assert len(seen) == 4
    assert all(earlier[0] < later[0] for earlier, later in pairwise(seen))


def test_a_failure_ends_the_run_and_is_raised():
    done = []

    def work(item: int) -> None:
        done.append(item)
        if item == 2:
            raise InputError("item 2")
        time.sleep(0.01)  # so that the failure is seen before the queue is empty

    with pytest.raises(InputError, match="item 2"):
        run_parallel(work, range(200), workers=1)
    assert len(done) < 200


def test_no_workers_is_refused():
    with pytest.raises(InputError, match="workers"):
        run_parallel(abs, [1], workers=0)
