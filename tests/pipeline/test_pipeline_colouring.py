"""A clip goes in, a coloured film of the same length, size and rate comes out."""

import numpy as np

from vspwlib.data.images import read_image
from vspwlib.data.index import open_split
from vspwlib.labels import palette
from vspwlib.pipeline.colouring import VSPW_RATE, colour_video
from vspwlib.pipeline.prediction import run_predictor
from vspwlib.predict.scores import labels
from vspwlib.predict.video import frame_rate, frame_source, overlay


def test_a_clip_becomes_a_film(finished, tmp_path):
    video = open_split(finished.data["vspw"], "val").videos[0]
    clip = finished.data["vspw"] / "data" / video.name
    film = tmp_path / "film.mp4"
    assert colour_video(finished.runs[0], clip, film) == len(video.frames)
    assert frame_rate(film) == VSPW_RATE
    shown = [image for _, image in frame_source(film)]
    assert len(shown) == len(video.frames)

    image = read_image(video.frames[0].image)
    ids = labels(run_predictor(finished.runs[0]).scores(image), image.shape[:2])
    expected = overlay(image, ids, palette())
    assert np.abs(shown[0].astype(int) - expected).mean() < 8  # the film is compressed
    assert np.abs(shown[0].astype(int) - image).mean() > 8  # and it is not the picture alone
