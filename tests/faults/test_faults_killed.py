"""SIGKILL at file operations of commands; the same command again ends with what it would have ended with."""

import os
import random
import signal

import pytest

#: How many points of each command are tried; VSPW_KILLS=all tries every one.
KILLS = os.environ.get("VSPW_KILLS", "1")


def points(number: int, seed: int) -> list[int]:
    """Return the first operation, the last, and some at random in between."""
    if KILLS == "all":
        return list(range(number))
    drawn = random.Random(seed).sample(range(1, number - 1), int(KILLS))
    return sorted({0, *drawn, number - 1})


@pytest.mark.slow
@pytest.mark.parametrize("what", ["filtering", "sweep", "prediction", "training"])
def test_killed_at_any_file_operation_it_ends_as_if_left_alone(what, request, tmp_path):
    work = request.getfixturevalue(what)
    wrong = {}
    for point in points(work.points, seed=5):
        folder = tmp_path / str(point)
        folder.mkdir()
        workspace, said = work.fresh(folder), folder / "said"
        ended = work.run(workspace, said, kill_at=point)
        if ended not in (-signal.SIGKILL, 0):  # threads of zarr may finish before the point is reached
            wrong[point] = f"ended with {ended}: {said.read_text()[-500:]}"
        elif work.run(workspace, said) != 0:
            wrong[point] = said.read_text()[-500:]
        elif work.result(workspace) != work.expected:
            wrong[point] = "another result"
    assert wrong == {}
