"""Read what ``vspw runs publish``, ``vspw ensemble rows`` and ``vspw tables`` have written under ``results/``.

A file holds counts and curves, so every figure and interval follows from it without a pixel.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vspwlib.checks import check_keys, fail, reading, require
from vspwlib.ensemble.result import SweepResult
from vspwlib.metrics.summary import SplitScore
from vspwlib.runs import read_json

SCHEMA = 1


@dataclass(frozen=True, eq=False)
class Result:
    """A published file.

    Attributes:
        path: The file.
        content: What it holds.
    """

    path: Path
    content: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path) -> "Result":
        """Read a file.

        Raises:
            InputError: it is no published result, or of another schema.
        """
        content = read_json(path, "result")
        check_keys("result", content, ("schema", "table", "environment", "splits"), where=path)
        fix = "publish it again with this version."
        require(
            content["schema"] == SCHEMA,
            "result",
            expected=f"schema {SCHEMA}",
            got=content["schema"],
            where=path,
            fix=fix,
        )
        check_keys("result", content, ("ensemble", "seed") if "ensemble" in content else ("recipe",), where=path)
        with reading("result", expected="recipe or ensemble, seed and splits", where=path, fix=fix):
            found = cls(path, content)
            whole = isinstance(found.key, str) and found.seed >= 0 and all(map(str.strip, found.splits))
            require(whole, "result", expected="a name and a seed", got=found.key, where=path, fix=fix)
            return found

    @property
    def key(self) -> str:
        """The recipe or the ensemble that was run."""
        return str(self.content["ensemble"]["key"] if "ensemble" in self.content else self.content["recipe"]["name"])

    @property
    def seed(self) -> int:
        """Seed of the training, or of all members."""
        own = self.content.get("seed")
        return int(self.content["recipe"]["train"]["seed"] if own is None else own)

    @property
    def fingerprint(self) -> str | None:
        """What decides the result, from :func:`vspwlib.pipeline.publishing.fingerprint`."""
        return self.content.get("fingerprint")

    @property
    def splits(self) -> tuple[str, ...]:
        """Splits that were scored."""
        return tuple(self.content["splits"])

    def score(self, split: str) -> SplitScore | None:
        """Return the counts of a split; None where it was swept and not counted, or not scored."""
        found = self._split(split)
        return None if found is None or "taus" in found else SplitScore.from_json(found, where=self.path)

    def sweep(self, split: str) -> SweepResult | None:
        """Return the curve of a split; None where it was not swept."""
        found = self._split(split)
        return None if found is None or "taus" not in found else SweepResult.from_json(found, where=self.path)

    def _split(self, split: str) -> Mapping[str, Any] | None:
        found: Mapping[str, Any] | None = self.content["splits"].get(split)
        if found is not None:
            check_keys(f"split {split}", found, (), where=self.path)
        return found

    def miou(self, split: str, tau: float | str | None = None) -> float | None:
        """Return the mIoU of a split in 0..1; None where the file does not have it.

        Args:
            split: A split.
            tau: Where a sweep is read: a number, ``fitted`` or ``best``; None for what was counted.
        """
        if tau is None:
            counted = self.score(split)
            return None if counted is None else counted.miou
        curve = self.sweep(split)
        if curve is None:
            return None
        if tau == "best":
            return curve.best_miou
        if tau == "fitted":
            with reading("fitted tau", expected="its split, and mIoU by split", where=self.path):
                fitted = self.content.get("fitted")
                return None if fitted is None or split == fitted["split"] else fitted["miou"].get(split)
        return curve.at(float(tau))


def read_results(results: Path, table: str, profile: str) -> dict[str, list[Result]]:
    """Read the published rows of a table at a profile's scale.

    Args:
        results: Folder of published results.
        table: Folder in it, for example ``table2``.
        profile: ``mini``, ``camvid`` or ``vspw``.

    Returns:
        Results by recipe or ensemble, each list by seed; empty where nothing is published.

    Raises:
        InputError: a file is no result, or two are of one row and seed.
    """
    found: dict[str, dict[int, Result]] = {}
    for path in sorted((results / table / profile).glob("*.json")):
        result = Result.read(path)
        known = found.setdefault(result.key, {})
        if result.seed in known:
            got = f"also {known[result.seed].path.name}"
            fail("results", expected=f"one of {result.key}, seed {result.seed}", got=got, where=path, fix="delete one.")
        known[result.seed] = result
    return {key: [seeds[seed] for seed in sorted(seeds)] for key, seeds in found.items()}
