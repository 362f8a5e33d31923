"""Plain values, as text and JSON have them, to typed dataclasses."""

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from vspwlib.checks import check_choice, check_keys, fail, require


def parse(text: str) -> Any:
    """Return the value that a text stands for: JSON, ``none``, ``true``, ``false`` in any case, or the text itself.

    >>> parse("[160,192]"), parse("None"), parse("swin")
    ([160, 192], None, 'swin')
    """
    import json

    words = {"none": None, "true": True, "false": False}
    if text.lower() in words:
        return words[text.lower()]
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested plain values by their dotted names, as :func:`assign` takes them.

    >>> flat({"name": "a", "optim": {"lr": 0.1, "betas": [0.9, 0.99]}})
    {'name': 'a', 'optim.lr': 0.1, 'optim.betas': [0.9, 0.99]}
    """
    found: dict[str, Any] = {}
    for key, value in values.items():
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return found


def assign(values: dict[str, Any], name: str, text: str) -> None:
    """Set a dotted field of nested plain values from text, in place.

    Args:
        values: Fields by name; groups are mappings of their own.
        name: The field, with the groups that hold it, as in ``optim.lr``.
        text: Its value, as :func:`parse` reads it.

    Raises:
        InputError: for an unknown field (the nearest is named), or a group in place of a field.

    >>> values = {"optim": {"lr": 1.0}}
    >>> assign(values, "optim.lr", "1e-4")
    >>> values
    {'optim': {'lr': 0.0001}}
    """
    *groups, leaf = name.split(".")
    where = "--set " + name
    node = values
    for group in groups:
        check_choice("setting", group, node, where=where)
        node = node[group]
        require(isinstance(node, dict), "setting", expected="a group of settings", got=group, where=where)
    check_choice("setting", leaf, node, where=where)
    fix = f"set {name}.<field>."
    require(not isinstance(node[leaf], dict), "setting", expected="one field", got=f"the group {name}", fix=fix)
    node[leaf] = parse(text)


def build(kind: type[Any], values: Mapping[str, Any], *, prefix: str = "") -> Any:
    """Return a dataclass from nested plain values.

    Args:
        kind: A dataclass, whose fields may be dataclasses.
        values: Field names to values; fields that are not named keep their defaults.
        prefix: What stands before field names in messages.

    Raises:
        InputError: for a name that is no field (the nearest is named) or a value of another type.
    """
    hints = get_type_hints(kind)
    known = {item.name for item in fields(kind)}
    if not isinstance(values, Mapping):
        fail("settings", expected="names and values", got=repr(values), where=prefix.rstrip("."))
    for name in values:
        check_choice("setting", name, known, where=prefix + name)
    needed = [item.name for item in fields(kind) if item.default is item.default_factory is MISSING]
    check_keys(prefix.rstrip(".") or "settings", values, needed)
    return kind(**{name: convert(hints[name], value, prefix + name) for name, value in values.items()})


def convert(kind: Any, value: Any, name: str) -> Any:
    """Bring a JSON value to the annotated type: lists to tuples, ints to floats; other differences are errors."""
    if is_dataclass(kind) and isinstance(kind, type) and isinstance(value, Mapping):
        return build(kind, value, prefix=f"{name}.")
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        word = "none" if value is None else value  # `--set name=none` is read as None
        return check_choice("setting", str(word), arguments, where=name)
    if kind is str and value is None:
        return "none"
    if origin in (Union, UnionType):
        if value is None and type(None) in arguments:
            return None
        return convert(next(item for item in arguments if item is not type(None)), value, name)
    if origin is tuple and isinstance(value, list | tuple):
        inner = [arguments[0]] * len(value) if arguments[-1] is Ellipsis else arguments
        if len(inner) == len(value):
            return tuple(convert(part, item, name) for part, item in zip(inner, value, strict=True))
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if isinstance(kind, type) and isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
        return value
    fail("setting", expected=_spelt(kind), got=repr(value), where=name)


def _spelt(kind: Any) -> str:
    """Return how a value of a type is written: a tuple as a list, ``[int, int]`` or ``[str, ...]``."""
    if kind is Ellipsis:
        return "..."
    if get_origin(kind) is tuple:
        return f"[{', '.join(map(_spelt, get_args(kind)))}]"
    return getattr(kind, "__name__", str(kind))
