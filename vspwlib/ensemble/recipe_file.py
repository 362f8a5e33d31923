"""An ensemble written down: one YAML file with its runs, split and rule, for people and for `vspw ensemble write`."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vspwlib.checks import check_choice, check_name, fail, require

RULES = ("tau", "weights", "mean", "vote")  # weights of every class have a file of their own
_NEEDED = ("name", "runs", "split", "rule")
_LARGEST = 100_000  # bytes that are read
_EXACT = 1e-6  # by how much tau and its rest may miss 1 in a file that somebody has typed


@dataclass(frozen=True)
class EnsembleRecipe:
    """What an ensemble is made of.

    Attributes:
        name: Its name among the predictions.
        runs: What is combined, P1 first.
        split: Split that all have predicted.
        rule: One of :data:`RULES`.
        weights: One a run; with ``tau`` they are tau and 1 - tau, with ``vote`` so many votes.
            Empty where all are equal.
    """

    name: str
    runs: tuple[str, ...]
    split: str
    rule: str
    weights: tuple[float, ...] = ()

    @property
    def options(self) -> dict[str, Any]:
        """The rule as :func:`vspwlib.ensemble.rule.choose_rule` takes it."""
        if self.rule == "tau":
            return {"tau": self.weights[0]}
        weights = list(self.weights) if self.rule != "mean" else None
        return {"weights": weights or None} | ({self.rule: True} if self.rule in {"mean", "vote"} else {})


def recipe_yaml(recipe: EnsembleRecipe, made: Mapping[str, Any] | None = None) -> str:
    """Write an ensemble down as YAML.

    Args:
        recipe: The ensemble.
        made: What else shall stand there, as JSON values: the commit, versions. Nothing reads it back.

    Returns:
        The text; names that YAML would take for numbers or truth values are quoted.

    >>> print(recipe_yaml(EnsembleRecipe("pair", ("a", "no"), "val", "tau", (0.4, 0.6))), end="")
    name: pair
    runs: [a, 'no']
    split: val
    rule: tau
    weights: [0.4, 0.6]
    """
    import yaml

    facts = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(recipe).items()}
    lines: str = yaml.safe_dump(
        {**facts, **(made or {})}, sort_keys=False, allow_unicode=True, default_flow_style=None, width=10_000
    )
    return lines


def read_recipe(path: Path) -> EnsembleRecipe:
    """Read an ensemble from a YAML file.

    Raises:
        InputError: no such file, no YAML, or something in it is missing or not of its kind.
    """
    import yaml

    require(path.is_file(), "recipe", expected="a YAML file", got="nothing there", where=path)
    size = path.stat().st_size
    require(size <= _LARGEST, "recipe", expected=f"at most {_LARGEST} bytes", got=size, where=path)
    try:
        found = yaml.safe_load(path.read_bytes())
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        fail("recipe", expected="YAML", got=" ".join(str(error).split()), where=path, fix="quote names with signs.")
    require(isinstance(found, dict), "recipe", expected="name: value lines", got=type(found).__name__, where=path)
    missing = [key for key in _NEEDED if key not in found]
    require(not missing, "recipe", expected=", ".join(_NEEDED), got=f"no {', '.join(missing)}", where=path)
    runs = found["runs"]
    texts = isinstance(runs, list) and all(isinstance(text, str) for text in (*runs, found["name"], found["split"]))
    fix = "quote names that YAML takes for numbers or truth values: '1'."
    require(texts, "recipe", expected="runs: [A, B], and names that are texts", got=runs, where=path, fix=fix)
    weights = _weights(found.get("weights") or [], path)
    rule = check_choice("rule", str(found["rule"]), RULES, where=path)
    fits = len(weights) == len(runs) or (not weights and rule in {"mean", "vote"})
    require(fits, "weights", expected=f"{len(runs)} of them", got=len(weights), where=path)
    if rule == "tau":
        total = f"weights that sum to {sum(weights):g}"
        require(abs(sum(weights) - 1) <= _EXACT, "weights", expected="tau and 1 - tau", got=total, where=path)
    return EnsembleRecipe(check_name("name", found["name"]), tuple(runs), found["split"], rule, weights)


def _weights(values: Any, path: Path) -> tuple[float, ...]:
    """Return numbers; YAML 1.1 reads 1e-3, without a point, as a text."""
    try:
        return tuple(map(float, values))
    except (TypeError, ValueError):
        fail("weights", expected="a list of numbers", got=values, where=path, fix="for example [0.4, 0.6].")
