"""BEiT's block against its equations, written out head by head."""

import torch

from vspwlib.models.backbones.beit import BeitBlocks
from vspwlib.models.backbones.relative_position import RelativeBias


@torch.inference_mode()
def test_a_block_written_out():
    """Head by head: scaled queries, no bias on keys, relative positions, layer scale, exact GELU, epsilon 1e-6."""
    torch.manual_seed(2)
    grid, count, heads, depth = (2, 3), 7, 2, 4
    blocks = BeitBlocks(8, depth=1, heads=heads, mlp_ratio=2.0, layer_scale=0.7, drop_path=0.0, table=grid).double()
    for parameter in blocks.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    block = blocks[0]
    attention = block.attn
    tokens = 1e-3 * torch.randn(1, count, 8, dtype=torch.float64)  # small: epsilon shows

    def norm(layer, x):
        centred = x - x.mean(-1, keepdim=True)
        return centred / (centred.square().mean(-1, keepdim=True) + 1e-6).sqrt() * layer.weight + layer.bias

    joint = norm(block.norm1, tokens[0]) @ attention.qkv.weight.T
    query, key, value = joint[:, :8] + attention.q_bias, joint[:, 8:16], joint[:, 16:] + attention.v_bias
    bias = RelativeBias(grid)(attention.relative_position_bias_table)[0]
    mixed = torch.zeros(count, 8, dtype=torch.float64)
    for head in range(heads):
        own = slice(head * depth, (head + 1) * depth)
        for i in range(count):
            logits = torch.stack([query[i, own] @ key[j, own] / depth**0.5 + bias[head, i, j] for j in range(count)])
            mixed[i, own] = (logits.exp() / logits.exp().sum()) @ value[:, own]
    middle = tokens[0] + block.gamma_1 * (mixed @ attention.proj.weight.T + attention.proj.bias)
    hidden = norm(block.norm2, middle) @ block.mlp.fc1.weight.T + block.mlp.fc1.bias
    hidden = hidden * (1 + torch.erf(hidden / 2**0.5)) / 2
    expected = middle + block.gamma_2 * (hidden @ block.mlp.fc2.weight.T + block.mlp.fc2.bias)
    torch.testing.assert_close(blocks.run(0, tokens, RelativeBias(grid))[0], expected)
