"""A clip as a film: the pixels of its panels, and what is refused."""

import numpy as np
import pytest

from tests.pipeline.score_stores import FRAMES, SIZES, dense, score_stores
from vspwlib.checks import InputError
from vspwlib.data.images import read_image, read_mask
from vspwlib.data.index import open_split
from vspwlib.ensemble.rule import choose_rule
from vspwlib.labels import palette
from vspwlib.pipeline import clip_movie
from vspwlib.pipeline.clip_movie import write_movie
from vspwlib.pipeline.fusing import write_ensemble
from vspwlib.predict.video import frame_source

VIDEO = "1_aaaaaaaaaaa"


@pytest.fixture
def made(tmp_path):
    return score_stores(tmp_path)


@pytest.fixture
def film(monkeypatch):
    """What is drawn, before a codec changes it."""
    drawn = []
    monkeypatch.setattr(clip_movie, "write_mp4", lambda _path, frames, rate: drawn.extend([rate, *frames]))
    return drawn


def coloured(image, ids, opacity):
    """The blend of image and colours, in whole 256ths as the film has it."""
    share = round(opacity * 256)
    mixed = image.astype(int) * (256 - share) + palette()[ids].astype(int) * share + 128
    return mixed // 256


def test_panels_are_frame_truth_runs_and_the_fused_map(made, film, tmp_path):
    said = []
    count = write_movie(
        *(made.workspace, ["a", "b"], "val", VIDEO, tmp_path / "a.mp4"),
        tau=0.25,
        rate=5,
        opacity=0.5,
        progress=lambda done, whole: said.append((done, whole)),
    )
    rate, *pictures = film
    assert (rate, count, said) == (5, 3, [(1, 3), (2, 3), (3, 3)])
    for frame, picture in zip(open_split(made.data, "val").video(VIDEO).frames, pictures, strict=True):
        image, truth = read_image(frame.image), read_mask(frame.mask)
        one, two = (dense(made.stores[run], VIDEO, frame.name) for run in "ab")
        maps = [truth, one.argmax(0), two.argmax(0), (0.25 * one + 0.75 * two).argmax(0)]
        expected = np.concatenate([image, *(coloured(image, ids, 0.5) for ids in maps)], axis=1)
        np.testing.assert_array_equal(picture, expected)


def test_label_maps_are_shown_without_truth_where_there_is_none(made, film, tmp_path):
    write_ensemble(made.workspace, ["a", "b"], "val", choose_rule(2, vote=True), "votes")
    for frame in FRAMES[VIDEO]:
        (made.data / "data" / VIDEO / "mask" / f"{frame}.png").unlink()
    write_movie(made.workspace, ["votes"], "val", VIDEO, tmp_path / "a.mp4")
    height, width = SIZES[VIDEO]
    assert film[1].shape == (height, 2 * width, 3)


def test_the_film_plays(made, tmp_path):
    target = tmp_path / "new" / "a.mp4"
    write_movie(made.workspace, ["a"], "val", VIDEO, target)
    frames = [image for _, image in frame_source(target)]
    height, width = SIZES[VIDEO]
    assert [image.shape for image in frames] == [(height, 3 * width + 1, 3)] * 3  # an odd width is made even
    assert sorted(path.name for path in target.parent.iterdir()) == ["a.mp4"]


def test_what_cannot_be_shown_is_refused(made, tmp_path):
    target = tmp_path / "a.mp4"
    for names, settings, message in (
        (["a"], {"tau": 0.5}, "--tau: expected two runs, got 1"),
        (["a", "b"], {"tau": 1.5}, "--tau"),
        (["a"], {"opacity": 2.0}, "opacity"),
        (["nobody"], {}, "vspw predict nobody"),
    ):
        with pytest.raises(InputError, match=message):
            write_movie(made.workspace, names, "val", VIDEO, target, **settings)
    with pytest.raises(InputError, match="no_such_video"):
        write_movie(made.workspace, ["a"], "val", "no_such_video", target)
    assert not target.exists()
