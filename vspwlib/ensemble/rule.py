"""How an ensemble combines its runs: one of five rules, and the weights that follow from it."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from vspwlib.checks import check_range, fail, require
from vspwlib.ensemble.fuse import shares

RULES = ("tau", "weights", "mean", "vote", "class-weights")


class ClassWeights(NamedTuple):
    """Shares of each run in every class, a row a run, and the file that they were read from."""

    table: tuple[tuple[float, ...], ...]
    file: Path


@dataclass(frozen=True)
class Rule:
    """A rule that fits a number of runs; made by :func:`choose_rule`.

    Attributes:
        kind: One of :data:`RULES`.
        weights: Share of each run, summing to 1, the first run named first. A vote counts them as votes.
        option: The rule as it was asked for, as on the command line.
        by_class: Shares of each run in every class, in place of ``weights``; None with the other rules.
    """

    kind: str
    weights: tuple[float, ...]
    option: str
    by_class: tuple[tuple[float, ...], ...] | None = None

    @property
    def is_soft(self) -> bool:
        """Whether it sums probabilities, and does not count votes."""
        return self.kind != "vote"


def choose_rule(
    runs: int,
    *,
    tau: float | None = None,
    weights: Sequence[float] | None = None,
    mean: bool = False,
    vote: bool = False,
    class_weights: ClassWeights | None = None,
) -> Rule:
    """Return the one rule that was asked for.

    Args:
        runs: Number of runs.
        tau: Weight of the first of two runs, 0..1; the second has 1 - tau.
        weights: One a run, not negative, not all 0; they are divided by their sum.
        mean: Equal weights.
        vote: A majority vote of the label maps, with ``weights`` each run's votes.
        class_weights: Weights of every class and the file they are from.

    Raises:
        InputError: fewer than two runs, no rule or several, tau with other than two runs or outside 0..1, or weights
            that are negative, all 0 or of the wrong count.

    >>> choose_rule(2, tau=0.25).weights, choose_rule(3, weights=[2, 1, 1])
    ((0.25, 0.75), Rule(kind='weights', weights=(0.5, 0.25, 0.25), option='--weights 2,1,1', by_class=None))
    """
    require(runs > 1, "ensemble", expected="at least two runs", got=runs)
    given_rules = (tau is not None, weights and not vote, mean, vote, class_weights is not None)
    asked = [kind for kind, is_asked in zip(RULES, given_rules, strict=True) if is_asked]
    if len(asked) != 1:
        got = " and ".join(f"--{kind}" for kind in asked) or "none"
        fail("ensemble", expected=f"one of {', '.join(f'--{kind}' for kind in RULES)}", got=got)
    if class_weights is not None:
        rows = class_weights.table
        require(len(rows) == runs, "class weights", expected=f"{runs} runs", got=len(rows), where=class_weights.file)
        option = f"--class-weights {shlex.quote(str(class_weights.file))}"
        return Rule("class-weights", tuple(shares([1.0] * runs, runs)), option, rows)
    if tau is not None:
        require(runs == 2, "--tau", expected="two runs", got=runs, fix="give one weight a run with --weights.")
        check_range("--tau", tau, 0, 1)
        return Rule("tau", (tau, 1 - tau), f"--tau {tau!r}")
    given = f"--weights {','.join(f'{weight!r}' for weight in weights)}" if weights else ""
    option = given if asked[0] == "weights" else f"--{asked[0]} {given}".rstrip()
    return Rule(asked[0], tuple(shares(weights or [1.0] * runs, runs)), option)
