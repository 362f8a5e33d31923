"""Ways to damage what a reader is given: bytes of files, values of JSON."""

import copy
import os
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

#: Cases a test tries; VSPW_FUZZ=2000 tries many, as was done once (docs/reliability.md).
CASES = int(os.environ.get("VSPW_FUZZ", "40"))

fuzzed = settings(
    max_examples=CASES,
    deadline=None,
    derandomize="VSPW_FUZZ" not in os.environ,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)

#: What a reader of JSON could meet in any place.
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["../../etc/passwd", "/", "\x00", "a\nb", "-1", "nan", "", "<script>", "=1+1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


#: Counts of a split and a curve over tau, as they are stored.
COUNTS = {
    "schema": 1,
    "num_classes": 2,
    "videos": {
        "v": {
            "classes": [0, 1],
            "intersection": [1, 1],
            "truth": [2, 1],
            "predicted": [1, 2],
            "vc": {"8": {"sum": 1.0, "clips": 2}},
            "frames_scored": 1,
            "frames_without_truth": 0,
        }
    },
    "confusion": {"truth": [0, 0, 1], "predicted": [0, 1, 1], "pixels": [1, 1, 1]},
}
CURVE = {
    "schema": 2,
    "num_classes": 2,
    "taus": [0.0, 1.0],
    "miou": [0.1, 0.2],
    "best": {"tau": 1.0, "miou": 0.2, "upper_bound": True},
    "mean_miou": 0.1,
    "vote_miou": 0.1,
    "resolution": 0.0,
    "per_class": {"0": [0.1, 0.2]},
    "per_video": {"v": [0.1, 0.2]},
    "best_per_class": {"0": [1.0, 0.2]},
    "best_per_video": {"v": [1.0, 0.2]},
    "intervals": None,
    "frames_scored": 1,
    "frames_without_truth": 0,
}


@st.composite
def damaged_bytes(draw: st.DrawFn, whole: bytes) -> bytes:
    """A file with bytes changed, taken out or put in, or cut short."""
    data = bytearray(whole)
    for _ in range(draw(st.integers(0, 6))):
        place = draw(st.integers(0, max(len(data) - 1, 0)))
        kind = draw(st.sampled_from(["change", "insert", "delete", "repeat"]))
        if kind == "change" and data:
            data[place] = draw(st.integers(0, 255))
        elif kind == "insert":
            data[place:place] = draw(st.binary(max_size=8))
        elif kind == "delete":
            del data[place : place + draw(st.integers(1, 40))]
        else:
            data[place:place] = data[place : place + 30]
    if draw(st.booleans()):
        del data[draw(st.integers(0, len(data))) :]
    return bytes(data)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value, by keys and positions; long lists by their first three."""
    found = [path]
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))[:3]
    else:
        inner = []
    return found + [place for key, item in inner for place in places(item, (*path, key))]


@st.composite
def damaged_json(draw: st.DrawFn, whole: Any) -> Any:
    """A JSON value with one to three places replaced or taken out."""
    value = copy.deepcopy(whole)
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(places(value)))
        if not path:
            value = draw(values)
            continue
        holder = value
        for key in path[:-1]:
            holder = holder[key]
        if draw(st.booleans()):
            holder[path[-1]] = draw(values)
        else:
            del holder[path[-1]]
    return value
