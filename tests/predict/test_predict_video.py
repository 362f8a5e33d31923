"""Frames in, films out and in again."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vspwlib.checks import InputError
from vspwlib.predict.video import frame_rate, frame_source, overlay, write_mp4


def film(size: tuple[int, int], count: int = 4) -> list[np.ndarray]:
    """Flat colours with a bright square that moves to the right."""
    frames = []
    for index in range(count):
        frame = np.empty((*size, 3), np.uint8)
        frame[:] = (200, 30, 90)
        frame[8:24, 8 * index : 8 * index + 16] = (20, 220, 60)
        frames.append(frame)
    return frames


@pytest.mark.parametrize("size", [(48, 64), (47, 63)])
def test_a_film_is_read_as_written(tmp_path: Path, size: tuple[int, int]) -> None:
    path = write_mp4(tmp_path / "new/a.mp4", film(size), fps=15)
    found = list(frame_source(path))
    assert [name for name, _ in found] == ["00000000", "00000001", "00000002", "00000003"]
    assert frame_rate(path) == 15
    for (_, image), expected in zip(found, film(size), strict=True):
        assert image.shape == (48, 64, 3)
        assert image.dtype == np.uint8
        flat = image[28:44, 4:60].astype(int)
        assert abs(flat - [200, 30, 90]).max() <= 4
        square = np.argwhere(expected[:, :, 1] == 220).mean(axis=0).round().astype(int)
        assert abs(image[tuple(square)].astype(int) - [20, 220, 60]).max() <= 12


def test_an_odd_side_gets_its_last_line_twice(tmp_path: Path) -> None:
    frame = np.zeros((33, 31, 3), np.uint8)
    frame[-1], frame[:, -1] = 255, 255
    ((_, image),) = frame_source(write_mp4(tmp_path / "a.mp4", [frame], fps=5))
    assert image.shape == (34, 32, 3)
    assert image[-2:, :-4].min() > 200
    assert image[:-4, -2:].min() > 200
    assert image[:-5, :-5].max() < 60


def test_other_frame_rates_and_containers(tmp_path: Path) -> None:
    assert frame_rate(write_mp4(tmp_path / "a.mp4", film((32, 32)), fps=29.97)) == pytest.approx(29.97, abs=1e-3)
    (tmp_path / "a.mp4").rename(tmp_path / "a.mov")
    assert len(list(frame_source(tmp_path / "a.mov"))) == 4
    assert frame_rate(tmp_path) is None


def test_a_folder_of_frames_comes_sorted_by_name(tmp_path: Path) -> None:
    for name, value in (("00000012.png", 12), ("00000003.jpg", 3), (".00000001.png", 1)):
        Image.fromarray(np.full((4, 6, 3), value, np.uint8)).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("x")
    found = list(frame_source(tmp_path))
    assert [(name, int(image.mean()), image.shape) for name, image in found] == [
        ("00000003", 3, (4, 6, 3)),
        ("00000012", 12, (4, 6, 3)),
    ]


def test_rotation_noted_by_a_camera_is_applied(tmp_path: Path, monkeypatch) -> None:
    import av

    frame = np.zeros((32, 64, 3), np.uint8)
    frame[:, :16] = 255
    path = write_mp4(tmp_path / "a.mp4", [frame], fps=5)
    container = av.open(str(path))

    class Turned:
        """A decoded frame whose rotation says that it must be turned by a quarter, counter-clockwise."""

        rotation = 90

        def to_ndarray(self, format: str) -> np.ndarray:  # noqa: A002 - PyAV's name
            return next(container.decode(video=0)).to_ndarray(format=format)

    class Container:
        streams = container.streams

        def __enter__(self) -> "Container":
            return self

        def __exit__(self, *_: object) -> None:
            container.close()

        def decode(self, _stream: object) -> Iterator[Turned]:
            yield Turned()

    monkeypatch.setattr(av, "open", lambda _path: Container())
    ((_, image),) = frame_source(path)
    assert image.shape == (64, 32, 3)
    assert image[-14:].min() > 200


def test_nothing_half_written_stays(tmp_path: Path) -> None:
    def breaks() -> Iterator[np.ndarray]:
        yield from film((32, 32), 2)
        raise RuntimeError("the network")

    with pytest.raises(RuntimeError, match="the network"):
        write_mp4(tmp_path / "a.mp4", breaks(), fps=15)
    with pytest.raises(InputError, match=r"frame: expected shape \(32, 32, 3\), got \(32, 34, 3\)"):
        write_mp4(tmp_path / "a.mp4", [*film((32, 32)), *film((32, 34))], fps=15)
    assert list(tmp_path.iterdir()) == []


def test_an_earlier_film_is_replaced_only_by_a_whole_one(tmp_path: Path) -> None:
    path = write_mp4(tmp_path / "a.mp4", film((32, 32)), fps=15)
    before = path.read_bytes()
    with pytest.raises(InputError):
        write_mp4(path, [*film((32, 32)), np.zeros((4, 4, 3), np.uint8)], fps=15)
    assert path.read_bytes() == before


def test_wrong_input_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"not a film at all" * 50)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"expected a film, got a file that FFmpeg cannot open .*a\.mp4"):
        list(frame_source(tmp_path / "a.mp4"))
    with pytest.raises(InputError, match="expected a folder of frames or a film, got nothing there"):
        frame_source(tmp_path / "nope.mp4")
    with pytest.raises(InputError, match=r"frames: expected images .*got none"):
        frame_source(tmp_path / "empty")
    with pytest.raises(InputError, match=r"expected a name ending in \.mp4, got b\.avi"):
        write_mp4(tmp_path / "b.avi", film((32, 32)), fps=15)
    with pytest.raises(InputError, match="frames: expected at least one, got none"):
        write_mp4(tmp_path / "b.mp4", [], fps=15)
    with pytest.raises(InputError, match="fps: expected above 0"):
        write_mp4(tmp_path / "b.mp4", film((32, 32)), fps=0)


def test_a_film_cut_short_is_named(tmp_path: Path) -> None:
    path = write_mp4(tmp_path / "a.mp4", film((64, 64), 30), fps=15)
    path.write_bytes(path.read_bytes()[:400])
    with pytest.raises(InputError, match=r"a\.mp4"):
        list(frame_source(path))


def test_overlay_mixes_each_pixel_with_the_colour_of_its_class() -> None:
    generator = np.random.default_rng(0)
    image = generator.integers(0, 256, (5, 7, 3), dtype=np.uint8)
    ids = generator.integers(0, 256, (5, 7), dtype=np.uint8)
    palette = generator.integers(0, 256, (256, 3), dtype=np.uint8)
    for opacity in (0.0, 0.3, 0.5, 1.0):
        expected = image * (1 - opacity) + palette[ids] * opacity
        found = overlay(image, ids, palette, opacity)
        assert found.dtype == np.uint8
        np.testing.assert_allclose(found, expected, atol=1.2)
    np.testing.assert_array_equal(overlay(image, ids, palette, 0), image)
    np.testing.assert_array_equal(overlay(image, ids, palette, 1), palette[ids])
    with pytest.raises(InputError, match=r"ids: expected shape \(5, 7\)"):
        overlay(image, ids[:4], palette)


def test_a_clip_in_the_layout_of_vspw_is_read_from_its_origin(tmp_path):
    frame = np.full((4, 6, 3), 90, np.uint8)
    for part in ("origin", "mask"):
        (tmp_path / part).mkdir()
        Image.fromarray(frame).save(tmp_path / part / "00000017.png")
    ((name, image),) = frame_source(tmp_path)
    assert name == "00000017"
    assert np.array_equal(image, frame)
