"""Counting shared by commands, `vspw score`, `vspw ensemble sweep` and `vspw map filter`, in processes of their own.

Whatever the number of shards, their order, their end and what comes in between: the files of one command, to the byte.
"""

import json
import random
import shutil
import signal
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from tests.data.image_sets import write_coco
from tests.faults.processes import command, end_of, operations, start, vspw, wait_for
from tests.pipeline.conftest import write_video
from tests.pipeline.score_stores import manifest, write_store
from vspwlib.pipeline import shards
from vspwlib.runs import Workspace

SIZE = (32, 48)
VIDEOS = [f"{number}_{'abcde'[number] * 11}" for number in range(5)]


class Counting(NamedTuple):
    """A command that can be shared, and what it writes.

    Attributes:
        command: Arguments of ``vspw`` but for the workspace.
        files: Patterns of what it writes, below the workspace.
        home: Workspace to start from, as a template.
        data: What is counted in, masks or photographs.
    """

    command: tuple[str, ...]
    files: tuple[str, ...]
    home: Path
    data: Path

    def fresh(self, folder: Path) -> Path:
        """Return a copy of the template."""
        return Path(shutil.copytree(self.home, folder / "ws"))

    def arguments(self, workspace: Path, shard: str = "") -> list[str]:
        """Return the whole command line; of all or of a shard."""
        words = [word.replace("WORKSPACE", str(workspace)) for word in self.command]
        return [*words, "--json", *(["--shard", shard] if shard else [])]

    def give(self, workspace: Path, shard: str = "", said: Path | None = None) -> dict:
        """Give the command; return what it prints."""
        said = said or workspace.with_name(f"said-{shard.replace('/', '-of-')}")
        said.unlink(missing_ok=True)
        assert vspw(*self.arguments(workspace, shard), said=said) == 0, said.read_text()
        return printed(said)

    def written(self, workspace: Path) -> dict[str, bytes]:
        """Return the files that it writes, by their paths, without the name of the workspace in them."""
        found = [path for pattern in self.files for path in workspace.glob(pattern)]
        here = str(workspace).encode()
        return {str(path.relative_to(workspace)): path.read_bytes().replace(here, b"WORKSPACE") for path in found}


def printed(said: Path) -> dict:
    (line,) = [line for line in said.read_text().splitlines() if line.startswith("{")]
    return json.loads(line.replace(str(said.parent), "PLACE"))


@pytest.fixture(scope="module")
def stores(tmp_path_factory) -> tuple[Path, Path]:
    """Return a workspace with scores of two runs on five videos of different lengths, and the data: some lack masks."""
    root = tmp_path_factory.mktemp("stores")
    data, workspace, frames = root / "tiny", Workspace(root / "ws"), {}
    for seed, video in enumerate(VIDEOS):
        folder = data / "data" / video
        write_video(folder, seed)
        names = sorted(path.stem for path in (folder / "origin").iterdir())
        for name in names[10 - 2 * seed :]:
            (folder / "origin" / f"{name}.jpg").unlink()
        for name in names[0 if seed == 3 else 9 - 2 * seed :]:  # the fourth has no truth at all
            (folder / "mask" / f"{name}.png").unlink()
        frames[video] = names[: 10 - 2 * seed]
    (data / "val.txt").write_text("\n".join(reversed(VIDEOS)))
    for seed, run in enumerate("ab"):
        place = workspace.predictions(run, "tiny", "val")
        write_store(place, manifest(run, data), seed, videos=frames, sizes=dict.fromkeys(VIDEOS, SIZE))
    return workspace.path, data


@pytest.fixture(scope="module")
def photographs(tmp_path_factory) -> Path:
    """Return seven photographs, in the place where each test has a copy of its own."""
    root = tmp_path_factory.mktemp("photographs") / "ws"
    write_coco(root / "coco", {f"{number:012d}": 77 + number for number in range(7)})
    return root


@pytest.fixture(scope="module")
def counting_of(stores, photographs) -> Callable[[str], Counting]:
    """Return a function that returns a command by its name."""
    made = ("map", "filter", "--dataset", "cocostuff", "--root", "WORKSPACE/coco", "--out", "WORKSPACE/filter")
    chosen = ("filter/kept.txt", "filter/manifest.jsonl", "filter/report.json", "filter/pixels.jsonl")
    place, pair = ("--workspace", "WORKSPACE"), ("ensemble", "sweep", "a", "b", "--split", "val")
    scored = ("score", "WORKSPACE/predictions/a/tiny-val.zarr")
    known = {
        "score": Counting(scored, ("predictions/a/*.json", "predictions/a/*.npz"), *stores),
        "sweep": Counting((*pair, *place), ("ensembles/*/*.json",), *stores),
        "filter": Counting((*made, "--workers", "1", *place), chosen, photographs, photographs / "coco"),
    }
    return known.__getitem__


@pytest.fixture(params=["score", "sweep", "filter"])
def counting(request, counting_of) -> Counting:
    """Return each command."""
    return counting_of(request.param)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Callable[[Counting], tuple[dict, dict[str, bytes]]]:
    """Return a function that returns what one command for all prints and writes."""

    @cache
    def give(counting: Counting) -> tuple[dict, dict[str, bytes]]:
        workspace = counting.fresh(tmp_path_factory.mktemp("whole"))
        said, written = counting.give(workspace), counting.written(workspace)
        assert written
        return said, written

    return give


def no_parts(workspace: Path) -> bool:
    return not [path for path in workspace.rglob("*") if path.suffix == ".parts" or path.name.endswith(".lock")]


@pytest.mark.slow
def test_shards_in_any_order_write_what_one_command_writes(counting, whole, tmp_path):
    workspace = counting.fresh(tmp_path)
    assert counting.give(workspace, "1/3")["missing"] == {"0/3": "not counted", "2/3": "not counted"}
    assert counting.give(workspace, "2/3")["missing"] == {"0/3": "not counted"}
    assert counting.written(workspace) == {}
    assert (counting.give(workspace, "0/3"), counting.written(workspace)) == whole(counting)
    assert no_parts(workspace)


def together(arguments: list[str], said: Path, meeting: Path, count: int) -> None:
    """Count, wait until all others have counted, and go on at once."""
    lock = shards.locked

    def met(place, *rest, **options):
        (meeting / said.name).touch()
        wait_for(lambda: len([*meeting.iterdir()]) == count)
        return lock(place, *rest, **options)

    shards.locked = met
    command(arguments, said)


@pytest.mark.slow
def test_of_shards_that_end_together_one_merges(counting, whole, tmp_path):
    said, expected = whole(counting)
    workspace, meeting = counting.fresh(tmp_path), tmp_path / "meeting"
    meeting.mkdir()
    files = [tmp_path / str(number) for number in range(3)]
    processes = [
        start(together, counting.arguments(workspace, f"{number}/3"), file, meeting, 3)
        for number, file in enumerate(files)
    ]
    assert [end_of(process) for process in processes] == [0, 0, 0], [file.read_text() for file in files]
    ends = [printed(file) for file in files]
    assert [end for end in ends if "missing" not in end] == [said]
    assert counting.written(workspace) == expected
    assert no_parts(workspace)


@pytest.mark.slow
def test_a_killed_shard_is_given_again(counting, whole, tmp_path):
    """Killed before it counts, when it merges and when it cleans up."""
    first = counting.fresh(tmp_path)
    counting.give(first, "0/2")
    half = counting._replace(home=first)
    workspace, said, wrong = half.fresh(tmp_path / "draft"), tmp_path / "draft" / "said", {}
    assert vspw(*half.arguments(workspace, "1/2"), said=said, below=workspace) == 0
    number = operations(said)
    for point in (0, random.Random(2).randrange(number // 2, number - 1), number - 1):
        workspace, said = half.fresh(tmp_path / f"at-{point}"), tmp_path / f"at-{point}" / "said"
        ended = vspw(*half.arguments(workspace, "1/2"), said=said, kill_at=point, below=workspace)
        if ended not in (-signal.SIGKILL, 0):  # threads of zarr may finish before the point is reached
            wrong[point] = said.read_text()
        half.give(workspace, "1/2")
        if half.written(workspace) != whole(counting)[1]:
            wrong[point] = "other files"
    assert wrong == {}


@pytest.fixture(params=["score", "sweep"])
def scoring(request, counting_of) -> Counting:
    """Return a command that counts predictions."""
    return counting_of(request.param)


@pytest.fixture
def changed(stores) -> Callable[[Path], None]:
    """Return a function that changes scores and mask of a video of the first shard; the mask is put back."""
    data = stores[1] / "data" / VIDEOS[4]
    mask, names = data / "mask" / "00000017.png", sorted(path.stem for path in (data / "origin").iterdir())
    before = mask.read_bytes()

    def change(workspace: Path) -> None:
        place = Workspace(workspace).predictions("a", "tiny", "val")
        shutil.rmtree(place / VIDEOS[4])
        write_store(place, manifest("a", stores[1]), 9, videos={VIDEOS[4]: names}, sizes={VIDEOS[4]: SIZE})
        Image.fromarray(np.full(SIZE, 3, np.uint8)).save(mask)

    yield change
    mask.write_bytes(before)


@pytest.mark.slow
def test_a_shard_of_other_predictions_is_counted_again(scoring, changed, tmp_path):
    workspace = scoring.fresh(tmp_path)
    scoring.give(workspace, "0/2")
    changed(workspace)
    other = scoring._replace(home=Path(shutil.copytree(workspace, tmp_path / "other" / "ws")))
    waiting = scoring.give(workspace, "1/2")
    assert waiting["missing"] == {"0/2": "it was counted with other masks, predictions"}
    assert scoring.written(workspace) == {}
    assert (scoring.give(workspace, "0/2"), scoring.written(workspace)) == (
        other.give(other.home),
        other.written(other.home),
    )
    assert no_parts(workspace)


@pytest.mark.slow
def test_a_shard_of_another_number_is_refused_and_the_whole_drops_it(counting, whole, tmp_path):
    said, expected = whole(counting)
    workspace, told = counting.fresh(tmp_path), tmp_path / "told"
    counting.give(workspace, "0/2")
    assert vspw(*counting.arguments(workspace, "0/3"), said=told) == 2
    assert "--shard: expected one of 2, as those there, got one of 3" in told.read_text()
    assert counting.written(workspace) == {}
    assert counting.give(workspace) == said
    found = counting.written(workspace)
    lines = {name: sorted(content.splitlines()) for name, content in found.items()}  # of photographs, in two goes
    assert lines == {name: sorted(content.splitlines()) for name, content in expected.items()}
    assert no_parts(workspace)


@pytest.mark.slow
def test_photographs_are_chosen_by_one_threshold_and_a_changed_one_is_read_again(counting_of, tmp_path):
    counting = counting_of("filter")
    workspace = counting.fresh(tmp_path)
    other = counting._replace(command=(*counting.command, "--threshold", "0.79"))
    counting.give(workspace, "0/2")
    waiting = other.give(workspace, "1/2")
    assert waiting["missing"] == {"0/2": "it was counted with other threshold"}
    write_coco(workspace / "coco", {f"{0:012d}": 95})
    counts = workspace / "filter" / "pixels.parts" / "0-of-2.jsonl"
    before = counts.read_text().splitlines()
    said = other.give(workspace, "0/2")
    assert len(before) == 1 + 4
    assert said["kept"] == 5  # 79 itself is not above
    assert f"{0:012d}" in (workspace / "filter" / "kept.txt").read_text()
    assert no_parts(workspace)


@pytest.mark.slow
def test_a_shard_that_another_process_counts_is_refused(scoring, tmp_path):
    workspace, meeting = scoring.fresh(tmp_path), tmp_path / "meeting"
    meeting.mkdir()
    first = start(together, scoring.arguments(workspace, "0/2"), tmp_path / "first", meeting, 2)
    wait_for((meeting / "first").exists)
    assert vspw(*scoring.arguments(workspace, "0/2"), said=tmp_path / "second") == 2
    assert f"got process {first.pid} on " in (tmp_path / "second").read_text()
    (meeting / "go").touch()
    assert end_of(first) == 0
    assert printed(tmp_path / "first")["missing"] == {"1/2": "not counted"}


def test_only_what_says_what_it_is_can_be_scored_in_shards(counting_of, tmp_path):
    workspace, told = counting_of("score").fresh(tmp_path), tmp_path / "told"
    (tmp_path / "pngs" / VIDEOS[0]).mkdir(parents=True)
    Image.fromarray(np.zeros(SIZE, np.uint8)).save(tmp_path / "pngs" / VIDEOS[0] / "00000017.png")
    words = ("score", tmp_path / "pngs", counting_of("score").data, "--split", "val", "--shard", "0/2")
    assert vspw(*words, said=told) == 2
    assert "--shard: expected predictions of a workspace, got a folder that says nothing of itself" in told.read_text()
    told.unlink()
    store = workspace / "predictions" / "a" / "tiny-val.zarr"
    assert vspw("score", store, "--baseline", "prior", "--shard", "0/2", said=told) == 2
    assert "--shard: expected predictions alone, got --baseline with it" in told.read_text()
