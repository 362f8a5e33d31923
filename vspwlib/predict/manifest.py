"""What a score store says about itself, and when two of these statements mean the same predictions."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

from vspwlib import __version__
from vspwlib.checks import check_keys, fail, require

SCHEMA = 1
KIND = "vspw-scores"
RECORDED_ONLY = ("commit", "created", "data_root", "versions")  # told to the reader, never compared
LATER = {"scales": [1.0], "average": "probabilities"}  # settings that older stores were made with and do not state
LIBRARIES = ("numpy", "torch", "zarr")


def complete(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a manifest with what every store must say added to what the caller says.

    Args:
        given: What the scores are: run, dataset, split, weights, test-time settings, class names, commit, … as JSON
            values. ``num_classes`` is 124 unless it is there; ``versions`` are those of further libraries.

    Returns:
        JSON object with schema, kind, library versions and time of creation.
    """
    fixed = {"schema": SCHEMA, "kind": KIND, "grid_stride": 4, "num_classes": 124}
    versions = {
        "vspwlib": __version__,
        **{name: metadata.version(name) for name in LIBRARIES},
        **given.get("versions", {}),
    }
    recorded = {"versions": versions, "created": datetime.now(UTC).isoformat(timespec="seconds")}
    return json.loads(json.dumps({**fixed, **given, **recorded}))


def check_same(stored: Mapping[str, Any], wanted: Mapping[str, Any], where: object) -> None:
    """Require that a store holds the predictions that are wanted, and say in which statement it does not.

    Args:
        stored: Manifest of the store.
        wanted: Manifest of the new predictions.
        where: The store.

    Raises:
        InputError: naming the first statement that differs, with both values.

    >>> check_same({"run": "a", "commit": "1"}, {"run": "a", "commit": "2"}, "a.zarr")
    >>> check_same({"run": "a"}, {"run": "b"}, "a.zarr")
    Traceback (most recent call last):
    ...
    vspwlib.checks.InputError: run: expected "b", got "a" (a.zarr). Fix: --overwrite predicts anew.
    """
    check_keys("predictions", stored, (), where=where, fix="--overwrite predicts anew.")
    for key in sorted({*stored, *wanted} - {*RECORDED_ONLY}):
        old, new = (json.dumps(_stated(manifest, key), sort_keys=True) for manifest in (stored, wanted))
        if old != new:
            fail(key, expected=_short(new), got=_short(old), where=where, fix="--overwrite predicts anew.")


def check_readable(manifest: Mapping[str, Any], where: object) -> None:
    """Require the manifest of a score store of a schema that this version reads."""
    fix = "name a prediction store, as `vspw predict` writes it."
    check_keys("prediction store", manifest, (), where=where, fix=fix)
    kind, schema = manifest.get("kind"), manifest.get("schema")
    require(kind == KIND, "prediction store", expected=f"kind {KIND}", got=f"kind {kind}", where=where, fix=fix)
    fix = "read it with the version that wrote it, or predict again with --overwrite."
    require(schema == SCHEMA, "prediction store", expected=f"schema {SCHEMA}", got=schema, where=where, fix=fix)


def _stated(manifest: Mapping[str, Any], key: str) -> Any:
    """Return a statement without the test-time settings that older stores do not state, at the values they had."""
    value = manifest.get(key)
    if key != "predict" or not isinstance(value, Mapping):
        return value
    same = {name for name in value.keys() & LATER.keys() if json.dumps(value[name]) == json.dumps(LATER[name])}
    return {name: setting for name, setting in value.items() if name not in same}


def _short(text: str, most: int = 200) -> str:
    return text if len(text) <= most else f"{text[:most]}…"
