"""One training step of ViT-Adapter with Mask2Former, as its own code took it: losses, gradients, batch statistics."""

from collections.abc import Iterator

from tests.official.fixture import Check, Fixture, compare
from tests.official.set_losses import compare_losses, gradient_tolerance, settings_of, total_of
from tests.official.vit_adapter import build_network

BN_TOLERANCE = 2e-5
#: The cost of a mask is five times a mean of mask logits, which the official float32 run itself knows to 1e-4 only.
COST_TOLERANCE = 1e-4


def matches(fixture: Fixture) -> bool:
    """Recognise gradients beside the images and labels that they follow from."""
    return {"in/img", "in/gt_semantic_seg"} <= set(fixture.names) and any(fixture.under("grad/"))


def weights_of(fixture: Fixture) -> Fixture:
    """Return the fixture that holds the network: itself, or ``…_X.npz`` beside ``…_train_X.npz``.

    Raises:
        FileNotFoundError: naming the file that should lie there.
    """
    if any(fixture.under("state/")):
        return fixture
    name = fixture.path.name
    if "train_" not in name:  # under another file name, settings still tell which network it was
        name = f"vit_adapter_train_{fixture.meta['config'].get('name', 'a')}.npz"
    family, _, letter = name.rpartition("train_")
    network = fixture.sibling(family + letter)
    if not network.path.exists():
        raise FileNotFoundError(f"the weights, state/* of {network.path.name}, are to lie beside {fixture.path}")
    return network


def run(fixture: Fixture) -> Iterator[Check]:
    """Compare costs, matches, points and losses of every decoder output, then what the step leaves behind."""
    network = build_network(weights_of(fixture)).train()
    output = network(fixture.tensor("in/img"))
    outputs = [*output.intermediate, (output.class_logits, output.mask_logits)]
    labels = fixture.tensor("in/gt_semantic_seg").long()
    settings = settings_of(fixture.meta["config"])
    losses = yield from compare_losses(fixture, "", outputs, labels, settings, cost_tolerance=COST_TOLERANCE)
    total_of(losses).backward()
    parameters, buffers = dict(network.named_parameters()), dict(network.named_buffers())
    for name in fixture.under("grad/"):
        official, parameter = fixture.tensor(name), parameters.get(name.removeprefix("grad/"))
        gradient = None if parameter is None else parameter.grad
        yield compare(name, gradient, official, gradient_tolerance(official))
    for name in fixture.under("bn_after/"):
        after = fixture.tensor(name)
        tolerance = BN_TOLERANCE if after.is_floating_point() else 0.0
        yield compare(name, buffers.get(name.removeprefix("bn_after/")), after, tolerance)
