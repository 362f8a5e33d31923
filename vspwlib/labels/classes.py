"""The 124 classes of VSPW: their ids, upstream spellings and groups."""

from dataclasses import dataclass

from vspwlib.checks import check_choice
from vspwlib.labels.table import label_rows

VOID = 255
"""Id of pixels without a class; never scored, never trained on."""


@dataclass(frozen=True, slots=True)
class VSPWClass:
    """One class of VSPW.

    Attributes:
        id: 0..123, as networks and metrics count; VSPW's mask files hold ``id + 1``.
        name: Spelling of the data set, e.g. ``"Microwave_oven"``.
        group: One of :data:`GROUPS`; ours, for tables and legends.
        thing: Whether the class is countable (VIPSeg's division).
    """

    id: int
    name: str
    group: str
    thing: bool


CLASSES: tuple[VSPWClass, ...] = tuple(
    VSPWClass(int(row["id"]), row["name"], row["group"], row["thing"] == "1") for row in label_rows()
)
NUM_CLASSES = len(CLASSES)
CLASS_NAMES: tuple[str, ...] = tuple(item.name for item in CLASSES)
GROUPS: tuple[str, ...] = tuple(dict.fromkeys(item.group for item in CLASSES))

_BY_NAME = {item.name: item for item in CLASSES}


def class_named(name: str) -> VSPWClass:
    """Return the class of that upstream spelling.

    Raises:
        InputError: for an unknown name; the message carries the nearest known one.

    >>> class_named("tree").id
    66
    """
    return _BY_NAME[check_choice("class name", name, _BY_NAME)]
