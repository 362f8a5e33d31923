"""Find the scores of runs that `vspw score` has stored.

Opens without torch.
"""

from collections.abc import Sequence
from pathlib import Path

from vspwlib.checks import fail, require
from vspwlib.metrics.summary import SplitScore
from vspwlib.pipeline.shards import forget_parts
from vspwlib.runs import Workspace, frames_file, read_json, scores_file


def forget_scores(predictions: Path) -> None:
    """Delete the scores of predictions that are about to be made anew: they are those of others.

    Args:
        predictions: A store, or a folder of label maps.
    """
    for file in (scores_file(predictions), frames_file(predictions)):
        file.unlink(missing_ok=True)
    forget_parts(scores_file(predictions))


def split_score(workspace: Workspace, run: str, split: str) -> SplitScore:
    """Return the stored scores of a run on a split.

    Args:
        workspace: Where predictions lie.
        run: Name of the run.
        split: Name of the split; with the data set's in front, as in "camvid-val", where a run has predicted two.

    Raises:
        InputError: There is no such run, it has not predicted the split, on more than one data set, or was not scored
            there.
    """
    found = _stores(workspace, run)
    stores = [path for path in found if f"-{path.stem}".endswith(f"-{split}")]
    got = ", ".join(path.stem for path in stores) or "none"
    fix = f"name the one as --split {stores[0].stem}." if stores else f"run `vspw predict {run} --split {split}`."
    require(len(stores) == 1, "predictions", expected=f"one store of {run} on {split}", got=got, fix=fix)
    file = scores_file(stores[0])
    if not file.is_file():
        fail("scores", expected=f"those of {run} on {split}", got="none", fix=f"run `vspw score {stores[0]}`.")
    return SplitScore.from_json(read_json(file, "scores"), where=file)


def shared_split(workspace: Workspace, runs: Sequence[str]) -> str:
    """Return the only split that all of the runs have been scored on, by a name that :func:`split_score` takes.

    Args:
        workspace: Where predictions lie.
        runs: Names of runs, at least one.

    Raises:
        InputError: There is no such run, or they share no scored split, or several.
    """
    scored = [{path.stem for path in _stores(workspace, run) if scores_file(path).is_file()} for run in runs]
    shared = sorted(set.intersection(*scored))
    if not shared:
        each = "; ".join(f"{', '.join(sorted(own)) or 'none'} of {run}" for run, own in zip(runs, scored, strict=True))
        fix = "run `vspw predict` and `vspw score` on one list for each."
        fail("scores", expected="a split that all runs are scored on", got=each, fix=fix)
    fix = f"name one, for example --split {shared[0]}."
    require(len(shared) == 1, "--split", expected="one scored split", got=", ".join(shared), fix=fix)
    return shared[0]


def _stores(workspace: Workspace, run: str) -> list[Path]:
    """Predictions of a name, by split; one that is neither a run's nor has any is refused.

    Where an ensemble has scores and label maps, it is the label maps: they are exact.
    """
    stored = [*workspace.stored_predictions(), *workspace.stored_labels()]
    found = {path.stem: path for path in stored if path.parent.name == run}  # label maps in the place of a store
    if not found:
        workspace.run(run)
    return list(found.values())
