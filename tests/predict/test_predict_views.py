"""The mean of views against NumPy in double precision."""

import numpy as np
import pytest
import torch

from vspwlib.checks import InputError
from vspwlib.predict.views import ViewMean


def mean_of(views: list[torch.Tensor], average: str = "probabilities") -> torch.Tensor:
    mean = ViewMean(len(views), average)
    for view in views:
        assert not mean.is_complete
        mean.add(view)
    assert mean.is_complete
    return mean.result()


@pytest.fixture
def views() -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [4 * torch.randn(7, 3, 5, generator=generator) for _ in range(3)]


def test_probabilities_are_averaged_and_come_back_as_their_logarithm(views: list[torch.Tensor]) -> None:
    shares = [np.exp(view.double().numpy()) for view in views]
    expected = np.mean([share / share.sum(axis=0) for share in shares], axis=0)
    found = mean_of(views).double()
    np.testing.assert_allclose(found.exp().numpy(), expected, atol=1e-6)
    np.testing.assert_allclose(found.softmax(0).numpy(), expected, atol=1e-6)


def test_scores_are_averaged_as_they_are(views: list[torch.Tensor]) -> None:
    expected = np.mean([view.double().numpy() for view in views], axis=0)
    np.testing.assert_allclose(mean_of(views, "scores").numpy(), expected, atol=1e-6)


def test_what_is_handed_in_stays_as_it_is(views: list[torch.Tensor]) -> None:
    before = [view.clone() for view in views]
    for average in ("probabilities", "scores"):
        mean_of(views, average)
        assert all(torch.equal(view, kept) for view, kept in zip(views, before, strict=True))


def test_one_view_stays_what_it_is(views: list[torch.Tensor]) -> None:
    assert mean_of(views[:1]) is views[0]
    assert mean_of(views[:1], "scores") is views[0]


def test_the_two_means_differ(views: list[torch.Tensor]) -> None:
    apart = (mean_of(views).softmax(0) - mean_of(views, "scores").softmax(0)).abs().max()
    assert float(apart) > 0.1


def test_logarithms_stop_at_minus_sixty() -> None:
    scores = torch.tensor([0.0, -50.0, -400.0]).view(3, 1, 1)
    torch.testing.assert_close(mean_of([scores, scores]).flatten(), torch.tensor([0.0, -50.0, -60.0]))


def test_a_mean_of_missing_views_is_refused(views: list[torch.Tensor]) -> None:
    mean = ViewMean(2)
    with pytest.raises(InputError, match="views: expected all 2 of the frame, got 0"):
        mean.result()
    mean.add(views[0])
    with pytest.raises(InputError, match="views: expected all 2 of the frame, got 1"):
        mean.result()
    with pytest.raises(InputError, match="did you mean 'scores'"):
        ViewMean(2, "score")
