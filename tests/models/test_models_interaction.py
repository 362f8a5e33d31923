"""Injector and extractor against explicit loops over tokens, heads, levels, points and corners."""

import numpy as np
import torch

from vspwlib.models.backbones.interaction import Extractor, Injector, PyramidConvolution, pyramid_shapes


def naive_deformable(attention, query, places, value, shapes):
    """Deformable attention point by point."""
    values = attention.value_proj(value)[0].reshape(
        -1, attention.heads, attention.value_proj.out_features // attention.heads
    )
    count = len(query[0])
    offsets = attention.sampling_offsets(query)[0].reshape(
        count, attention.heads, attention.levels, attention.points, 2
    )
    weights = attention.attention_weights(query)[0].reshape(count, attention.heads, -1).softmax(-1)
    weights = weights.reshape(count, attention.heads, attention.levels, attention.points)
    mixed = torch.zeros(count, attention.heads, values.shape[2])
    for token in range(count):
        for head in range(attention.heads):
            start = 0
            for level, (height, width) in enumerate(shapes):
                for point in range(attention.points):
                    dx, dy = offsets[token, head, level, point]
                    x, y = places[token][0] * width + dx - 0.5, places[token][1] * height + dy - 0.5
                    for row in (int(np.floor(y)), int(np.floor(y)) + 1):
                        for column in (int(np.floor(x)), int(np.floor(x)) + 1):
                            if 0 <= row < height and 0 <= column < width:
                                share = (1 - abs(y - row)) * (1 - abs(x - column)) * weights[token, head, level, point]
                                mixed[token, head] += share * values[start + row * width + column, head]
                start += height * width
    return attention.output_proj(mixed.flatten(1))


@torch.inference_mode()
def test_injector_and_extractor_by_loops():
    torch.manual_seed(1)
    grid = (2, 4)
    shapes = pyramid_shapes(grid)
    patches, pyramid = torch.randn(1, 8, 12), torch.randn(1, sum(h * w for h, w in shapes), 12)
    injector = Injector(12, heads=3, points=2, ratio=0.5, gamma=0.7)
    extractor = Extractor(12, heads=3, points=2, ratio=0.5, hidden=6, drop_path=0.5).eval()
    for part in (injector, extractor):
        torch.nn.init.normal_(part.attn.sampling_offsets.weight, std=0.3)
        torch.nn.init.normal_(part.attn.attention_weights.weight)

    def centres(height, width):
        return [((x + 0.5) / width, (y + 0.5) / height) for y in range(height) for x in range(width)]

    normed, features = injector.query_norm(patches), injector.feat_norm(pyramid)
    expected = patches + 0.7 * naive_deformable(injector.attn, normed, centres(*grid), features, shapes)
    torch.testing.assert_close(injector(patches, pyramid, grid), expected, atol=1e-5, rtol=1e-5)

    normed, features = extractor.query_norm(pyramid), extractor.feat_norm(patches)
    places = [place for shape in shapes for place in centres(*shape)]
    read = pyramid + naive_deformable(extractor.attn, normed, places, features, (grid,))
    inner = extractor.ffn.fc1(extractor.ffn_norm(read))
    inner = extractor.ffn.fc2(torch.nn.functional.gelu(naive_depthwise(extractor.ffn.dwconv, inner, shapes)))
    torch.testing.assert_close(extractor(pyramid, patches, grid), read + inner, atol=1e-5, rtol=1e-5)


def naive_depthwise(layer: PyramidConvolution, tokens, shapes):
    """The depthwise convolution of each scale, pixel by pixel."""
    weight, bias = layer.dwconv.weight[:, 0], layer.dwconv.bias
    parts, start = [], 0
    for height, width in shapes:
        scale = tokens[0, start : start + height * width].reshape(height, width, -1)
        start += height * width
        padded = torch.nn.functional.pad(scale, (0, 0, 1, 1, 1, 1))
        for y in range(height):
            for x in range(width):
                window = padded[y : y + 3, x : x + 3]  # (3, 3, C)
                parts.append((window * weight.permute(1, 2, 0)).sum((0, 1)) + bias)
    return torch.stack(parts)[None]
