"""Models of any mmseg config: built as the config says, given a checkpoint strictly, ready to predict.

mmengine executes a Python config, and imports what any config names as ``_base_`` or ``custom_imports``; so a config is
as trusted as a program. A checkpoint is not: :mod:`vspwlib.models.checkpoint` reads it and runs nothing.
"""

import copy
import hashlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import mmcv
import mmengine
import mmseg
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS

from vspwlib.checks import fail, require
from vspwlib.models.checkpoint import load_state, read_checkpoint

MMDET_HEADS = ("Mask2FormerHead", "MaskFormerHead")  # mmseg's names for heads that mmdet would have to provide
_AUXILIARY = "auxiliary_head."


@dataclass(frozen=True)
class LoadedModel:
    """A model with its weights.

    Attributes:
        model: In evaluation mode, on the CPU.
        dropped: Tensors of auxiliary heads in the checkpoint, which only training reads.
        unknown: Class names that the checkpoint states and that are not among those expected.
    """

    model: EncoderDecoder
    dropped: int
    unknown: tuple[str, ...]


def read_config(path: Path) -> Config:
    """Read a config of mmseg 1.x: Python (which is executed), YAML or JSON.

    Args:
        path: The file.

    Raises:
        InputError: it is missing, mmengine cannot read it, or it has no model.
    """
    require(path.is_file(), "config", expected="a file", got="nothing there", where=path, fix="check the path.")
    try:
        with redirect_stdout(sys.stderr):  # stdout is for results
            config = Config.fromfile(path)
    except Exception as error:  # noqa: BLE001  a config is a program, and raises what it likes
        _refuse(error, "a config that mmengine can read", path)
    is_model = isinstance(config.get("model"), Mapping) and "type" in config.model
    fix = "name the config that the model was trained with."
    require(is_model, "config", expected="a model with a type", got="none", where=path, fix=fix)
    return config


def config_digest(config: Config, pipeline: object) -> str:
    """Return the first 16 hex digits of a SHA-256 of what decides predictions: the model and the test pipeline."""
    content = json.dumps([config.to_dict()["model"], pipeline], sort_keys=True, default=type_name)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def versions() -> dict[str, str]:
    """Return the versions of what runs these models, by the names of their modules."""
    return {"mmseg": mmseg.__version__, "mmengine": mmengine.__version__, "mmcv": mmcv.__version__}


def load_model(config: Config, checkpoint: Path, classes: Sequence[str]) -> LoadedModel:
    """Build a config's model and load a checkpoint strictly, auxiliary heads left out.

    Args:
        config: From :func:`read_config`.
        checkpoint: A PyTorch or safetensors file; nothing in it is executed.
        classes: Names of the classes that the model must have, in order.

    Raises:
        InputError: the model cannot be built here, is no segmentation model of one network, or has other classes; the
            checkpoint cannot be read, does not fit (naming keys), or states the classes in another order.
    """
    where = config.filename
    model = _build(config)
    got = f"{model.num_classes} of {type(model).__name__}"
    expected = f"{len(classes)} classes"
    fix = "name a model of these classes, or with --mapping ade20k the data set whose classes it has."
    require(model.out_channels == len(classes), "num_classes", expected=expected, got=got, where=where, fix=fix)
    state, notes = read_checkpoint(checkpoint)
    own = model.state_dict()
    wanted = {name: value for name, value in state.items() if name in own or not name.startswith(_AUXILIARY)}
    load_state(model, wanted, where=checkpoint, fix="name the checkpoint that this config trained.")
    unknown = _check_order(stated_classes(notes), classes, checkpoint)
    return LoadedModel(model.eval(), len(state) - len(wanted), unknown)


def stated_classes(notes: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the class names that a checkpoint's ``meta`` states, as mmseg 1.x or 0.x writes them; else nothing.

    >>> stated_classes({"dataset_meta": {"classes": ["wall", "sky"]}}), stated_classes({"CLASSES": ("a",)})
    (('wall', 'sky'), ('a',))
    """
    modern = notes.get("dataset_meta")
    found = modern.get("classes") if isinstance(modern, Mapping) else notes.get("CLASSES")
    return tuple(map(str, found)) if isinstance(found, list | tuple) else ()


def type_name(kind: object) -> str:
    """Return the name of a config's ``type``: a text, with or without scope, or the class itself.

    >>> type_name("mmseg.FCNHead"), type_name(EncoderDecoder)
    ('FCNHead', 'EncoderDecoder')
    """
    return (kind if isinstance(kind, str) else getattr(kind, "__name__", str(kind))).removeprefix("mmseg.")


def _build(config: Config) -> EncoderDecoder:
    """Build the model with neither auxiliary heads nor the weights that its training started from."""
    settings = copy.deepcopy(config.model)
    heads = [name for name in _types(settings) if name in MMDET_HEADS or name.startswith("mmdet.")]
    if heads:
        _refuse_mmdet(heads[0], config.filename)
    for unused in ("train_cfg", "pretrained", "auxiliary_head"):
        settings.pop(unused, None)
    for part in (settings, settings.get("backbone", {})):
        part.pop("init_cfg", None)
    if "pretrained" in settings.get("backbone", {}):
        settings.backbone.pretrained = None
    if "init" in settings:  # of our own VSPWNetwork
        settings.init = "none"
    init_default_scope(config.get("default_scope", "mmseg"))
    try:
        with redirect_stdout(sys.stderr):
            model = MODELS.build(settings)
    except Exception as error:  # noqa: BLE001  constructors raise whatever their arguments make them
        _refuse(error, "a model that mmseg can build", config.filename)
    kind, fix = type(model).__name__, "write label maps with mmseg, and take them in by `vspw import predictions`."
    is_ours = isinstance(model, EncoderDecoder)
    require(is_ours, "model", expected="an EncoderDecoder", got=kind, where=config.filename, fix=fix)
    return model


def _types(settings: object) -> Iterator[str]:
    """Yield the types that a config names, its own first."""
    if isinstance(settings, Mapping):
        if "type" in settings:
            yield type_name(settings["type"])
        settings = list(settings.values())
    if isinstance(settings, list | tuple):
        for part in settings:
            yield from _types(part)


def _check_order(stated: Sequence[str], classes: Sequence[str], where: Path) -> tuple[str, ...]:
    """Refuse classes in another order, as far as names tell; return the names that are not known."""
    require(
        len(stated) in {0, len(classes)},
        "classes of the checkpoint",
        expected=f"{len(classes)} names",
        got=len(stated),
        where=where,
    )
    places = {_plain(name): place for place, name in enumerate(classes)}
    found = [places.get(_plain(name)) for name in stated]
    wrong = [place for place, known in enumerate(found) if known not in {place, None}]
    if wrong:
        expected, got = f"'{classes[wrong[0]]}' as class {wrong[0]}", f"'{stated[wrong[0]]}'"
        fix = f"{len(wrong)} classes stand elsewhere; put the rows of the classifier in that order."
        fail("classes of the checkpoint", expected=expected, got=got, where=where, fix=fix)
    return tuple(name for name, known in zip(stated, found, strict=True) if known is None)


def _plain(name: str) -> str:
    """Return the letters and digits of a name, which is spelled with blanks here and underscores there."""
    return "".join(filter(str.isalnum, name.lower()))


def _refuse(error: Exception, expected: str, where: object) -> NoReturn:
    """Say in one line why a config does not become a model."""
    said = f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
    if "mmdet" in str(error):
        _refuse_mmdet(said, where)
    fix = "it takes what mmseg itself has, without compiled operators, and what the config imports."
    fail("config", expected=expected, got=said, where=where, fix=fix)


def _refuse_mmdet(got: str, where: object) -> NoReturn:
    """Say that mmdet's heads are not to be had."""
    fix = "`vspw models list` has Mask2Former networks; `vspw import predictions` takes label maps that mmseg wrote."
    fail("config", expected="a model without mmdet, which is not installed", got=got, where=where, fix=fix)
