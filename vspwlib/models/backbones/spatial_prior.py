"""ViT-Adapter's convolutional stem: what a plain ViT misses, at strides 4 to 32.

Source: Chen et al., Vision Transformer Adapter for Dense Predictions, ICLR 2023, section 3.2.
"""

import math

from torch import Tensor, nn


def _conv_norm(inner: int, outer: int, stride: int) -> list[nn.Module]:
    return [nn.Conv2d(inner, outer, 3, stride=stride, padding=1, bias=False), nn.BatchNorm2d(outer), nn.ReLU()]


class SpatialPrior(nn.Module):
    """A small residual-free convolutional pyramid, projected to the ViT's width."""

    def __init__(self, channels: int, embed_dim: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            *_conv_norm(3, channels, 2),
            *_conv_norm(channels, channels, 1),
            *_conv_norm(channels, channels, 1),
            nn.MaxPool2d(3, stride=2, padding=1),
        )
        self.conv2 = nn.Sequential(*_conv_norm(channels, 2 * channels, 2))
        self.conv3 = nn.Sequential(*_conv_norm(2 * channels, 4 * channels, 2))
        self.conv4 = nn.Sequential(*_conv_norm(4 * channels, 4 * channels, 2))
        self.fc1 = nn.Conv2d(channels, embed_dim, 1)
        self.fc2 = nn.Conv2d(2 * channels, embed_dim, 1)
        self.fc3 = nn.Conv2d(4 * channels, embed_dim, 1)
        self.fc4 = nn.Conv2d(4 * channels, embed_dim, 1)
        self.apply(initialise_convolution)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return four maps ``(B, C, H/s, W/s)``, s = 4, 8, 16, 32, of images ``(B, 3, H, W)``, multiples of 32."""
        first = self.stem(images)
        second = self.conv2(first)
        third = self.conv3(second)
        fourth = self.conv4(third)
        return self.fc1(first), self.fc2(second), self.fc3(third), self.fc4(fourth)


def initialise_convolution(module: nn.Module) -> None:
    """Draw a convolution's weights with the variance 2 / fan-out, as the official adapter does."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        fan_out = math.prod(module.kernel_size) * module.out_channels // module.groups
        nn.init.normal_(module.weight, std=math.sqrt(2.0 / fan_out))
        if module.bias is not None:
            nn.init.zeros_(module.bias)
