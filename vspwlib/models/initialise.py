"""Starting weights of a network: a released file, ImageNet weights through timm, or none."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from torch import Tensor, nn

from vspwlib.checks import check_choice, fail
from vspwlib.models.backbones.relative_position import RelPos
from vspwlib.models.checkpoint import read_weights
from vspwlib.models.compare import Comparison, classes_of
from vspwlib.models.released import networks_of, released_for
from vspwlib.models.translate import Target, compare_with, is_backbone_only, translate
from vspwlib.models.zoo import NETWORKS, Network

#: timm's copies of what ViT-Adapters were pre-trained from. It has not EVA's, whose patches were resized from 14 to 16.
TIMM_VITS = {"beitv2_l": "beitv2_large_patch16_224.in1k_ft_in22k"}


@dataclass(frozen=True)
class LoadReport:
    """What came from where.

    Attributes:
        source: File, or name of timm's model.
        kind: ``segmentation`` filled the whole network, ``backbone`` its backbone.
        loaded: Number of tensors taken.
        total: Number of tensors of the network.
        fresh_classifier: Tensors of classifiers that stay fresh, because the source has another number of classes.
        classes: Classes of the source; None where it has no classifier of ours.
        allowed: Other names that only one side has, each with the reason why that is right.
    """

    source: str
    kind: Literal["segmentation", "backbone"]
    loaded: int
    total: int
    fresh_classifier: tuple[str, ...]
    classes: int | None
    allowed: Mapping[str, str]

    def __str__(self) -> str:
        """Return one line for the log."""
        text = f"{self.loaded} of {self.total} tensors from {self.source} ({self.kind})"
        if self.fresh_classifier:
            text += f"; its {self.classes} classes are not ours: {', '.join(self.fresh_classifier)} stay fresh"
        return text


def initialise(
    model: nn.Module,
    network_name: str,
    init: str,
    *,
    image_size: tuple[int, int] | None = None,
    relpos: RelPos = "interpolate",
) -> LoadReport | None:
    """Give a freshly built network its starting weights, in place.

    Args:
        model: The network, as the zoo built it.
        network_name: Its name in the zoo.
        init: ``none``, ``timm`` (ImageNet weights for the backbone) or a file: a whole network or a backbone.
        image_size: ``(H, W)`` at which the network stores position tables; None for its own.
        relpos: How position tables of another size are brought to it: ``interpolate``, ``crop`` or ``skip``.

    Returns:
        What was loaded; None for ``none``.

    Raises:
        InputError: for a file that does not fit, an unknown word, or ImageNet weights that are not to be had.
    """
    if init == "none":
        return None
    network = NETWORKS[check_choice("network", network_name, NETWORKS)]
    if init == "timm":
        name, state = _timm_weights(network)
        return _load(model, state, network, source=f"timm {name}", image_size=image_size, relpos=relpos)
    path = Path(init).expanduser()
    if not path.is_file():
        fail("model.init", expected="none, timm or an existing file", got=repr(init), fix="check the path.")
    return load_released(model, path, network, image_size=image_size, relpos=relpos)


def load_released(
    model: nn.Module,
    path: Path,
    network: Network,
    *,
    image_size: tuple[int, int] | None = None,
    relpos: RelPos = "interpolate",
) -> LoadReport:
    """Load a file into a network, strictly but for what :mod:`vspwlib.models.compare` allows by name.

    A classifier of another number of classes stays as it is. Nothing is loaded when the file does not fit.

    Args:
        model: The network, as the zoo built it.
        path: A released file, or one of ours.
        network: Its entry in the zoo.
        image_size: ``(H, W)`` at which the network stores position tables; None for its own.
        relpos: How position tables of another size are brought to it.

    Raises:
        InputError: when the file cannot be read, or does not fit; some of the names that differ are given.
    """
    refuse_namesake(path, network)
    return _load(model, read_weights(path), network, source=str(path), image_size=image_size, relpos=relpos)


def refuse_namesake(path: Path, network: Network) -> None:
    """Refuse a file known to be another network's although every name and shape may agree.

    FocalNet-L is the case: the files of ImageNet-22K norm after their branches, which no name or shape of theirs shows.

    Args:
        path: The file; its name alone is read.
        network: Entry in the zoo of the network that it shall fill.

    Raises:
        InputError: when the file was released for networks of other hyper-parameters only.
    """
    others = networks_of(path.name)
    if not others or network.family is None:
        return
    sizes = [NETWORKS[name].hyper_parameters() for name in others if name in NETWORKS]
    if network.hyper_parameters() not in sizes:
        fail(
            "checkpoint",
            expected=f"a file of {network.name}",
            got=f"one of {' and '.join(others)}",
            where=path,
            fix="choose the network that the file was released for.",
        )


def _load(
    model: nn.Module,
    state: Mapping[str, Tensor],
    network: Network,
    *,
    source: str,
    image_size: tuple[int, int] | None,
    relpos: RelPos,
) -> LoadReport:
    own = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    target = Target(network, own, image_size, relpos)
    shapes = {name: tuple(tensor.shape) for name, tensor in state.items()}
    comparison = compare_with(target, shapes)
    if not comparison.fits:
        fail(
            "checkpoint",
            expected=f"weights of {network.name}",
            got=_differences(comparison),
            where=source,
            fix=f"`vspw models check {network.name} --checkpoint FILE` prints every name.",
        )
    translated = translate(state, target)
    model.load_state_dict({name: translated[name] for name in comparison.matched}, strict=False)
    return LoadReport(
        source=source,
        kind="backbone" if is_backbone_only(state) else "segmentation",
        loaded=len(comparison.matched),
        total=len(own),
        fresh_classifier=tuple(comparison.classifier),
        classes=classes_of(shapes),
        allowed=comparison.allowed,
    )


def _differences(comparison: Comparison) -> str:
    parts = {
        "missing": [*comparison.missing],
        "unexpected": [*comparison.unexpected],
        "of another shape": [f"{name} {theirs} for {ours}" for name, (theirs, ours) in comparison.reshaped.items()],
    }
    return "; ".join(
        f"{len(names)} {kind} ({', '.join(names[:3])}{', …' if len(names) > 3 else ''})"
        for kind, names in parts.items()
        if names
    )


def _timm_weights(network: Network) -> tuple[str, dict[str, Tensor]]:
    """Return timm's model name and its ImageNet weights, from its hub or the cache on this machine."""
    name = TIMM_VITS.get(network.size or "")
    if name is None and network.family is not None:
        name = getattr(network.hyper_parameters(), "timm_name", None)
    files = [entry.url for entry in released_for(network.name)]
    alternative = f"name a file: --init FILE, for example {files[-1]}" if files else "name a file: --init FILE"
    if name is None:
        fail(
            "model.init",
            expected="a network whose ImageNet weights timm has",
            got=network.name,
            fix=f"{alternative}.",
        )
    import timm

    try:
        state = timm.create_model(name, pretrained=True).state_dict()
    except Exception as error:  # noqa: BLE001  the hub's client raises its own and its transport's errors alike
        fail(
            "model.init",
            expected=f"the weights {name} from timm's hub",
            got=f"{type(error).__name__}: {str(error).partition(chr(10))[0]}",
            where=network.name,
            fix=f"connect this machine to huggingface.co once (HF_HUB_OFFLINE unset), or {alternative}.",
        )
    return name, state
