"""Run the rows of the paper's tables: train, predict, score and publish what ``results/`` does not hold yet.

A row is held where its file has the fingerprint of what would be run: the resolved recipe, the seed and the training
data. Image sets are taken to be those that the file names; a run that was begun is gone on with.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from vspwlib.checks import InputError
from vspwlib.config import Recipe
from vspwlib.pipeline.building import VIDEO_DATA
from vspwlib.pipeline.ensemble_rows import publish_row, score_row
from vspwlib.pipeline.prediction import predict
from vspwlib.pipeline.publishing import FOUND, fingerprint, publish
from vspwlib.pipeline.scoring import score
from vspwlib.pipeline.training import run_name, train_once
from vspwlib.recipes import recipe
from vspwlib.report.paper_tables import results_of
from vspwlib.report.results import Result
from vspwlib.runs import Run, Workspace, scores_file
from vspwlib.tables import ENSEMBLES, home, table

#: Called with what is being done, how much of it is done, and the whole.
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Step:
    """A row at a seed.

    Attributes:
        key: Recipe or ensemble.
        seed: Seed of the training, or of all members.
        state: ``held`` where the results have it, ``stale`` where they have one of other settings or data, ``missing``.
    """

    key: str
    seed: int
    state: Literal["held", "stale", "missing"]


@dataclass(frozen=True)
class Outcome:
    """What became of a step.

    Attributes:
        step: The step.
        path: The file in the results; None where it failed.
        error: What was wrong.
    """

    step: Step
    path: Path | None
    error: InputError | None = None


def keys_of(number: int) -> list[str]:
    """Return the recipes or ensembles that a table is made of, each once, and those trained for other tables' rows.

    >>> keys_of(5)
    ['t5_vote', 't5_mean', 't4_pair', 't5_pair']
    """
    entry = table(number)
    return list(dict.fromkeys([*(row.key for row in entry.rows if row.key), *entry.members]))


def steps_of(
    numbers: Sequence[int], profile: str, seeds: Sequence[int], data: Mapping[str, Path], results: Path
) -> list[Step]:
    """Return what tables take, each once, and which of it the results hold.

    Args:
        numbers: Tables.
        profile: Scale.
        seeds: Seeds of every row.
        data: Data sets by name; ``vspw`` are the videos.
        results: Folder of published results.
    """
    keys = list(dict.fromkeys(key for number in numbers for key in keys_of(number)))
    return [Step(key, seed, _state(key, profile, seed, data, results)) for key in keys for seed in seeds]


def run_steps(
    steps: Sequence[Step],
    profile: str,
    workspace: Workspace,
    data: Mapping[str, Path],
    results: Path,
    *,
    device: str = "auto",
    progress: Progress | None = None,
) -> Iterator[Outcome]:
    """Run the steps that are not held, and yield what became of each. One that fails does not stop the others.

    Args:
        steps: From :func:`steps_of`.
        profile: Their scale.
        workspace: Where runs and predictions go.
        data: Data sets by name.
        results: Folder of published results.
        device: ``auto``, ``cpu`` or ``cuda``.
        progress: Called while something is done.

    Raises:
        Interrupted: after Ctrl-C or SIGTERM; the same steps go on from there.
    """
    work = _Work(workspace, data, results, device, progress or (lambda _what, _done, _whole: None))
    for step in steps:
        if step.state == "held":
            continue
        try:
            yield Outcome(step, work.ensemble(step, profile) if step.key in ENSEMBLES else work.row(step, profile))
        except InputError as error:
            yield Outcome(step, None, error)


@dataclass(frozen=True)
class _Work:
    """Where rows are run, and how that is shown."""

    workspace: Workspace
    data: Mapping[str, Path]
    results: Path
    device: str
    show: Progress

    def row(self, step: Step, profile: str) -> Path:
        """Run a recipe and publish it."""
        resolved = recipe(step.key, profile, seed=step.seed)
        return publish(self.finished(resolved), self.workspace, home(step.key).name, results=self.results)

    def ensemble(self, step: Step, profile: str) -> Path:
        """Run an ensemble's members where the workspace has not got them, score it, and publish it."""
        ensemble = ENSEMBLES[step.key]
        for name in ensemble.recipes:
            self.finished(recipe(name, profile, seed=step.seed))
        content = score_row(self.workspace, ensemble, profile, step.seed, device=self.device, progress=self.show)
        return publish_row(content, self.results)

    def finished(self, resolved: Recipe) -> Run:
        """Train a recipe, predict and score its test splits; what is finished is taken as it is."""
        name, iterations = run_name(resolved), resolved.train.iterations
        own = {key: self.data[key] for key in (VIDEO_DATA, *resolved.mix.stills) if key in self.data}

        def trained(record: dict[str, Any]) -> None:
            self.show(f"training {name}", record["step"], iterations)

        run = train_once(resolved, self.workspace, own, device=self.device, on_record=trained, on_reading=self.show)
        for split in resolved.test_splits:
            predicting = partial(self.show, f"predicting {split} with {name}")
            store, counts = predict(run, self.workspace, split, data={}, device=self.device, progress=predicting)
            if counts.frames or not scores_file(store).is_file():
                score(store, own[VIDEO_DATA], split, progress=partial(self.show, f"scoring {name} on {split}"))
        return run


def _state(
    key: str, profile: str, seed: int, data: Mapping[str, Path], results: Path
) -> Literal["held", "stale", "missing"]:
    found = next((result for result in results_of(key, profile, results) if result.seed == seed), None)
    if found is None:
        return "missing"
    made = {key: found.content} if key not in ENSEMBLES else dict(_members(found))
    names = ENSEMBLES[key].recipes if key in ENSEMBLES else (key,)
    same = tuple(made) == names and all(
        content.get("fingerprint") == _wanted(recipe(name, profile, seed=seed), content, data)
        for name, content in made.items()
    )
    return "held" if same else "stale"


def _members(found: Result) -> Iterator[tuple[str, Mapping[str, Any]]]:
    return ((member["recipe"]["name"], member) for member in found.content["members"])


def _wanted(resolved: Recipe, made: Mapping[str, Any], data: Mapping[str, Path]) -> str:
    """Return the fingerprint that a recipe run now would have, with the image sets of a run that was made."""
    return fingerprint(resolved, data[VIDEO_DATA], *(made.get(name) for name in FOUND))
