"""The objective's terms for heads of either kind, against the losses they are made of."""

import pytest
import torch

from vspwlib.losses.contrastive import pixel_contrast_loss
from vspwlib.losses.pixel import pixel_losses
from vspwlib.losses.set_criterion import SetCriterion, set_losses
from vspwlib.models.segmenter import SegOutput
from vspwlib.train.contrast import ContrastTerm
from vspwlib.train.objective import Objective


@pytest.fixture
def masks() -> torch.Tensor:
    labels = torch.randint(0, 3, (2, 4, 4), generator=torch.Generator().manual_seed(0))
    labels = labels.repeat_interleave(4, dim=1).repeat_interleave(4, dim=2)
    labels[0, :3] = 255
    return labels


def queries(layers: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    generator = torch.Generator().manual_seed(1)
    sizes = ((2, 5, 4), (2, 5, 4, 4))
    return [tuple(torch.randn(size, generator=generator).requires_grad_() for size in sizes) for _ in range(layers)]


def test_logits_give_pixel_terms(masks):
    logits = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(2))
    side = torch.randn(2, 3, 2, 2, generator=torch.Generator().manual_seed(3))
    terms = Objective(cross_entropy=2.0, dice=3.0)(SegOutput(logits=logits, auxiliary=(side,)), masks)
    main, coarse = pixel_losses(logits, masks), pixel_losses(side, masks, stride=4)
    assert list(terms) == ["loss_ce", "loss_dice", "loss_aux"]
    expected = [2 * main.cross_entropy, 3 * main.dice, 0.4 * coarse.cross_entropy]
    assert [float(term) for term in terms.values()] == pytest.approx([float(value) for value in expected])


def test_class_weights_reach_pixels_auxiliary_outputs_and_queries(masks):
    logits = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(2))
    side = torch.randn(2, 3, 2, 2, generator=torch.Generator().manual_seed(3))
    weights, emphasis = torch.tensor([0.5, 2.0, 4.0]), torch.tensor([1.0, 9.0, 1.0])
    objective = Objective(class_weights=weights, dice_weights=emphasis)
    terms = objective(SegOutput(logits=logits, auxiliary=(side,)), masks)
    main = pixel_losses(logits, masks, class_weights=weights, dice_weights=emphasis)
    coarse = pixel_losses(side, masks, stride=4, class_weights=weights)
    expected = [main.cross_entropy, 5 * main.dice, 0.4 * coarse.cross_entropy]
    assert [float(term) for term in terms.values()] == pytest.approx([float(value) for value in expected])
    assert objective.criterion.class_weights is weights


def test_queries_give_set_terms_of_the_last_output_and_sums_of_the_earlier(masks):
    *earlier, (class_logits, mask_logits) = outputs = queries(3)
    output = SegOutput(class_logits=class_logits, mask_logits=mask_logits, intermediate=tuple(earlier))
    numbers = {"classification": 3.0, "dice": 4.0, "no_object": 0.3, "points": 30, "oversample": 2.0, "importance": 0.5}
    keys = torch.tensor([8, 9])
    terms = Objective(cross_entropy=6.0, **numbers)(output, masks, point_keys=keys)
    losses = set_losses(outputs, masks, settings=SetCriterion(mask=6.0, **numbers), keys=keys)
    assert list(terms) == ["loss_cls", "loss_mask", "loss_dice", "loss_cls_aux", "loss_mask_aux", "loss_dice_aux"]
    for name, each in (("loss_cls", losses.classification), ("loss_mask", losses.mask), ("loss_dice", losses.dice)):
        assert torch.equal(terms[name], each[2])
        assert torch.equal(terms[f"{name}_aux"], each[0] + each[1])


def test_every_output_is_trained(masks):
    *earlier, (class_logits, mask_logits) = outputs = queries(2)
    output = SegOutput(class_logits=class_logits, mask_logits=mask_logits, intermediate=tuple(earlier))
    torch.stack(list(Objective(points=30)(output, masks).values())).sum().backward()
    assert all(logits.grad.abs().sum() > 0 for pair in outputs for logits in pair)


def test_a_single_output_has_no_earlier_terms(masks):
    ((class_logits, mask_logits),) = queries(1)
    terms = Objective(points=30)(SegOutput(class_logits=class_logits, mask_logits=mask_logits), masks)
    assert list(terms) == ["loss_cls", "loss_mask", "loss_dice"]


def test_the_defaults_are_the_official_ones_but_for_the_weight_of_the_masks():
    """The paper's 1 * CE + 5 * Dice is read as the weights of the masks; Mask2Former has 5 and 5."""
    assert Objective(cross_entropy=5.0).criterion == SetCriterion()


def test_the_normalizer_reaches_both_kinds():
    assert Objective(normalizer="global").criterion.normalizer == "global"


def test_an_empty_output_is_refused(masks):
    with pytest.raises(TypeError, match="expected logits, or class_logits and mask_logits"):
        Objective()(SegOutput(), masks)


def test_the_contrastive_term_joins_the_others(masks):
    logits = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(2))
    features = torch.randn(2, 6, 4, 4, generator=torch.Generator().manual_seed(4))
    output = SegOutput(logits=logits, embedding=features)
    without = Objective()(output, masks)
    terms = Objective(contrast=ContrastTerm(weight=0.3))(output, masks, torch.tensor([0, 0]))
    assert {name: float(terms[name]) for name in without} == {name: float(value) for name, value in without.items()}
    loss = pixel_contrast_loss(features, masks, clip_ids=[0, 0])
    assert float(terms["loss_nce"]) == pytest.approx(0.3 * float(loss))
    apart = Objective(contrast=ContrastTerm(weight=1.0))(output, masks)["loss_nce"]
    assert float(apart) == pytest.approx(float(pixel_contrast_loss(features, masks, clip_ids=[0, 1])))
