"""Binary packs of frames, as the live view reads them: what is drawn of a frame, as raw arrays behind a JSON header.

    bytes 0-3     "VSPK"
    bytes 4-7     version, uint32
    bytes 8-11    n, uint32
    n bytes       header, UTF-8 JSON: height, width, sections {name: {dtype, shape, offset}}
    zeros         up to a multiple of 8; offsets are counted from here, multiples of 8 themselves
    sections      little-endian arrays in C order

A browser lays typed arrays over the sections without a copy; that is what the multiples of 8 are for.
"""

import json
import struct
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vspwlib.checks import check_range, check_shape, fail, require

if TYPE_CHECKING:
    from vspwlib.ensemble.envelope import Envelope
    from vspwlib.ensemble.joint import JointFrame

Ids = NDArray[np.uint8]

VERSION = 1
GRID = 1000
"""Steps of tau from 0 to 1, unless said otherwise."""

_MAGIC = b"VSPK"
_START = struct.Struct("<4sII")
_CODES: dict[str, np.dtype[Any]] = {
    "u1": np.dtype("u1"),
    "u2": np.dtype("<u2"),
    "u4": np.dtype("<u4"),
    "f4": np.dtype("<f4"),
}
_WHOLE = 65535  # a probability of 1 in 16 bits


class Pack(NamedTuple):
    """An opened pack.

    Attributes:
        height: Rows of the frame.
        width: Columns of the frame.
        sections: Arrays by name; read-only views of the bytes.
    """

    height: int
    width: int
    sections: Mapping[str, NDArray[Any]]


def pack(size: tuple[int, int], sections: Mapping[str, NDArray[Any]]) -> bytes:
    """Write arrays as one container.

    Args:
        size: (H, W) of the frame.
        sections: Arrays of uint8, uint16, uint32 or float32, by name.

    Returns:
        The container.

    Raises:
        InputError: an array has another dtype.

    >>> unpack(pack((1, 2), {"truth": np.array([[3, 255]], np.uint8)})).sections["truth"].tolist()
    [[3, 255]]
    """
    entries: dict[str, dict[str, Any]] = {}
    blocks: list[bytes] = []
    offset = 0
    for name, values in sections.items():
        code = f"{values.dtype.kind}{values.dtype.itemsize}"
        if code not in _CODES:
            fail("section", expected=f"one of {', '.join(_CODES)}", got=values.dtype, where=name)
        block = np.ascontiguousarray(values, _CODES[code]).tobytes()
        entries[name] = {"dtype": code, "shape": [*values.shape], "offset": offset}
        blocks.append(_padded(block))
        offset += len(blocks[-1])
    header = json.dumps({"height": size[0], "width": size[1], "sections": entries}, separators=(",", ":")).encode()
    return b"".join([_padded(_START.pack(_MAGIC, VERSION, len(header)) + header), *blocks])


def unpack(data: bytes, *, where: object = "") -> Pack:
    """Read a container.

    Args:
        data: The container.
        where: What it belongs to, for the message.

    Returns:
        Its size and arrays.

    Raises:
        InputError: the bytes are none, of another version, or cut off.
    """
    whole = len(data) >= _START.size and data[:4] == _MAGIC
    require(whole, "pack", expected="a container that begins with VSPK", got=f"{len(data)} bytes", where=where)
    _, version, length = _START.unpack_from(data)
    require(version == VERSION, "pack", expected=f"version {VERSION}", got=version, where=where)
    start = _START.size + length + -(_START.size + length) % 8
    try:
        header = json.loads(data[_START.size : _START.size + length])
        sections = {name: _section(data, start, entry) for name, entry in header["sections"].items()}
        return Pack(int(header["height"]), int(header["width"]), sections)
    except (KeyError, TypeError, ValueError) as error:
        fail("pack", expected="a whole container", got=repr(error), where=where, fix="fetch it again.")


def frame_pack(content: "Ids | Envelope | JointFrame", truth: Ids | None = None, *, grid: int = GRID) -> bytes:
    """Write what the live view needs of a frame.

    Args:
        content: Label map (H, W) uint8 of one run; envelope of two; joint frame of any number, whose probabilities are
            rounded to 16 bits.
        truth: (H, W) uint8, 255 for void, where there is truth.
        grid: Steps of tau, 1 to 65535. The labels at every tau = k/grid are exact.

    Returns:
        The container.

    Raises:
        InputError: sizes or dtypes are not as stated.
    """
    sections = _sections(content, grid)
    height, width = next(iter(sections.values())).shape  # a label map comes first
    if truth is not None:
        check_shape("truth", truth.shape, (height, width))
        sections = {"truth": truth, **sections}
    return pack((height, width), sections)


def _sections(content: "Ids | Envelope | JointFrame", grid: int) -> dict[str, NDArray[Any]]:
    if isinstance(content, np.ndarray):
        check_shape("label map", content.shape, ("H", "W"))
        return {"labels.0": content}
    from vspwlib.ensemble.envelope import Envelope  # brings torch, which whoever has one has loaded

    return _pair_sections(content, grid) if isinstance(content, Envelope) else _joint_sections(content)


def _pair_sections(envelope: "Envelope", grid: int) -> dict[str, NDArray[Any]]:
    check_range("grid", grid, 1, _WHOLE)
    step = np.searchsorted(np.arange(grid + 1) / grid, envelope.time, side="left")  # the first k with k/grid >= time
    last = np.ones(len(step), np.bool_)  # of what changes within one step only the last is ever seen
    last[:-1] = (envelope.pixel[1:] != envelope.pixel[:-1]) | (step[1:] != step[:-1])
    seen = last & (step <= grid)
    return {
        "start": envelope.start,
        "pixel": envelope.pixel[seen].astype(np.uint32),
        "step": step[seen].astype(np.uint16),
        "label": envelope.label[seen],
    }


def _joint_sections(frame: "JointFrame") -> dict[str, NDArray[Any]]:
    return {
        "agreed": frame.agreed,
        "pixel": frame.pixel.astype(np.uint32),
        "first": frame.first.astype(np.uint32),
        "number": frame.number,
        "prob": np.rint(frame.probs.astype(np.float64) * _WHOLE).astype(np.uint16),
    }


def _section(data: bytes, start: int, entry: Mapping[str, Any]) -> NDArray[Any]:
    """Lay an array over its bytes; a ValueError where they are not there."""
    shape = tuple(int(length) for length in entry["shape"])
    count = int(np.prod(shape, dtype=np.int64))
    values = np.frombuffer(data, _CODES[entry["dtype"]], count, start + int(entry["offset"]))
    return values.reshape(shape)


def _padded(block: bytes) -> bytes:
    return block + bytes(-len(block) % 8)
