"""Config and checkpoint become a model, or one message that says what is wrong with them."""

import json
import pickle

import pytest
import torch
from mmengine.config import Config

from tests.mmseg_bridge.tiny_config import save, tiny_config
from vspwlib.checks import InputError
from vspwlib.labels import CLASS_NAMES
from vspwlib.mmseg_bridge.config_file import config_digest, load_model, read_config, stated_classes

NOTES = {"dataset_meta": {"classes": CLASS_NAMES}}


def load(files, classes=CLASS_NAMES):
    return load_model(read_config(files[0]), files[1], classes)


def rewrite(path, *, notes=NOTES, wrap=lambda state: state):
    """Write the checkpoint again, with other notes or otherwise laid out."""
    state = torch.load(path, weights_only=True)["state_dict"]
    torch.save({"meta": notes, **wrap({"state_dict": state})}, path)


def test_a_model_has_its_weights_and_neither_auxiliary_heads_nor_a_start_from_elsewhere(tmp_path):
    files = save(tmp_path, tiny_config())
    found = load(files)
    state = torch.load(files[1], weights_only=True)["state_dict"]
    auxiliary = [name for name in state if name.startswith("auxiliary_head.")]
    assert found.dropped == len(auxiliary) > 5
    own = found.model.state_dict()
    assert own.keys() == state.keys() - set(auxiliary)
    assert all(torch.equal(value, state[name]) for name, value in own.items())
    assert not found.model.training
    assert not found.model.with_auxiliary_head
    assert found.unknown == ()


@pytest.mark.parametrize("suffix", [".json", ".yaml"])
def test_configs_that_are_data_are_read_too(tmp_path, suffix):
    python, checkpoint = save(tmp_path, tiny_config())
    other = tmp_path / f"their{suffix}"
    Config.fromfile(python).dump(other)
    state = load((other, checkpoint)).model.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in load((python, checkpoint)).model.state_dict().items())


def test_wrapped_names_are_read_and_a_file_without_auxiliary_heads_too(tmp_path):
    files = save(tmp_path, tiny_config())
    kept = lambda name: not name.startswith("auxiliary_head.")  # noqa: E731
    wrap = lambda content: {"state_dict": {f"module.{k}": v for k, v in content["state_dict"].items() if kept(k)}}  # noqa: E731
    before = load(files).model.state_dict()
    rewrite(files[1], wrap=wrap)
    found = load(files)
    assert found.dropped == 0
    assert all(torch.equal(value, before[name]) for name, value in found.model.state_dict().items())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model = dict(\n", r"config: expected a config that mmengine can read, got SyntaxError.* \(.*their.py\)"),
        ("lr = 1 / 0\n", "config: expected a config that mmengine can read, got ZeroDivisionError: division by zero"),
        ("custom_imports = dict(imports=['mmdet.models'])\n", "a model without mmdet, .*vspw import predictions"),
        ("lr = 1\n", "config: expected a model with a type, got none"),
        ("model = 3\n", "config: expected a model with a type, got none"),
        (
            "model = dict(type='EncoderDecodr')\n",
            "expected a model that mmseg can build, got KeyError: .*EncoderDecodr",
        ),
        (
            "model = dict(type='EncoderDecoder', decode_head=[dict(type='Mask2FormerHead', num_classes=124)])\n",
            "config: expected a model without mmdet, .*, got Mask2FormerHead .* `vspw models list` has Mask2Former",
        ),
        (
            "model = dict(type='EncoderDecoder', decode_head=dict(type='mmdet.MaskHead'))\n",
            "config: expected a model without mmdet, .*, got mmdet.MaskHead",
        ),
        (
            "model = dict(type='SegDataPreProcessor')\n",
            "expected an EncoderDecoder, got SegDataPreProcessor .*label maps",
        ),
    ],
)
def test_a_config_that_makes_no_model_is_refused_in_one_line(tmp_path, text, message):
    files = save(tmp_path, tiny_config())
    files[0].write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        load(files)
    assert "\n" not in str(caught.value)


def test_files_that_are_not_there_are_named(tmp_path):
    files = save(tmp_path, tiny_config())
    with pytest.raises(InputError, match=r"config: expected a file, got nothing there \(.*no.py\)"):
        load((tmp_path / "no.py", files[1]))
    with pytest.raises(InputError, match=r"checkpoint: expected a file, got nothing there \(.*no.pth\)"):
        load((files[0], tmp_path / "no.pth"))


def test_other_numbers_of_classes_are_refused(tmp_path):
    files = save(tmp_path, tiny_config(num_classes=150))
    with pytest.raises(
        InputError, match=r"num_classes: expected 124 classes, got 150 of EncoderDecoder \(.*their.py\)"
    ):
        load(files)


def test_keys_that_do_not_fit_are_named(tmp_path):
    changes = {
        "decode_head.conv_seg.bias": None,
        "backbone.extra": torch.zeros(1),
        "backbone.bn1.weight": torch.zeros(3),
    }
    config = tiny_config()
    config["model"]["backbone"]["type"] = "ResNet"  # whose stem is one convolution
    files = save(tmp_path, config, **changes)
    with pytest.raises(InputError) as caught:
        load(files)
    message = str(caught.value)
    assert "1 missing (decode_head.conv_seg.bias)" in message
    assert "1 unexpected (backbone.extra)" in message
    assert "backbone.bn1.weight (3,) for (8,)" in message
    assert "name the checkpoint that this config trained" in message


def test_a_checkpoint_of_another_config_is_refused(tmp_path):
    uper, fcn = save(tmp_path / "uper", tiny_config()), save(tmp_path / "fcn", tiny_config("fcn"))
    with pytest.raises(InputError, match=r"checkpoint: .*missing \(decode_head.bottleneck.bn.bias, .*unexpected"):
        load((uper[0], fcn[1]))


class Hook:
    """Runs code when it is unpickled."""

    def __reduce__(self):
        return (exec, ("raise SystemExit",))


@pytest.mark.parametrize("whole", [True, False])
def test_a_checkpoint_that_holds_objects_is_refused_and_not_run(tmp_path, whole):
    files = save(tmp_path, tiny_config())
    if whole:
        files[1].write_bytes(pickle.dumps(Hook()))
    else:
        rewrite(files[1], wrap=lambda content: {**content, "hook": Hook()})
    with pytest.raises(InputError, match=r"iter_9.pth\). Fix: (have whoever|download)"):
        load(files)


def test_classes_in_another_order_are_refused_as_far_as_names_tell(tmp_path):
    files = save(tmp_path, tiny_config())
    swapped = (CLASS_NAMES[1], CLASS_NAMES[0], *CLASS_NAMES[2:])
    rewrite(files[1], notes={"CLASSES": swapped})  # as mmseg 0.x notes it
    expected = f"expected '{CLASS_NAMES[0]}' as class 0, got '{CLASS_NAMES[1]}' .* 2 classes stand elsewhere"
    with pytest.raises(InputError, match=f"classes of the checkpoint: {expected}"):
        load(files)
    spelled = [name.replace("_", " ").title() for name in CLASS_NAMES]
    rewrite(files[1], notes={"dataset_meta": {"classes": ["Masonry", *spelled[1:]]}})
    assert load(files).unknown == ("Masonry",)
    rewrite(files[1], notes={"dataset_meta": {"classes": CLASS_NAMES[:100]}})
    with pytest.raises(InputError, match="classes of the checkpoint: expected 124 names, got 100"):
        load(files)
    rewrite(files[1], notes={"dataset_meta": None})
    assert load(files).unknown == ()


def test_what_a_checkpoint_states_of_its_classes():
    assert stated_classes({"dataset_meta": {"classes": ["a"]}, "CLASSES": ["b"]}) == ("a",)
    assert stated_classes({}) == stated_classes({"dataset_meta": {}}) == stated_classes({"CLASSES": None}) == ()


def test_the_digest_is_of_model_and_pipeline_and_of_nothing_else(tmp_path):
    first = read_config(save(tmp_path / "a", tiny_config())[0])
    other = read_config(save(tmp_path / "b", {**tiny_config(), "work_dir": "elsewhere"})[0])
    wide = read_config(save(tmp_path / "c", tiny_config(channels=4))[0])
    digests = [config_digest(config, [1]) for config in (first, other, wide)]
    assert digests[0] == digests[1] != digests[2]
    assert config_digest(first, [2]) != digests[0]
    assert len(digests[0]) == 16
    assert json.dumps(digests[0])
