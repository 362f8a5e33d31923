"""How an ensemble combines its runs: one of four rules, and the weights that follow from it."""

from collections.abc import Sequence
from dataclasses import dataclass

from vspwlib.checks import check_range, fail, require
from vspwlib.ensemble.fuse import shares

RULES = ("tau", "weights", "mean", "vote")


@dataclass(frozen=True)
class Rule:
    """A rule that fits a number of runs; made by :func:`choose_rule`.

    Attributes:
        kind: ``tau``, ``weights``, ``mean`` or ``vote``.
        weights: Share of each run, summing to 1, the first run named first. A vote counts them as votes.
        option: The rule as it was asked for, as on the command line.
    """

    kind: str
    weights: tuple[float, ...]
    option: str

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
) -> Rule:
    """Return the one rule that was asked for.

    Args:
        runs: Number of runs.
        tau: Weight of the first of two runs, 0..1; the second has 1 - tau.
        weights: One a run, not negative, not all 0; they are divided by their sum.
        mean: Equal weights.
        vote: A majority vote of the label maps.

    Raises:
        InputError: fewer than two runs, no rule or several, tau with other than two runs or outside 0..1, or weights
            that are negative, all 0 or of the wrong count.

    >>> choose_rule(2, tau=0.25).weights, choose_rule(3, weights=[2, 1, 1])
    ((0.25, 0.75), Rule(kind='weights', weights=(0.5, 0.25, 0.25), option='--weights 2,1,1'))
    """
    require(runs > 1, "ensemble", expected="at least two runs", got=runs)
    asked = [kind for kind, is_asked in zip(RULES, (tau is not None, weights, mean, vote), strict=True) if is_asked]
    if len(asked) != 1:
        got = " and ".join(f"--{kind}" for kind in asked) or "none"
        fail("ensemble", expected="one of --tau, --weights, --mean, --vote", got=got)
    if tau is not None:
        require(runs == 2, "--tau", expected="two runs", got=runs, fix="give one weight a run with --weights.")
        check_range("--tau", tau, 0, 1)
        return Rule("tau", (tau, 1 - tau), f"--tau {tau!r}")
    given = f" {','.join(f'{weight!r}' for weight in weights)}" if weights else ""
    return Rule(asked[0], tuple(shares(weights or [1.0] * runs, runs)), f"--{asked[0]}{given}")
