"""The label table ``vspw.csv``: the one place where names, groups and colours are written.

Names and ids are those of VSPW's ``label_num_dic_final.json`` less one (there, 0 is "others"). The ``thing`` flag
is the one DVIS and Tube-Link derived from VIPSeg; VSPW itself has none. Column ``dataset`` holds the colours of
mmseg-based VSPW code (the first 124 of ADE20K); ``glasbey`` was computed once with ``glasbey.create_palette(124)``,
version 0.4.0.
"""

import csv
from functools import cache
from importlib import resources


@cache
def label_rows() -> tuple[dict[str, str], ...]:
    """Return the 124 rows of the table in id order, one mapping of column name to text a row.

    >>> label_rows()[21]["name"]
    'building'
    """
    text = resources.files(__package__).joinpath("vspw.csv").read_text(encoding="utf-8")
    return tuple(csv.DictReader(text.splitlines()))
