"""Whether published results are those of today's recipes: which settings they were made with that have changed since.

A figure of other settings is no wrong figure, but it is not what the row would score now, and a mean over seeds of
different settings is of nothing. What is younger than a file is left to its fingerprint.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from vspwlib.recipes import RECIPES, recipe
from vspwlib.report.results import Result
from vspwlib.report.tables import Row
from vspwlib.values import flat

#: Settings that change what a run costs and keeps, not what it computes; and the seed, which is the run's own.
APART = ("train.workers", "train.log_every", "train.checkpoint_every", "train.seed")


def changed_settings(results: Iterable[Result], profile: str) -> list[Row]:
    """List the settings of published results that are no longer, or not in all of them, those of their recipes.

    Args:
        results: Of recipes or of ensembles, whose members are looked at.
        profile: Scale of all.

    Returns:
        Rows with keys recipe, setting (dotted), published (each value that occurs) and now; none where all is as it
        was. Recipes that are no more have no row.
    """
    published: dict[tuple[str, str], list[Any]] = {}
    for settings in _recipes(results):
        for name, value in flat(settings).items():
            values = published.setdefault((settings["name"], name), [])
            if value not in values:
                values.append(value)
    now = {key: flat(_plain(recipe(key, profile).to_dict())) for key, _ in published if key in RECIPES}
    return [
        {"recipe": key, "setting": name, "published": values, "now": now[key].get(name)}
        for (key, name), values in published.items()
        if key in now and name not in APART and values != [now[key].get(name)]
    ]


def changes_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """Say in a sentence for each setting what it was, what it is, and in which recipes.

    >>> row = {"recipe": "t3_nce2", "setting": "train.iterations", "published": [400], "now": 600}
    >>> print(changes_text([row, {**row, "recipe": "t3_nce4"}]))
    train.iterations was 400 and is 600 now (t3_nce2, t3_nce4).
    """
    recipes: dict[str, list[str]] = {}
    for row in rows:
        was = " or ".join(map(str, row["published"]))
        recipes.setdefault(f"{row['setting']} was {was} and is {row['now']} now", []).append(row["recipe"])
    return " ".join(f"{said} ({', '.join(names)})." for said, names in recipes.items())


def _recipes(results: Iterable[Result]) -> Iterable[dict[str, Any]]:
    for result in results:
        for part in result.content.get("members", [result.content]):
            yield part["recipe"]


def _plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as JSON gives them back: tuples as lists."""
    plain: dict[str, Any] = json.loads(json.dumps(settings))
    return plain
