"""The table of released files: complete, and consistent with the zoo."""

import re

import pytest

from vspwlib.models.released import RELEASED, networks_of, released_for
from vspwlib.models.zoo import NETWORKS


def test_every_file_fills_a_network_at_its_crop():
    for entry in RELEASED:
        assert entry.network in NETWORKS, entry.file
        assert entry.url.startswith("https://")
        assert entry.url.endswith("/" + entry.file)
        if entry.kind == "segmentation":
            assert entry.crop == NETWORKS[entry.network].crop
            assert 40 < entry.miou_ss < 65
            assert entry.miou_ms is None or entry.miou_ss < entry.miou_ms
        else:
            assert entry.miou_ss is None


def test_a_file_stands_once_for_a_network():
    pairs = [(entry.file, entry.network) for entry in RELEASED]
    assert len(set(pairs)) == len(pairs)
    assert [networks_of(file) for file in ("eva_psz14to16.pt", "mine.pth")] == [
        ("mask2former_eva_adapter_g", "mask2former_eva_adapter_g_8dec"),
        (),
    ]


def test_coco_stuff_files_have_its_classes():
    files = [entry for entry in RELEASED if "cocostuff" in entry.file]
    assert len(files) == 3
    assert {(entry.dataset, entry.classes) for entry in files} == {("COCO-Stuff164k", 171)}


def test_mmseg_keeps_each_file_in_the_folder_of_its_configuration():
    entry = released_for("upernet_swin_b_w12")[0]
    assert "/swin/upernet_swin_base_patch4_window12_512x512_160k_ade20k_pretrain_384x384_22K/" in entry.url


@pytest.mark.parity
def test_the_reference_table_is_held(shared):
    """Every file name that the table of official files spells out, and every score, is in ours."""
    text = (shared / "reference/models.md").read_text().split("## 1.")[1].split("### Hyper-parameters")[0]
    spelled = set(re.findall(r"(?<![\w*}])[a-z][\w.-]*\.(?:pth|pt|zip)\b", text))
    assert len(spelled) > 10
    assert spelled - {entry.file for entry in RELEASED} == set()
    scores = {(float(ss), float(ms)) for ss, ms in re.findall(r"\b(\d\d\.\d+)/(\d\d\.\d+)\b", text)}
    ours = {(entry.miou_ss, entry.miou_ms) for entry in RELEASED if entry.miou_ms is not None}
    assert len(scores) > 10
    assert scores - ours <= {(61.54, 62.31), (61.47, 62.25)}  # EVA's logs have more digits than its page
    assert ours <= scores
