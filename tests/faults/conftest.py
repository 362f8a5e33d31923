"""What is killed: a tiny training, a prediction, a sweep and a filter, each with what it ends with when left alone."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from tests.data.image_sets import write_coco
from tests.faults.processes import operations, vspw
from tests.pipeline.conftest import write_video
from tests.pipeline.score_stores import score_stores
from vspwlib.models.checkpoint import read_weights
from vspwlib.predict.store import ScoreStore
from vspwlib.runs import read_json

SETTINGS = (
    "augment.crop=[32,32]",
    "augment.short_side=32",
    "train.iterations=5",
    "train.batch_size=2",
    "train.checkpoint_every=2",
    "train.val_every=2",
    "train.val_videos=1",
    "train.log_every=1",
    "train.workers=0",
    "val_split=val",
    "predict.flip=false",
    "predict.short_side=none",
    "predict.window=[32,48]",
    "predict.stride=[32,48]",
)
RUN = "mini-upernet_swin_tiny-s0"
SET = tuple(part for setting in SETTINGS for part in ("--set", setting))


@dataclass(frozen=True)
class Work:
    """A command that can be given again, and what it makes.

    Attributes:
        command: Arguments of ``vspw`` but for the workspace, its last.
        template: Workspace to start from.
        result: Reads from a workspace what must be the same however often the command was killed.
        expected: That of a run that was left alone.
        points: File operations of that run.
    """

    command: tuple[str, ...]
    template: Path
    result: Callable[[Path], object]
    expected: object
    points: int

    def arguments(self, workspace: Path) -> list[str]:
        """Return the whole command line."""
        return [*self.command, "--workspace", str(workspace)]

    def fresh(self, folder: Path) -> Path:
        """Return a copy of the template."""
        return Path(shutil.copytree(self.template, folder / "ws"))

    def run(self, workspace: Path, said: Path | None = None, kill_at: int | None = None) -> int:
        """Give the command; return how it ended."""
        return vspw(*self.arguments(workspace), said=said, kill_at=kill_at, below=workspace)


def undisturbed(folder: Path, command: tuple[object, ...], template: Path, result: Callable[[Path], object]) -> Work:
    """Return the work with what it ends with when nothing happens."""
    template.mkdir(parents=True, exist_ok=True)
    words = tuple(map(str, command))
    draft = Work(words, template, result, None, 0)
    workspace, said = draft.fresh(folder), folder / "said"
    assert draft.run(workspace, said) == 0, said.read_text()
    return Work(words, template, result, result(workspace), operations(said))


def weights_of(workspace: Path) -> dict[str, bytes]:
    """Return the bytes of every tensor that a run ends with; the order of a file's header is safetensors' own."""
    folder = workspace / "runs" / RUN / "checkpoints"
    files = {which: read_weights(folder / f"{which}.safetensors") for which in ("best", "last")}
    return {f"{which} {name}": value.numpy().tobytes() for which, file in files.items() for name, value in file.items()}


def files_below(folder: Path, names: tuple[str, ...]) -> dict[str, bytes]:
    """Return the content of files of some names, by path."""
    found = {str(path.relative_to(folder)): path.read_bytes() for name in names for path in folder.rglob(name)}
    assert found
    return found


@pytest.fixture(scope="session")
def video_data(tmp_path_factory) -> Path:
    """Return two videos of ten frames each."""
    root = tmp_path_factory.mktemp("data") / "tiny"
    for seed, (split, video) in enumerate((("train", "1_aaaaaaaaaaa"), ("val", "2_bbbbbbbbbbb"))):
        write_video(root / "data" / video, seed)
        (root / f"{split}.txt").write_text(video)
    return root


@pytest.fixture(scope="session")
def training(video_data, tmp_path_factory) -> Work:
    """Return five iterations, two validations and three snapshots."""
    folder = tmp_path_factory.mktemp("training")
    command = ("train", "upernet_swin_tiny", "--data", video_data, "--json", "--restartable", *SET)
    return undisturbed(folder, command, folder / "empty", weights_of)


@pytest.fixture(scope="session")
def trained(training, tmp_path_factory) -> Path:
    """Return a workspace with a finished run."""
    folder = tmp_path_factory.mktemp("trained")
    workspace = training.fresh(folder)
    assert training.run(workspace) == 0
    return workspace


@pytest.fixture(scope="session")
def prediction(trained, tmp_path_factory) -> Work:
    """Return the prediction of one video of ten frames."""

    def scores(workspace: Path) -> str:
        (store,) = workspace.glob("predictions/*/*.zarr")
        return ScoreStore.open(store).checksum()

    folder = tmp_path_factory.mktemp("prediction")
    return undisturbed(folder, ("predict", RUN, "--split", "val", "--json"), trained, scores)


@pytest.fixture(scope="session")
def sweep(tmp_path_factory) -> Work:
    """Return the sweep over two stores of two videos."""

    def curves(workspace: Path) -> object:
        return read_json(workspace / "ensembles" / "a+b" / "tiny-val.json", "sweep")

    folder = tmp_path_factory.mktemp("sweep")
    made = score_stores(folder)
    command = ("ensemble", "sweep", "a", "b", "--split", "val", "--json")
    return undisturbed(folder / "run", command, made.workspace.path, curves)


@pytest.fixture(scope="session")
def filtering(tmp_path_factory) -> Work:
    """Return the filter over twelve photographs."""
    folder = tmp_path_factory.mktemp("filter")
    root = write_coco(folder / "coco", {f"{number:012d}": 70 + 2 * number for number in range(12)})
    command = ("map", "filter", "--dataset", "cocostuff", "--root", root, "--workers", "2", "--json")

    def chosen(workspace: Path) -> object:
        return files_below(workspace, ("kept.txt", "manifest.jsonl", "report.json"))

    return undisturbed(folder, command, folder / "empty", chosen)


@pytest.fixture(autouse=True)
def one_thread():
    """Keep this process to one thread, so that both cores serve the processes that are tested."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
