"""Raw mask values and class ids, for every byte against the rule spelled out."""

import numpy as np
import pytest

from vspwlib.checks import InputError
from vspwlib.labels import id_to_raw, raw_to_id

EVERY_BYTE = np.arange(256, dtype=np.uint8).reshape(16, 16)


def test_raw_to_id_follows_the_rule_for_every_byte():
    for raw, converted in zip(EVERY_BYTE.flat, raw_to_id(EVERY_BYTE).flat, strict=True):
        assert converted == (raw - 1 if 1 <= raw <= 124 else 255)


def test_id_to_raw_undoes_raw_to_id():
    known = np.r_[1:125, 255].astype(np.uint8)
    converted = id_to_raw(raw_to_id(known))
    np.testing.assert_array_equal(converted, known)
    assert converted.dtype == np.uint8


@pytest.mark.parametrize("value", [124, 200, 254])
def test_id_to_raw_refuses_what_is_neither_class_nor_void(value):
    with pytest.raises(InputError, match=str(value)):
        id_to_raw(np.array([0, value], np.uint8))


@pytest.mark.parametrize("convert", [raw_to_id, id_to_raw])
def test_other_dtypes_are_refused(convert):
    with pytest.raises(InputError, match="dtype uint8"):
        convert(np.array([1, 2], np.int64))
