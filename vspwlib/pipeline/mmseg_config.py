"""Predict a split with a model of mmsegmentation, given by config and checkpoint, into a store like that of a run."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vspwlib.checks import check_name, fail, require
from vspwlib.config import PredictConfig, override
from vspwlib.data.images import image_size
from vspwlib.data.index import Split, named, open_split
from vspwlib.labels import CLASS_NAMES
from vspwlib.locks import locked
from vspwlib.pipeline.building import build_fabric, computes_in_bf16
from vspwlib.pipeline.prediction import begin_store, data_label, weights_digest
from vspwlib.predict.predictor import Predictor
from vspwlib.predict.split import PredictionCounts, predict_split
from vspwlib.predict.store import ScoreStore
from vspwlib.runs import Workspace, environment


@dataclass(frozen=True)
class MmsegPrediction:
    """What :func:`predict_mmseg_config` did.

    Attributes:
        store: The score store.
        counts: Videos and frames predicted and kept.
        dropped: Tensors of auxiliary heads in the checkpoint that were left out.
        unknown: Class names of the checkpoint that are not among those of its data set.
    """

    store: Path
    counts: PredictionCounts
    dropped: int
    unknown: tuple[str, ...]

    @property
    def notes(self) -> list[str]:
        """What the user should know although nothing failed."""
        found = [f"left out: {self.dropped} tensors of auxiliary heads"] if self.dropped else []
        if self.unknown:
            names = f"{len(self.unknown)} class names of the checkpoint are not known ({named(self.unknown)})"
            found.append(f"{names}: they are taken for the classes at their places in the list")
        return found

    def summary(self) -> dict[str, Any]:
        """Return everything under its name, as JSON values."""
        return {"store": str(self.store), **self.counts.summary(), "notes": self.notes}


def predict_mmseg_config(
    config_file: Path,
    checkpoint: Path,
    workspace: Workspace,
    name: str,
    *,
    root: Path,
    split: str | None,
    mapping: str | None = None,
    settings: Mapping[str, str] | None = None,
    device: str = "auto",
    precision: str = "fp32",
    shard: tuple[int, int] = (0, 1),
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> MmsegPrediction:
    """Predict every frame of a split; videos that are finished already are skipped.

    Windows, resizing and colours are those of the config's own testing, as far as our predictor does the same.

    Args:
        config_file: Config of mmseg 1.x; a Python file is executed.
        checkpoint: Its weights; nothing in the file is executed.
        workspace: Where the store goes.
        name: Name of the model among the predictions.
        root: The data set.
        split: List to predict; None for clips without lists.
        mapping: Data set that the model was trained on, or ``NAME=FILE.csv``; None for VSPW's own classes.
        settings: Fields of :class:`~vspwlib.config.PredictConfig`, as text, in place of the config's settings.
        device: ``auto``, ``cpu`` or ``cuda``.
        precision: ``fp32``, ``bf16``, or ``auto``: bf16 where the device computes in it.
        shard: ``(index, count)``: predict every count-th video from index on.
        overwrite: Drop an existing store of that name instead of continuing it.
        progress: Called with frames done and frames in all.

    Raises:
        InputError: the name is taken; the config or the checkpoint is refused (see
            :mod:`vspwlib.mmseg_bridge.config_file`), or how it tests (:mod:`vspwlib.mmseg_bridge.inference`).
    """
    from vspwlib.mmseg_bridge import config_file as configs
    from vspwlib.mmseg_bridge import inference
    from vspwlib.mmseg_bridge.other_classes import as_vspw, other_classes

    check_name("--name", name)
    frames = open_split(root, split)
    place = workspace.predictions(name, data_label(root), frames.name)
    _refuse_taken(name, place, workspace)
    config = configs.read_config(config_file)
    pipeline = inference.find_pipeline(config)
    others = other_classes(mapping) if mapping else None
    loaded = configs.load_model(config, checkpoint, others.names if others else CLASS_NAMES)
    test_time = _test_time(loaded.model, pipeline, frames, settings or {}, config_file)
    where = build_fabric("fp32", device=device).device
    score = inference.score_function(loaded.model.to(where))
    predictor = Predictor(
        as_vspw(score, others) if others else score,
        **asdict(test_time),
        device=where,
        precision="bf16" if computes_in_bf16(precision, where) else "fp32",
        size_divisor=inference.padding_divisor(loaded.model),
        antialias=False,
        normalise=inference.normalisation(pipeline or (), loaded.model),
    )
    made = {"mmseg": config_file.name, "config": configs.config_digest(config, pipeline)}
    if others:
        made |= {"mapping": others.dataset, "targets": others.digest}
    manifest = {
        "run": name,
        "dataset": data_label(root),
        "split": frames.name,
        "data_root": str(root.resolve()),
        "weights": weights_digest(checkpoint),
        "predict": {**predictor.settings, **made},
        "class_names": CLASS_NAMES,
        "commit": environment()["commit"],
        "versions": configs.versions(),
    }
    with locked(place, "prediction store", part=shard):
        store = begin_store(place, manifest, overwrite=overwrite)
        counts = predict_split(predictor, frames, store, shard=shard, progress=progress)
    return MmsegPrediction(place, counts, loaded.dropped, loaded.unknown)


def _refuse_taken(name: str, place: Path, workspace: Workspace) -> None:
    """Refuse the name of a run, and of predictions on this split that no mmseg config made."""
    got = "a run" if name in {run.name for run in workspace.runs()} else ""
    if place.with_suffix(".labels").exists():
        got = got or "an ensemble or an import"
    elif place.exists() and not got:
        got = "" if "mmseg" in ScoreStore.open(place).manifest.get("predict", {}) else "other predictions"
    fix = "give the model a name of its own."
    require(not got, "--name", expected="a new name", got=f"'{name}', {got}", where=place, fix=fix)


def _test_time(model: Any, pipeline: Any, frames: Split, settings: Mapping[str, str], where: Path) -> PredictConfig:
    """Return the test-time settings of a config, with those changed that were asked for."""
    from vspwlib.mmseg_bridge import inference

    window, stride = inference.windows(model)
    side = None
    if "short_side" not in settings:
        fix = "name the short side with --set short_side=480, or none to keep the frames' sizes."
        if pipeline is None:
            fail("config", expected="a test pipeline, which resizes frames or not", got="none", where=where, fix=fix)
        side = inference.short_side(pipeline, (image_size(frame.image) for frame in frames.frames()))
    batch = 1 if window == inference.WHOLE else PredictConfig.batch_windows
    stated = PredictConfig(short_side=side, window=window, stride=stride, flip=False, batch_windows=batch)
    return override(stated, settings)
