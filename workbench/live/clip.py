"""One video as one to eight runs see it: the resources that the live view asks for, made from stored predictions.

    clip.json            names, sizes, palettes, the exact curve of a pair
    <i>.jpg              the image of frame i
    <i>.bin              its labels under every choice (:mod:`workbench.live.container`)
    timeline.json        scores of all frames
    scores/<i>/<x>/<y>   the probabilities of all runs at a pixel

A name comes from a browser: it is matched against these five forms, and frames are addressed by their number alone.
"""

import hashlib
import io
import json
import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vspwlib.checks import fail, require
from vspwlib.data.index import Frame, Split, Video, open_split
from vspwlib.ensemble.envelope import Envelope
from vspwlib.ensemble.joint import JointFrame, joint_frame
from vspwlib.ensemble.sweep import envelope_of_scores
from vspwlib.labels import CLASS_NAMES, VOID, palette
from vspwlib.pipeline.envelope_store import EnvelopeStore
from vspwlib.pipeline.sources import Source, check_alike, data_of, open_source
from vspwlib.predict.label_folder import MANIFEST
from vspwlib.predict.store_files import node_name
from vspwlib.runs import Workspace
from workbench.live.container import GRID, frame_pack
from workbench.stamps import last_change

if TYPE_CHECKING:
    from vspwlib.predict.store import ScoreStore

Ids = NDArray[np.uint8]

FPS = 15
MOST_RUNS = 8
SHORT = "ABCDEFGH"
_TOP = 8  # classes of every run whose scores are told
_QUALITY = 90
_NAME = re.compile(r"clip\.json|timeline\.json|(\d{1,6})\.(jpg|bin)|scores/(\d{1,6})/(\d{1,6})/(\d{1,6})")


class Clip:
    """The resources of a clip. It is a class because it keeps the predictions open.

    Its ``opened`` is what :meth:`stamps` said then.

    Args:
        workspace: Where the predictions, sweeps and envelopes lie.
        paths: Stores or label folders of one to eight runs on one split, the first is P1; several must be soft.
        video: Name of the video.

    Raises:
        InputError: too many runs, label maps alone where scores are needed, predictions that do not fit each other, or
            no such video.
    """

    def __init__(self, workspace: Workspace, paths: Sequence[Path], video: str) -> None:
        require(0 < len(paths) <= MOST_RUNS, "runs", expected=f"1 to {MOST_RUNS}", got=len(paths))
        self.workspace, self.paths, self.video = workspace, tuple(paths), video
        self.sources = [open_source(path) for path in paths]
        self.stores: list[ScoreStore] = [source.scores() for source in self.sources] if len(paths) > 1 else []
        first = self.sources[0].manifest
        if "dataset" not in first or "split" not in first:
            fix = "predict or import them into a workspace first."
            fail("predictions", expected="what they say about themselves", got="nothing", where=paths[0], fix=fix)
        self.dataset, self.split = str(first["dataset"]), str(first["split"])
        split = open_split(data_of(self.sources, None), self.split)
        self.frames = _frames(split.video(video), self.sources)
        self._read = _files_read(split, video, self.sources)
        self.opened = self.stamps()
        for source in self.sources[1:]:
            check_alike([self.sources[0], source], split)

    @property
    def kind(self) -> str:
        """``single``, ``pair`` or ``joint``."""
        return {1: "single", 2: "pair"}.get(len(self.sources), "joint")

    @cached_property
    def key(self) -> str:
        """32 hex digits that change when the predictions, the frames, their masks or the sweep of the pair change."""
        files = [path for frame in self.frames for path in (frame.image, frame.mask, self._sweep_file) if path]
        stamps = [(str(path), path.stat().st_mtime_ns) for path in dict.fromkeys(files) if path.exists()]
        made = [
            self.video,
            [source.name for source in self.sources],
            [_content(one, self.video) for one in self.sources],
        ]
        return hashlib.sha256(json.dumps([made, stamps]).encode()).hexdigest()[:32]

    def stamps(self) -> tuple[int, ...]:
        """Return when what opening reads has changed last: while this stays the same, so would an opened clip."""
        files = (*self._read, *(path for path in (self._sweep_file,) if path))
        return tuple(last_change(path) for path in files)

    def resource(self, name: str) -> tuple[bytes, str]:
        """Return a resource and its content type.

        Raises:
            InputError: no such resource, or what it is made of is damaged.
        """
        found = _NAME.fullmatch(name)
        if found is None:
            fail("resource", expected="clip.json, timeline.json, <i>.jpg, <i>.bin or scores/<i>/<x>/<y>", got=name[:80])
        index, kind, *point = found.groups()
        if name == "clip.json":
            return _json(self.metadata())
        if name == "timeline.json":
            from workbench.live.timeline import timeline

            return _json(timeline(self))
        if kind == "jpg":
            return self._image(self._frame(int(index)))
        if kind == "bin":
            frame = self._frame(int(index))
            return frame_pack(self.content(frame), self.truth(frame), grid=GRID), "application/octet-stream"
        number, x, y = map(int, point)
        return _json(self._scores(self._frame(number), x, y))

    def metadata(self) -> dict[str, Any]:
        """Return ``clip.json``."""
        sizes = [self.sources[0].labels.size(self.video, frame.name) for frame in self.frames]
        frames = [
            {"name": frame.name, "width": width, "height": height, "truth": frame.mask is not None}
            for frame, (height, width) in zip(self.frames, sizes, strict=True)
        ]
        colours = {name: bytes(palette(name)[: len(CLASS_NAMES)].reshape(-1)).hex() for name in ("glasbey", "dataset")}
        runs = [{"name": one.name, "short": short} for one, short in zip(self.sources, SHORT, strict=False)]
        return {
            "version": 1,
            "video": self.video,
            "split": f"{self.dataset}-{self.split}",
            "key": self.key,
            "fps": FPS,
            "frames": frames,
            "classes": list(CLASS_NAMES),
            "palettes": colours,
            "runs": runs,
            "kind": self.kind,
            "grid": GRID,
            "approximate": self.kind == "joint",  # its probabilities have 16 bits
            "curve": self._curve(),
        }

    def content(self, frame: Frame) -> Ids | Envelope | JointFrame:
        """Return the labels of a frame: of one run, of a pair at every tau, or of more under all weights."""
        if self.kind == "single":
            return self.sources[0].labels.labels(self.video, frame.name)
        if self.kind == "pair" and frame.name in self._envelopes.frames(self.video):
            return self._envelopes.envelope(self.video, frame.name)
        scores = [store.scores(self.video, frame.name) for store in self.stores]
        size = self.stores[0].size(self.video, frame.name)
        return envelope_of_scores(scores[0], scores[1], size) if self.kind == "pair" else joint_frame(scores, size)

    def truth(self, frame: Frame) -> Ids | None:
        """Return the true ids of a frame, 255 void; None where it has no mask."""
        from vspwlib.data.images import read_mask

        return None if frame.mask is None else read_mask(frame.mask)

    @cached_property
    def _envelopes(self) -> EnvelopeStore:
        first, second = (source.name for source in self.sources)
        place = self.workspace.envelopes(first, second, self.dataset, self.split)
        return EnvelopeStore(place, self.stores[0], self.stores[1])

    @property
    def _sweep_file(self) -> Path | None:
        if self.kind != "pair":
            return None
        return self.workspace.sweep_file(self.sources[0].name, self.sources[1].name, self.dataset, self.split)

    def _curve(self) -> dict[str, Any] | None:
        """Return the curve of the split on the steps of tau, where it was swept."""
        from vspwlib.ensemble.result import GRID as TAUS
        from vspwlib.ensemble.result import SweepResult
        from vspwlib.runs import read_json

        file = self._sweep_file
        if file is None or not file.is_file():
            return None
        found = SweepResult.from_json(read_json(file, "sweep"), where=file)
        if not {*TAUS} <= {*found.taus}:
            return None
        scores = dict(zip(found.taus, found.miou.tolist(), strict=True))
        miou = [None if np.isnan(scores[tau]) else scores[tau] for tau in TAUS]
        return {"miou": miou, "best": {"tau": found.best_tau, "miou": found.best_miou}}

    def _frame(self, index: int) -> Frame:
        require(index < len(self.frames), "frame", expected=f"0 to {len(self.frames) - 1}", got=index, where=self.video)
        return self.frames[index]

    def _image(self, frame: Frame) -> tuple[bytes, str]:
        """Return a frame's image: the file where it is a JPEG, else one made of it."""
        from PIL import Image

        from vspwlib.data.images import read_image

        if frame.image.suffix.lower() in {".jpg", ".jpeg"}:
            return frame.image.read_bytes(), "image/jpeg"
        buffer = io.BytesIO()
        Image.fromarray(read_image(frame.image)).save(buffer, "JPEG", quality=_QUALITY)
        return buffer.getvalue(), "image/jpeg"

    def _scores(self, frame: Frame, x: int, y: int) -> dict[str, Any]:
        """Return the probabilities of the likeliest classes of all runs at a pixel; none of label maps."""
        from vspwlib.pipeline.preview import probabilities_at

        height, width = self.sources[0].labels.size(self.video, frame.name)
        require(x < width and y < height, "pixel", expected=f"inside {width}x{height}", got=f"{x}, {y}")
        truth = self.truth(frame)
        true = None if truth is None or truth[y, x] == VOID else int(truth[y, x])
        each = [
            probabilities_at(source.scores(), self.video, frame.name, x, y) for source in self.sources if source.is_soft
        ]
        top = sorted({int(number) for p in each for number in np.argsort(-p)[:_TOP]})
        return {"x": x, "y": y, "truth": true, "classes": top, "runs": [[float(p[n]) for n in top] for p in each]}


def _frames(video: Video, sources: Sequence[Source]) -> list[Frame]:
    """Return the frames of a video that every run has predicted.

    Raises:
        InputError: there is none.
    """
    there = [set(source.labels.frames(video.name)) for source in sources if video.name in source.labels.videos()]
    frames = [frame for frame in video.frames if len(there) == len(sources) and all(frame.name in one for one in there)]
    fix = "wait until `vspw predict` has finished this video."
    require(bool(frames), "clip", expected=f"predictions of video {video.name}", got="none", fix=fix)
    return frames


def _files_read(split: Split, video: str, sources: Sequence[Source]) -> list[Path]:
    """Return the files and folders that say whether predictions of a split, and one video of it, are as they were."""
    frames = [path for frame in split.video(video).frames for path in (frame.image, frame.mask) if path]
    lists = [split.root, split.root / "data", split.root / f"{split.name}.txt"]
    read = [*lists, *frames, *(path.parent for path in frames)]
    for source in sources:
        held = [source.path / node_name(one.name) / "zarr.json" for one in split.videos]
        if not source.is_soft:
            folder = source.path / video
            held = [source.path / MANIFEST, folder, *sorted(folder.glob("*.png"))]
        read += [source.path, source.path / "zarr.json", *held]
    return list(dict.fromkeys(read))


def _content(source: Source, video: str) -> str:
    """Return a checksum of what a source holds of a video."""
    if source.is_soft:
        return source.scores().video_checksum(video)
    files = sorted((source.path / video).glob("*.png"))
    return hashlib.sha256(json.dumps([(file.name, file.stat().st_mtime_ns) for file in files]).encode()).hexdigest()


def _json(value: dict[str, Any]) -> tuple[bytes, str]:
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode(), "application/json"
