"""Labels: the 124 classes, the values of mask files, colours. Needs NumPy only."""

from vspwlib.labels.classes import CLASS_NAMES, CLASSES, GROUPS, NUM_CLASSES, VOID, VSPWClass, class_named
from vspwlib.labels.palettes import PALETTES, PaletteName, colourise, palette
from vspwlib.labels.raw import id_to_raw, raw_to_id

__all__ = [
    "CLASSES",
    "CLASS_NAMES",
    "GROUPS",
    "NUM_CLASSES",
    "PALETTES",
    "VOID",
    "PaletteName",
    "VSPWClass",
    "class_named",
    "colourise",
    "id_to_raw",
    "palette",
    "raw_to_id",
]
