"""``vspw models``: what it prints, and how it ends."""

import json
import re
from dataclasses import replace

import pytest
import torch
from typer.testing import CliRunner

from vspwlib.checks import InputError
from vspwlib.cli import app
from vspwlib.models.zoo import NETWORKS, build_empty

TINY = "upernet_swin_tiny"


def run(*arguments):
    result = CliRunner().invoke(app, ["models", *(str(argument) for argument in arguments)])
    if isinstance(result.exception, InputError):
        raise result.exception
    return result


def shapes(*, classes=150, name=TINY) -> dict[str, list[int]]:
    return {key: list(value.shape) for key, value in build_empty(name, num_classes=classes).state_dict().items()}


@pytest.fixture
def keys(tmp_path):
    """Write names and shapes to a JSON file; return its path."""

    def write(contents):
        path = tmp_path / "keys.json"
        path.write_text(contents if isinstance(contents, str) else json.dumps(contents))
        return path

    return write


def test_the_list_says_all_that_is_known():
    rows = {row["name"]: row for row in json.loads(run("list", "--json").stdout)}
    assert list(rows) == list(NETWORKS)
    xl = rows["upernet_internimage_xl"]
    assert (xl["strides"], xl["crop"]) == ([4, 8, 16, 32], 640)
    assert [(file["file"], file["miou_ss"]) for file in xl["files"]] == [
        ("upernet_internimage_xl_640_160k_ade20k.pth", 55.0),
        ("internimage_xl_22k_192to384.pth", None),
    ]
    assert 3e8 < xl["parameters"] < 4e8
    assert 1e12 < xl["flops"] < 2e12


def test_the_table_has_a_line_for_every_network():
    lines = run("list").stdout.splitlines()
    for title in ("name", "parameters", "FLOPs", "images/s", "strides", "crop", "official file", "ADE20K mIoU"):
        assert title in lines[1]
    line = next(line for line in lines if "upernet_swin_t " in line)
    assert [cell.strip() for cell in line.strip("│").split("│")][1:7] == [
        "59.9 M",
        "473.3 G",
        "-",
        "4,8,16,32",
        "512",
        "44.41 / 45.79",
    ]
    end = lines.index(next(line for line in lines if line.startswith("└")))
    assert end + 1 == len(NETWORKS) + 4
    assert lines[end + 1 :]
    assert all(line.startswith("images/s") for line in lines[end + 1 :])


def test_measured_speeds_stand_in_the_table(monkeypatch):
    from vspwlib.models import costs

    slow = costs.Speed(
        network=TINY, device="a CPU", height=8, width=9, precision="fp32", images_per_second=0.01834, source="log"
    )
    monkeypatch.setattr(costs, "known_speeds", lambda: (slow,))
    lines = run("list").stdout.splitlines()
    assert " 0.018 " in next(line for line in lines if TINY in line)
    assert lines[-1] == "images/s: inference on a CPU, 9x8 pixels, fp32 (log)"
    fast = replace(slow, network="upernet_swin_t", device="a GPU", images_per_second=123.4)
    monkeypatch.setattr(costs, "known_speeds", lambda: (slow, fast))
    lines = run("list").stdout.splitlines()
    assert " 0.018 (1) " in next(line for line in lines if TINY in line)
    assert " 123 (2) " in next(line for line in lines if "upernet_swin_t " in line)
    assert [line[:22] for line in lines[-2:]] == ["images/s (1): inferenc", "images/s (2): inferenc"]


def test_a_network_of_your_own_is_listed_without_facts(monkeypatch):
    from vspwlib.models.zoo import Network

    own = Network(name="own", summary="", build=lambda options: torch.nn.Conv2d(3, options.num_classes, 1), crop=64)
    monkeypatch.setitem(NETWORKS, "own", own)
    row = json.loads(run("list", "--json").stdout)[-1]
    assert row["parameters"] == 124 * 4
    assert (row["flops"], row["strides"], row["files"], row["crop"]) == (None, [], [], 64)
    assert "own" in run("list").stdout


@pytest.mark.parametrize("layout", [lambda entries: entries, lambda entries: {"_meta": {}, "keys": entries}])
def test_a_file_that_fits_exits_with_0(keys, layout):
    result = run("check", TINY, "--keys", keys(layout(shapes())))
    assert result.exit_code == 0
    assert f"{TINY} (network): {len(shapes())} matched, 0 renamed, 0 missing, 0 unexpected" in result.stdout
    assert result.stdout.splitlines()[1] == "the file fits"


def test_shapes_may_stand_beside_other_facts(keys):
    entries = {name: {"shape": shape, "dtype": "float32"} for name, shape in shapes(classes=7).items()}
    result = json.loads(run("check", TINY, "--keys", keys({"header": {}, "keys": entries}), "--json").stdout)
    assert (result["fits"], result["classes"], result["matched"]) == (True, 7, len(entries))


def test_every_difference_is_printed_with_its_shapes(keys):
    entries = shapes() | {
        "backbone.norm0.weight": [3],
        "neck.weight": [2, 2],
        "backbone.stages.0.blocks.0.attn_mask": [4, 9, 9],
    }
    del entries["decode_head.conv_seg.bias"]
    result = run("check", TINY, "--keys", keys(entries))
    assert result.exit_code == 1
    assert "1 missing, 1 unexpected, 1 reshaped, 0 classifier, 1 allowed" in result.stdout
    assert result.stdout.splitlines()[1:] == [
        "the file does not fit",
        "  missing     decode_head.conv_seg.bias (150)",
        "  unexpected  neck.weight (2, 2)",
        "  reshaped    backbone.norm0.weight (3) for (48)",
        "  allowed     backbone.stages.0.blocks.0.attn_mask (4, 9, 9): computed from the image size, never stored",
    ]


def test_another_class_count_is_reported_and_fits(keys):
    result = run("check", TINY, "--keys", keys(shapes(classes=171)), "--classes", 124)
    assert result.exit_code == 0
    assert "decode_head.conv_seg.bias (171) for (124): of another class count" in result.stdout
    assert "4 classifier" in result.stdout


def test_renamed_keys_are_printed_with_both_names(keys):
    name = "upernet_focalnet_tiny"
    official = {}
    for key, shape in shapes(name=name).items():
        theirs = key.replace("backbone.stem.", "backbone.patch_embed.")
        theirs = re.sub(r"layers\.(\d)\.downsample", lambda stage: f"layers.{int(stage[1]) - 1}.downsample", theirs)
        official[theirs] = shape
    result = run("check", name, "--keys", keys(official))
    assert result.exit_code == 0
    line = "renamed     backbone.stem.proj.weight (48, 3, 7, 7) from backbone.patch_embed.proj.weight"
    assert line in result.stdout


@pytest.mark.parametrize("kind", ["whole", "backbone"])
def test_a_checkpoint_is_read_and_recognised(tmp_path, kind):
    state = {name: torch.zeros(shape) for name, shape in shapes().items()}
    if kind == "backbone":
        prefix = "backbone."
        state = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
        state["head.weight"] = torch.zeros(1000, 384)
    torch.save({"model": state}, tmp_path / "weights.pth")
    result = json.loads(run("check", TINY, "--checkpoint", tmp_path / "weights.pth", "--json").stdout)
    assert result["kind"] == ("network" if kind == "whole" else "backbone")
    assert result["matched"] == len(state) - (kind == "backbone")
    assert result["missing"] == result["unexpected"] == {}
    assert list(result["allowed"]) == ([] if kind == "whole" else ["head.weight"])


def test_without_a_file_it_says_what_it_expects():
    text = run("check", "mask2former_beitv2_adapter_l").stdout
    assert "918 keys, 570744407 parameters with 150 classes" in text
    assert "https://github.com/czczup/ViT-Adapter/releases/download/v0.3.1/" in text
    facts = json.loads(run("check", TINY, "--json", "--classes", 7).stdout)
    assert (facts["keys"], facts["classes"], facts["files"]) == (len(shapes()), 7, [])
    assert "no released file is known" in run("check", TINY).stdout


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        ("not json", "JSON of names and shapes, got JSONDecodeError"),
        ("[1, 2]", "JSON of names and shapes, got AttributeError"),
        ({"a": {"dtype": "float32"}}, "JSON of names and shapes, got KeyError"),
        ({"a": 3}, "JSON of names and shapes, got TypeError"),
        ({"a": ["x"]}, "shapes as lists of sizes"),
        ({"a": [-1]}, "shapes as lists of sizes"),
        ({"keys": {}}, "got none"),
        ({"decode_head.conv_seg.weight": [150, 512, 1, 1]}, "the weights of a backbone"),
        ({"some.weight": [1]}, "Swin weights: expected patch_embed"),
    ],
    ids=str,
)
def test_files_of_other_contents_are_refused(keys, contents, message):
    with pytest.raises(InputError, match=message):
        run("check", TINY, "--keys", keys(contents))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("upernet_swin_tyny",), "did you mean 'upernet_swin_tiny'"),
        ((TINY, "--keys", "/nowhere"), "--keys: expected a file"),
        ((TINY, "--checkpoint", "/nowhere"), "checkpoint: expected a file"),
        ((TINY, "--keys", "/a", "--checkpoint", "/b"), "expected --keys or --checkpoint, got both"),
        ((TINY, "--classes", "0"), "--classes: expected 1"),
        (
            ("upernet_focalnet_l", "--checkpoint", "/focalnet_large_lrf_384_fl4.pth"),
            "got one of upernet_focalnet_l_fl4",
        ),
    ],
)
def test_wrong_input_is_named(arguments, message):
    with pytest.raises(InputError, match=message):
        run("check", *arguments)


@pytest.mark.parity
@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("upernet_swin_l", "swin_l_upernet_keys"),
        ("upernet_focalnet_b_lrf", "focalnet_b_lrf_upernet_keys"),
        ("mask2former_beitv2_adapter_l", "vit_adapter_beitv2_l_mask2former_ade20k_keys"),
    ],
)
def test_official_key_lists_exit_with_0(name, stem, shared):
    """All seven lists are compared in the tests of the translation; here, both of their formats."""
    result = run("check", name, "--keys", shared / f"reference/keys/{stem}.json")
    assert result.exit_code == 0
    assert "0 missing, 0 unexpected, 0 reshaped, 0 classifier" in result.stdout
