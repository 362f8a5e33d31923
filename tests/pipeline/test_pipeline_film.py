"""A film becomes a clip that is predicted like any other."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from vspwlib.checks import InputError
from vspwlib.cli.data import app
from vspwlib.data.index import open_split
from vspwlib.pipeline import film as module
from vspwlib.pipeline.film import check_film, film_to_clip
from vspwlib.predict.video import write_mp4


def pictures(frames: int, height: int, width: int) -> list[np.ndarray]:
    """Frames of one grey each, 16 apart, so that compression keeps them apart."""
    return [np.full((height, width, 3), 16 * number, np.uint8) for number in range(frames)]


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return write_mp4(tmp_path / "street.mp4", pictures(7, 32, 48), 12.5)


def test_a_film_is_looked_at(film: Path) -> None:
    assert check_film(film) == module.Film(48, 32, 12.5)


def test_frames_are_those_of_the_film_in_order(film: Path, tmp_path: Path) -> None:
    told: list[int] = []
    assert film_to_clip(film, tmp_path / "street", progress=lambda done, _: told.append(done)) == 7
    split = open_split(tmp_path / "street")
    assert (split.name, [video.name for video in split.videos]) == ("all", ["street"])
    frames = split.videos[0].frames
    assert [frame.name for frame in frames] == [f"{number:08d}" for number in range(7)]
    assert all(frame.mask is None for frame in frames)
    shades = [np.asarray(Image.open(frame.image)).mean() for frame in frames]
    np.testing.assert_allclose(shades, 16 * np.arange(7), atol=3)
    assert told == [*range(1, 8)]


def test_some_frames_are_taken(film: Path, tmp_path: Path) -> None:
    assert film_to_clip(film, tmp_path / "some", every=3, most=2) == 2
    names = [frame.name for frame in open_split(tmp_path / "some").videos[0].frames]
    assert names == ["00000000", "00000003"]


def test_high_frames_are_brought_to_vspws_height(tmp_path: Path) -> None:
    film = write_mp4(tmp_path / "high.mp4", pictures(1, 540, 960), 15)
    film_to_clip(film, tmp_path / "high")
    assert Image.open(tmp_path / "high" / "origin" / "00000000.jpg").size == (853, 480)


def test_what_is_there_is_not_written_over_and_what_fails_leaves_nothing(film: Path, tmp_path: Path) -> None:
    film_to_clip(film, tmp_path / "street")
    with pytest.raises(InputError, match="expected a new clip"):
        film_to_clip(film, tmp_path / "street")
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(film.read_bytes()[:-200])
    for broken in (cut, tmp_path / "gone.mp4"):
        with pytest.raises(InputError):
            film_to_clip(broken, tmp_path / "other")
    assert not list((tmp_path / "other").glob("*"))


@pytest.mark.parametrize("content", [b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", b"", b"ffconcat version 1.0\n"])
def test_what_is_called_mp4_and_is_none_is_never_opened(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.mp4").write_bytes(content)
    monkeypatch.setattr(module, "read_first_frame", lambda *_: pytest.fail("opened"))
    with pytest.raises(InputError, match="expected an mp4"):
        check_film(tmp_path / "a.mp4")


def test_an_mp4_without_pictures_and_too_large_ones_are_refused(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.mp4").write_bytes(film.read_bytes()[:64])
    with pytest.raises(InputError, match="video: "):
        check_film(tmp_path / "a.mp4")
    monkeypatch.setattr(module, "LARGEST_SIDE", 40)
    with pytest.raises(InputError, match="at most 40 pixels a side, got 48x32"):
        check_film(film)


def test_the_command_says_what_it_wrote(film: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["frames", str(film), str(tmp_path / "clip"), "--every", "2"])
    assert result.exit_code == 0, result.output
    assert "clip  4 frames" in result.stdout
