"""What the page of label mappings reads. Its caches are bounded and keyed as those of :mod:`workbench.data` are."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from vspwlib.checks import fail
from vspwlib.data.still_filter import Denominator, mapping_digest, valid_ratios
from vspwlib.data.still_pixels import StillPixels, read_pixels
from vspwlib.data.stills import Still, open_stills
from vspwlib.labels.mapping import LabelMapping, load_mapping
from vspwlib.pipeline.filtering import CountedStills
from workbench.stamps import last_change

_MOST = 100  # images that a page offers one by one


class Sample(NamedTuple):
    """An image of a set: (H, W, 3) RGB, and its (H, W) mask in the set's own values."""

    image: NDArray[np.uint8]
    mask: NDArray[np.uint8]


def mapping(source: str | Path, dataset: str) -> LabelMapping:
    """Return a mapping of the package by its name, or one of the workspace by its path."""
    return _mapping(str(source), dataset, last_change(source) if isinstance(source, Path) else 0)


def records(counted: CountedStills) -> tuple[StillPixels, ...]:
    """Return the pixel counts of an image set."""
    return _records(str(counted.file), counted.name, last_change(counted.file))


def pixels(counted: CountedStills) -> NDArray[np.int64]:
    """Return (256,) int64: pixels by source value over all images."""
    return _pixels(str(counted.file), counted.name, last_change(counted.file))


def ratios(counted: CountedStills, table: LabelMapping, denominator: Denominator) -> Mapping[str, float]:
    """Return the valid-pixel ratio of each image that can be used, by its path below the root."""
    key = (str(counted.file), counted.name, last_change(counted.file))
    return _ratios(*key, mapping_digest(table), denominator, _table=table)


def offered(counted: CountedStills, value: int | None) -> list[str]:
    """Return up to a hundred images to look at one by one.

    Args:
        counted: The image set.
        value: Those with most pixels of this source value; None takes images evenly from all.
    """
    usable = [record for record in records(counted) if record.problem is None]
    if value is None:
        return [record.image for record in usable[:: max(1, -(-len(usable) // _MOST))]]
    holding = sorted((-record.counts[value], record.image) for record in usable if value in record.counts)
    return [image for _, image in holding[:_MOST]]


def sample(counted: CountedStills, root: Path, image: str) -> Sample:
    """Return an image and its mask.

    Raises:
        InputError: they are gone, or cannot be read.
    """
    still = _stills(counted.name, str(root)).get(image)
    if still is None:
        fix = "run `vspw map filter` again: the folder is no longer what was counted."
        fail("image", expected=image, got="nothing there", where=root, fix=fix)
    return _sample(str(still.image), str(still.mask), last_change(still.image), last_change(still.mask))


# Counts of all of COCO-Stuff are about 200 MB of records, which is why only few are kept.


@st.cache_resource(max_entries=16, show_spinner=False)
def _mapping(source: str, dataset: str, changed: int) -> LabelMapping:  # noqa: ARG001  part of the key
    return load_mapping(source, dataset=dataset)


@st.cache_resource(max_entries=2, show_spinner="Reading the pixel counts")
def _records(file: str, name: str, changed: int) -> tuple[StillPixels, ...]:  # noqa: ARG001
    return read_pixels(Path(file), name)


@st.cache_resource(max_entries=8, show_spinner=False)
def _pixels(file: str, name: str, changed: int) -> NDArray[np.int64]:
    total = np.zeros(256, np.int64)
    for record in _records(file, name, changed):
        for value, count in record.counts.items():
            total[value] += count
    total.flags.writeable = False
    return total


@st.cache_resource(max_entries=16, show_spinner=False)
def _ratios(
    file: str,
    name: str,
    changed: int,
    digest: str,  # noqa: ARG001  stands for the table in the key
    denominator: Denominator,
    *,
    _table: LabelMapping,
) -> Mapping[str, float]:
    return valid_ratios(_records(file, name, changed), _table, name, denominator=denominator)


@st.cache_resource(max_entries=4, ttl="10m", show_spinner="Listing the images")
def _stills(name: str, root: str) -> dict[str, Still]:
    found = open_stills(name, root)
    return {found.key(still.image): still for still in found.stills}


@st.cache_resource(max_entries=32, show_spinner=False)
def _sample(image: str, mask: str, *changed: int) -> Sample:  # noqa: ARG001
    from vspwlib.data.images import check_same_size, read_image, read_raw_mask

    found = Sample(read_image(image), read_raw_mask(mask, clip=False))
    check_same_size(found.image.shape, found.mask.shape, where=mask)
    return found
