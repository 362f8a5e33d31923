"""Other data sets' classes in mmseg's order, and their probabilities summed to VSPW's."""

import numpy as np
import pytest
import torch
from mmseg.datasets import ADE20KDataset, COCOStuffDataset

from vspwlib.checks import InputError
from vspwlib.labels import CLASS_NAMES, VOID
from vspwlib.labels.mapping import load_mapping
from vspwlib.mmseg_bridge.other_classes import OtherClasses, as_vspw, other_classes


def plain(name):
    return "".join(filter(str.isalnum, name.lower()))


@pytest.mark.parametrize(("name", "dataset"), [("ade20k", ADE20KDataset), ("cocostuff", COCOStuffDataset)])
def test_classes_stand_in_the_order_of_mmsegs_data_sets(name, dataset):
    found = other_classes(name)
    assert [plain(one) for one in found.names] == [plain(one) for one in dataset.METAINFO["classes"]]
    rows = {plain(row.source_name): row.target for row in load_mapping(name).rows}
    assert list(found.targets) == [rows[plain(one)] for one in dataset.METAINFO["classes"]]


def test_a_mapping_of_ones_own_is_taken(tmp_path):
    table = tmp_path / "mine.csv"
    rows = load_mapping("ade20k").rows
    sky = next(row for row in rows if row.source_name == "sky")
    head = "source_value,source_name,vspw_raw_id,vspw_name,kind,reason\n"
    lines = [
        f'{row.source_value},"{row.source_name}",{sky.target + 1},{sky.vspw_name},broader,test\n'
        if row.source_value
        else f'0,"{row.source_name}",255,void,none,test\n'
        for row in rows
    ]
    table.write_text(head + "".join(lines))
    found = other_classes(f"ade20k={table}")
    assert set(found.targets) == {sky.target}
    assert found.digest != other_classes("ade20k").digest
    with pytest.raises(InputError, match="--mapping: expected one of ade20k, camvid, cocostuff, got 'ade'"):
        other_classes("ade")
    with pytest.raises(InputError, match=r"expected a data set or NAME=FILE.csv, got 'ade20k='"):
        other_classes("ade20k=")


def test_probabilities_of_the_classes_that_mean_one_are_summed():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 4, (2, 5, 3, 4)).astype(np.float32)
    logits[0, 1, 0, 0] = 200.0  # so sure of a class that means none that the others vanish
    classes = OtherClasses("x", tuple("abcde"), (7, VOID, 3, 7, 100))
    seen = []
    found = as_vspw(lambda images: seen.append(images) or torch.from_numpy(logits), classes)("images")
    assert seen == ["images"]
    wanted = np.zeros((2, 124, 3, 4))
    for image, row, column in np.ndindex(2, 3, 4):
        point = np.exp(logits[image, :, row, column].astype(np.float64) - logits[image, :, row, column].max())
        for share, target in zip(point, classes.targets, strict=True):
            if target != VOID:
                wanted[image, target, row, column] += share / sum(point)
    sure = np.s_[0, :, 0, 0]
    assert (found[sure] == -60).all()
    wanted[sure] = 1  # nothing is left: all classes alike
    probs = found.double().softmax(1).numpy()
    np.testing.assert_allclose(probs, wanted / wanted.sum(1, keepdims=True), atol=1e-6)
    assert found.shape == (2, len(CLASS_NAMES), 3, 4)
