"""A workspace and the runs in it: where configurations, logs, weights, predictions and scores lie.

    workspace/
      workspace.json                          data sets by reference
      data/                                   data sets that vspw made (the embedded default)
      counts/<data>-<split>-<digest>.json     how often each class is labelled
      runs/<run>/config.json                  resolved recipe, data folders, seed
      runs/<run>/environment.json             commit, versions, machine
      runs/<run>/reproduce.sh                 the command that trains it again
      runs/<run>/log.jsonl                    one JSON object a line: training and validation records
      runs/<run>/embedding-<split>.json       how alike its embeddings are within and between classes
      runs/<run>/checkpoints/                 step-<n>/ (to resume), best.safetensors, last.safetensors (to predict)
      predictions/<run>/<data>-<split>.zarr   soft predictions; its scores beside it as .scores.json
      predictions/<run>/<data>-<split>.labels hard predictions, <video>/<frame>.png, of an ensemble or another system
      predictions/<run>/<data>-<split>.recipe.json  how an ensemble or the like was made
      **/<name>.parts/                        counts of shards that wait for others, beside <name>.json
      jobs/<id>/                              commands that the app has started: their output and how they ended
      ensembles/<A>+<B>/<data>-<split>.json   tau sweep of two runs; .envelopes beside it: their labels at every tau

Opens without torch; every file is written under a temporary name and renamed.
"""

import json
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vspwlib.checks import check_name, fail, require
from vspwlib.locks import locked
from vspwlib.machine import commit, gpu, processor

ENVIRONMENT_VARIABLE = "VSPW_WORKSPACE"

#: A list of numbers as ``json`` breaks it into lines. No text looks like it: line breaks in texts are escaped.
_NUMBERS = re.compile(r"\[\n(?:\s*[-+.\deE]+,?\n)+\s*\]")


def write_text(path: Path, text: str) -> None:
    """Write a text under a temporary name in the same folder, then rename it into place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Write JSON as :func:`write_text` writes: whole or not at all; a row of numbers takes one line.

    Published counts are rows of numbers, and a line a number would bury every change of theirs.
    """
    text = json.dumps(value, indent=1, allow_nan=False)
    write_text(path, _NUMBERS.sub(lambda row: f"[{' '.join(row[0][1:-1].split())}]", text) + "\n")


def read_json(path: Path, what: str) -> Any:
    """Read JSON; a missing or broken file is an :class:`~vspwlib.checks.InputError` naming it."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        fail(what, expected="a file", got="nothing there", where=path)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        fail(what, expected="JSON", got=str(error), where=path, fix="restore or delete the file.")


@dataclass(frozen=True)
class Run:
    """One training run: a folder."""

    path: Path

    @property
    def name(self) -> str:
        """Name of the run, that of its folder."""
        return self.path.name

    @property
    def config(self) -> dict[str, Any]:
        """The resolved recipe and data folders, as saved when training began."""
        config: dict[str, Any] = read_json(self.path / "config.json", "run configuration")
        return config

    @property
    def checkpoints(self) -> Path:
        """Folder of the run's checkpoints."""
        return self.path / "checkpoints"

    def embedding_file(self, split: str) -> Path:
        """Return where the similarities of the run's embeddings on a split lie, measured or not."""
        return self.path / f"embedding-{split}.json"

    def weights(self, which: str = "best") -> Path:
        """Return the weights to predict with: the best by validation, or the last where nothing was validated."""
        candidates = [self.checkpoints / f"{name}.safetensors" for name in dict.fromkeys((which, "last"))]
        found = next((path for path in candidates if path.is_file()), None)
        if found is None:
            fail(
                "weights",
                expected="finished training",
                got="no checkpoint",
                where=self.path,
                fix="train with --resume.",
            )
        return found

    @property
    def finished(self) -> bool:
        """Whether training reached its last iteration."""
        return (self.checkpoints / "last.safetensors").is_file()

    def log(self) -> Iterator[dict[str, Any]]:
        """Iterate over the log's records, oldest first; a line cut short by a crash is left out."""
        path = self.path / "log.jsonl"
        if not path.is_file():
            return
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                if line.endswith("\n"):
                    yield json.loads(line)

    def append_log(self, record: Mapping[str, Any]) -> None:
        """Append one record to the log; the line reaches the disk whole or not at all."""
        with (self.path / "log.jsonl").open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(dict(record)) + "\n")

    def truncate_log(self, step: int) -> None:
        """Drop records later than ``step``: a resumed run writes them again."""
        kept = [record for record in self.log() if record["step"] <= step]
        path = self.path / "log.jsonl"
        temporary = path.with_suffix(".tmp")
        temporary.write_text("".join(json.dumps(record) + "\n" for record in kept), encoding="utf-8")
        temporary.replace(path)


@dataclass(frozen=True)
class Workspace:
    """A folder of data references, runs, predictions and ensembles."""

    path: Path

    @classmethod
    def locate(cls, path: str | Path | None = None) -> "Workspace":
        """Return the workspace named, else ``VSPW_WORKSPACE``, else ``./workspace``; it need not exist yet."""
        chosen = path or os.environ.get(ENVIRONMENT_VARIABLE) or "workspace"
        folder = Path(chosen).expanduser()
        require(not folder.is_file(), "workspace", expected="a folder", got="a file", where=folder)
        return cls(folder)

    @property
    def data_sets(self) -> dict[str, Path]:
        """Data sets by name; relative references are relative to the workspace."""
        path = self.path / "workspace.json"
        if not path.is_file():
            return {}
        return {name: self.path / folder for name, folder in read_json(path, "workspace")["data"].items()}

    def add_data(self, name: str, folder: Path) -> None:
        """Remember where a data set lies; one inside the workspace is kept as a relative path, so that it can move."""
        folder = folder.resolve()
        inside = folder.is_relative_to(self.path.resolve())
        reference = folder.relative_to(self.path.resolve()) if inside else folder
        file = self.path / "workspace.json"
        with locked(file, "workspace", wait=True):  # two runs that begin at once must not forget each other's data
            data = {key: os.fspath(value) for key, value in self._references().items()} | {name: os.fspath(reference)}
            write_json(file, {"schema": 1, "data": data})

    def _references(self) -> dict[str, str]:
        path = self.path / "workspace.json"
        return dict(read_json(path, "workspace")["data"]) if path.is_file() else {}

    def runs(self) -> list[Run]:
        """Return all runs, by name."""
        folder = self.path / "runs"
        return (
            [Run(path) for path in sorted(folder.iterdir()) if (path / "config.json").is_file()]
            if folder.is_dir()
            else []
        )

    def run_folder(self, name: str) -> Path:
        """Return where a run of that name lies or comes to lie."""
        return self.path / "runs" / check_name("run", name)

    def run(self, name: str) -> Run:
        """Return the run of that name; an unknown one is an error that lists what there is."""
        known = {run.name: run for run in self.runs()}
        if name not in known:
            fail("run", expected=f"one of {', '.join(known) or 'none yet'}", got=repr(name), where=self.path)
        return known[name]

    def create_run(
        self, name: str, config: Mapping[str, Any], environment: Mapping[str, Any], *, overwrite: bool
    ) -> Run:
        """Make a run's folder and write what it is; an existing run is refused unless ``overwrite``.

        What a kill has left of a run that was being made is no run.
        """
        run = Run(self.run_folder(name))
        if run.path.exists():
            if not overwrite and not _half_made(run.path):
                fail(
                    "run",
                    expected="a new name",
                    got=f"'{name}', which exists",
                    where=run.path,
                    fix="--resume continues it, --overwrite starts it again, --name makes another.",
                )
            shutil.rmtree(run.path)
        run.checkpoints.mkdir(parents=True)
        write_json(run.path / "environment.json", dict(environment))
        write_json(run.path / "config.json", dict(config))  # last: it makes the folder a run
        return run

    def predictions(self, run: str, data: str, split: str) -> Path:
        """Return where the soft predictions of a run on a split lie."""
        return self.path / "predictions" / run / f"{data}-{split}.zarr"

    def stored_predictions(self) -> list[Path]:
        """Return all prediction stores, by run and split; hard predictions are not among them."""
        return sorted((self.path / "predictions").glob("*/*.zarr"))

    def hard_predictions(self, name: str, data: str, split: str) -> Path:
        """Return where the label maps of an ensemble or an imported system on a split lie."""
        return self.path / "predictions" / name / f"{data}-{split}.labels"

    def stored_labels(self) -> list[Path]:
        """Return all folders of hard predictions, by name and split."""
        return sorted((self.path / "predictions").glob("*/*.labels"))

    def recipe_file(self, name: str, data: str, split: str) -> Path:
        """Return where it is written how an ensemble was made."""
        return self.path / "predictions" / name / f"{data}-{split}.recipe.json"

    def sweep_file(self, first: str, second: str, data: str, split: str) -> Path:
        """Return where the tau sweep of two runs lies; the first run is P1."""
        return self.path / "ensembles" / f"{first}+{second}" / f"{data}-{split}.json"

    def envelopes(self, first: str, second: str, data: str, split: str) -> Path:
        """Return where the labels of two runs at every tau lie; derived, so it may be deleted."""
        return self.sweep_file(first, second, data, split).with_suffix(".envelopes")

    def sweep_files(self) -> list[Path]:
        """Return all tau sweeps."""
        return sorted((self.path / "ensembles").glob("*/*.json"))


def _half_made(folder: Path) -> bool:
    """Say whether a folder holds nothing but what :meth:`Workspace.create_run` writes before the configuration."""
    own = {"environment.json", "checkpoints"}
    return all(path.name in own or path.name.endswith(".tmp") for path in folder.iterdir()) and not any(
        (folder / "checkpoints").glob("*")
    )


def scores_file(store: Path) -> Path:
    """Return where the scores of predictions lie: beside them. An ensemble's store and its label maps both have some.

    >>> scores_file(Path("a/vspw-val.zarr")).name, scores_file(Path("a/vspw-val.labels")).name
    ('vspw-val.scores.json', 'vspw-val.labels.scores.json')
    """
    return store.with_name(f"{store.name.removesuffix('.zarr')}.scores.json")


def frames_file(store: Path) -> Path:
    """Return where it is kept what each frame's pixels were taken for: beside the scores, and as old as they.

    >>> frames_file(Path("a/vspw-val.zarr")).name
    'vspw-val.scores.npz'
    """
    return scores_file(store).with_suffix(".npz")


def environment() -> dict[str, Any]:
    """Describe the machine and the software: commit, versions, processor, GPU. Nothing names a user or a path."""
    import platform
    from importlib.metadata import PackageNotFoundError, version

    versions = {}
    for package in ("vspwlib", "torch", "torchvision", "numpy", "lightning", "timm", "onedl-mmsegmentation", "zarr"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    machine = {"cpu": processor() or platform.machine(), "cores": os.cpu_count(), "system": platform.system()}
    return {
        "commit": commit(),
        "python": ".".join(map(str, sys.version_info[:3])),
        "versions": versions,
        "machine": {**machine, "gpu": name} if (name := gpu()) else machine,
    }
