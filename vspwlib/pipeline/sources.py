"""Find predictions by name or path, soft or hard, and hold them against a split and against each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from vspwlib.checks import fail, require
from vspwlib.data.index import Split, named, open_split
from vspwlib.labels import CLASS_NAMES, NUM_CLASSES
from vspwlib.pipeline.relocating import existing_data
from vspwlib.predict.label_folder import digest, read_manifest
from vspwlib.predict.labels import PngPredictions, StoreLabels
from vspwlib.predict.store import ScoreStore
from vspwlib.predict.store_files import linked
from vspwlib.runs import Workspace


@dataclass(frozen=True)
class Source:
    """Predictions that somebody named.

    Attributes:
        name: The run, ensemble or system; a plain PNG folder has its own name.
        path: The store or the folder.
        labels: Its label maps; those of a store come with its scores.
        manifest: What it says about itself; nothing where a PNG folder says nothing.
    """

    name: str
    path: Path
    labels: StoreLabels | PngPredictions
    manifest: dict[str, Any]

    @property
    def is_soft(self) -> bool:
        """Whether there are scores, and not only label maps."""
        return isinstance(self.labels, StoreLabels)

    def digest(self) -> str:
        """Return a SHA-256 of the predictions: of the scores as stored, or of the PNG files."""
        return self.labels.store.checksum() if isinstance(self.labels, StoreLabels) else digest(self.labels)

    def state(self, video: str) -> str:
        """Return a text that changes whenever the predictions of a video do; empty where there are none.

        It is quick to tell: from the checksums of a store, and from names, lengths and times of PNG files.
        """
        if isinstance(self.labels, StoreLabels):
            return self.labels.store.video_checksum(video) if self.labels.store.finished(video) else ""
        files = [(path.name, path.stat()) for path in sorted((self.path / video).glob("*.png"))]
        return " ".join(f"{name}:{found.st_size}:{found.st_mtime_ns}" for name, found in files)

    def scores(self) -> ScoreStore:
        """Return the soft predictions.

        Raises:
            InputError: these are hard ones.
        """
        if not isinstance(self.labels, StoreLabels):
            refuse_hard(self.name, self.path)
        return self.labels.store


def refuse_hard(name: str, path: Path) -> NoReturn:
    """Say that hard predictions stand where soft ones are needed.

    Args:
        name: Whose they are.
        path: Where they lie.

    Raises:
        InputError: always.
    """
    fix = "they can only vote: `vspw ensemble write … --vote`."
    fail("predictions", expected=f"soft ones of {name}", got="label maps", where=path, fix=fix)


def open_source(path: Path) -> Source:
    """Open predictions at a path.

    Args:
        path: A score store, a file that says where it is, or a folder ``<video>/<frame>.png`` of ids 0..123.

    Raises:
        InputError: nothing of that kind is there, or it is damaged.
    """
    if not path.exists():
        fail("predictions", expected="a store or a folder of PNGs", got="nothing there", where=path)
    if linked(path) or (path / "zarr.json").exists():
        store = ScoreStore.open(path)
        return Source(str(store.manifest.get("run", path.name)), path, StoreLabels(store), store.manifest)
    manifest = read_manifest(path) or {}
    return Source(str(manifest.get("run", path.name)), path, PngPredictions(path), manifest)


def find_predictions(
    workspace: Workspace, name: str, split: str, *, dataset: str | None = None, soft: bool = False
) -> Path:
    """Return where predictions lie that are named as a run or by their path.

    Args:
        workspace: Where names are looked up.
        name: A run, an ensemble, an imported system; or, where no predictions have that name, a path.
        split: The split.
        dataset: Name of the data set's folder; needed where the split was predicted on several.
        soft: Whether scores are asked for. Otherwise label maps go before scores where an ensemble has both, since
            they are exact and its scores are not.

    Raises:
        InputError: there are none, several, or only hard ones where soft ones are asked for.
    """
    paths = [path for path in workspace.stored_labels() + workspace.stored_predictions() if path.parent.name == name]
    if not paths and ("/" in name or Path(name).is_dir()):
        return Path(name).expanduser()
    found = [path for path in paths if path.stem == f"{dataset}-{split}" or (not dataset and _is_of(path, split))]
    data = sorted({path.stem.removesuffix(f"-{split}") for path in found})
    if len(data) != 1:
        fix = "name the data set with --dataset or --data." if data else f"run `vspw predict {name} --split {split}`."
        where = workspace.path / "predictions" / name
        expected, got = f"one of {name} on {split}", f"those on {named(data)}" if data else "none"
        fail("predictions", expected=expected + f" of {dataset}" * bool(dataset), got=got, where=where, fix=fix)
    stores = [path for path in found if path.suffix == ".zarr"]
    if soft and not stores:
        refuse_hard(name, found[0])
    return stores[0] if soft else found[0]


def open_alike(
    workspace: Workspace,
    names: Sequence[str],
    split: str,
    *,
    data: Path | None = None,
    dataset: str | None = None,
    soft: bool = True,
) -> tuple[list[Source], Path, Split]:
    """Open predictions that are to be combined, and hold them against the split and against each other.

    Args:
        workspace: Where names are looked up.
        names: Runs, ensembles, imported systems or paths; the first is P1.
        split: Split that all have predicted.
        data: The data set; by default the one that the first of them which knows was predicted on.
        dataset: Name of the data set's folder; by default that of ``data``, or the one that the first was predicted on.
        soft: Whether scores are asked for.

    Returns:
        The predictions, the data set's folder and the split.

    Raises:
        InputError: predictions are missing, unfinished, hard where scores are needed, or differ in split, classes,
            frames or sizes.
    """
    sources = []
    for name in names:
        known = data.resolve().name if data is not None else dataset
        path = find_predictions(workspace, name, split, dataset=known, soft=soft)
        source = open_source(path)
        if soft:
            source.scores()
        check_statement(source, split)
        sources.append(source)
        dataset = dataset or source.manifest.get("dataset")
    root = data_of(sources, data)
    frames = open_split(root, split)
    check_alike(sources, frames)
    return sources, root, frames


def data_of(sources: Sequence[Source], data: Path | None) -> Path:
    """Return the data set that was named, else the one that the first source which knows was predicted on.

    Args:
        sources: Predictions.
        data: The folder, where the user named one.

    Raises:
        InputError: nobody says, or that folder is gone.
    """
    known = [Path(source.manifest["data_root"]) for source in sources if "data_root" in source.manifest]
    if data is None and not known:
        fix = "name it with --data vspw=PATH."
        fail("--data", expected="the data set's folder", got="none", where=sources[0].path, fix=fix)
    return existing_data(data or known[0])


def check_statement(source: Source, split: str) -> None:
    """Require predictions of a split and of our classes, as far as they say.

    Args:
        source: Predictions.
        split: Name of the split.

    Raises:
        InputError: another split or class list.
    """
    what, stated = f"predictions of {source.name}", source.manifest
    said, fix = stated.get("split", split), "name predictions of that split."
    require(said == split, what, expected=f"split {split}", got=f"split {said}", where=source.path, fix=fix)
    classes = list(stated.get("class_names", CLASS_NAMES))
    same = classes == list(CLASS_NAMES) and stated.get("num_classes", NUM_CLASSES) == NUM_CLASSES
    got, fix = f"{stated.get('num_classes', len(classes))} classes, or others", "predict with VSPW's classes."
    require(same, what, expected="the 124 classes of VSPW", got=got, where=source.path, fix=fix)


def check_frames(source: Source, split: Split) -> list[str]:
    """Require a prediction for every frame of a split.

    Args:
        source: Predictions.
        split: The split.

    Returns:
        What the source holds beside the split, as ``video`` or ``video/frame``.

    Raises:
        InputError: naming the first frames that lack a prediction.
    """
    videos = set(source.labels.videos())
    missing, stray = [], sorted(videos - {video.name for video in split.videos})
    for video in split.videos:
        here = set(source.labels.frames(video.name)) if video.name in videos else set()
        wanted = [frame.name for frame in video.frames]
        missing += [f"{video.name}/{frame}" for frame in wanted if frame not in here]
        stray += [f"{video.name}/{frame}" for frame in sorted(here.difference(wanted))]
    fix = f"finish `vspw predict {source.name} --split {split.name}`." if source.is_soft else "write the missing files."
    made = source.manifest.get("predict", {})
    if "sources" in made:
        fix = "give the command of its .recipe.json again, which goes on."
    elif "mmseg" in made:
        fix = "give its `vspw import mmseg-config` again, which goes on."
    expected, got = f"all {split.num_frames} frames of split {split.name}", f"none for {named(missing)}"
    require(not missing, f"predictions of {source.name}", expected=expected, got=got, where=source.path, fix=fix)
    return stray


def check_alike(sources: Sequence[Source], split: Split) -> None:
    """Require that all predictions hold the frames of a split, no others, and each at one size.

    Args:
        sources: Predictions, the first one named first.
        split: The split.

    Raises:
        InputError: naming the source and what differs.
    """
    first = sources[0]
    for source in sources:
        _check_same_data(first, source)
        stray = check_frames(source, split)
        fix = "predict again, or name the data set that both were made for with --data vspw=PATH."
        what, expected = f"predictions of {source.name}", f"the frames of split {split.name} and no others"
        require(not stray, what, expected=expected, got=f"also {named(stray)}", where=source.path, fix=fix)
    for frame in split.frames():
        height, width = first.labels.size(frame.video, frame.name)
        for source in sources[1:]:
            size = source.labels.size(frame.video, frame.name)
            what, expected = f"predictions of {source.name}", f"{width}x{height}, as {first.name}"
            where = f"{source.path}, {frame.video}/{frame.name}"
            fix = "predict both on the same frames."
            require(size == (height, width), what, expected=expected, got=f"{size[1]}x{size[0]}", where=where, fix=fix)


def _check_same_data(first: Source, source: Source) -> None:
    said, other = (one.manifest.get("dataset") for one in (first, source))
    expected = f"data set {said}, as {first.name}"
    same = said is None or other is None or said == other
    require(same, f"predictions of {source.name}", expected=expected, got=other, where=source.path)


def _is_of(path: Path, split: str) -> bool:
    return path.stem.endswith(f"-{split}")
