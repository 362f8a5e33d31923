"""``vspw train``: how starting weights are named."""

import pytest
from typer.testing import CliRunner

from vspwlib.checks import InputError
from vspwlib.cli import app
from vspwlib.data import synthetic
from vspwlib.pipeline import training
from vspwlib.runs import Workspace


class StoppedError(Exception):
    """Ends the command once it has called the training."""


@pytest.fixture
def started(monkeypatch, tmp_path):
    """Run the command up to its training; return the recipe that it hands over."""
    given = []

    def train(recipe, workspace, data, **options):
        given.append((recipe, data))
        raise StoppedError

    monkeypatch.setattr(training, "train", train)
    monkeypatch.setattr(synthetic, "make_mini", lambda root, progress: root)
    monkeypatch.chdir(tmp_path)

    def start(*arguments, what="init"):
        command = ["train", "upernet_swin_tiny", "--workspace", str(tmp_path / "ws"), *arguments]
        result = CliRunner().invoke(app, command)
        if not isinstance(result.exception, StoppedError):
            raise result.exception
        recipe, data = given.pop()
        return {"init": recipe.model.init, "data": data}[what]

    return start


def test_starting_weights_are_a_word_or_a_file_named_from_the_root(started, tmp_path):
    (tmp_path / "my weights.pth").touch()
    assert started() == "none"
    assert started("--init", "timm") == "timm"
    assert started("--init", "none", "--set", "model.init=timm") == "none"
    assert started("--init", "my weights.pth") == str(tmp_path / "my weights.pth")
    Workspace(tmp_path / "ws").create_run("base", {}, {}, overwrite=False)
    assert started("--init", "base") == "base"


def test_a_file_that_is_not_there_is_named_before_anything_starts(started, tmp_path):
    with pytest.raises(InputError, match="--init: expected none, timm, a run or an existing file, got nothing there"):
        started("--init", "imagenet")
    assert not (tmp_path / "ws").exists()


def test_the_embedded_data_are_drawn_where_nothing_else_is_named(started, tmp_path):
    assert started(what="data") == {"vspw": tmp_path / "ws/data/mini/vspw"}
    (tmp_path / "own").mkdir()
    assert started("--data", str(tmp_path / "own"), what="data") == {"vspw": tmp_path / "own"}
    Workspace(tmp_path / "ws").add_data("vspw", tmp_path / "own")  # a run on it, earlier in the same workspace
    assert started(what="data") == {"vspw": tmp_path / "ws/data/mini/vspw"}
    assert started("--profile", "camvid", what="data") == {"vspw": tmp_path / "own"}


def test_other_scales_name_their_data(started):
    assert started("--profile", "camvid", what="data") == {}  # the training says what is missing


def test_image_sets_come_from_the_embedded_data_too(started, tmp_path):
    mini, mixed = tmp_path / "ws/data/mini", ("--set", 'mix.stills=["cocostuff"]')
    embedded = {name: mini / name for name in ("vspw", "cocostuff")}
    assert started(*mixed, what="data") == embedded
    for name in ("vspw", "cocostuff"):
        (mini / name).mkdir(parents=True)
    assert started(*mixed, "--data", f"vspw={mini / 'vspw'}", what="data") == embedded
    (tmp_path / "own").mkdir()
    own = tmp_path / "own"
    assert started(*mixed, "--data", f"cocostuff={own}", what="data") == embedded | {"cocostuff": own}
    assert started(*mixed, "--data", f"vspw={own}", what="data") == {"vspw": own}  # the training says what is missing
    assert started(*mixed, "--data", f"vpsw={own}", what="data") == {"vpsw": own}
