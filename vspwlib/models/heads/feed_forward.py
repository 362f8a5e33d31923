"""The feed-forward part of the transformer layers of both decoders, under mmcv's parameter names."""

from torch import Tensor, nn


class FeedForward(nn.Module):
    """Two linear layers with ReLU between them; no residual inside.

    A class for the sake of the names: checkpoints know the two as ``layers.0.0`` and ``layers.1``.

    Args:
        channels: Channels C in and out.
        hidden: Channels in between.
        dropout: Rate after either layer, officially 0.
    """

    def __init__(self, channels: int, hidden: int, *, dropout: float) -> None:
        super().__init__()
        inner = nn.Sequential(nn.Linear(channels, hidden), nn.ReLU(inplace=True), nn.Dropout(dropout))
        self.layers = nn.Sequential(inner, nn.Linear(hidden, channels), nn.Dropout(dropout))

    def forward(self, tokens: Tensor) -> Tensor:
        """Map ``(B, N, C)`` to ``(B, N, C)``, every token by itself."""
        return self.layers(tokens)
