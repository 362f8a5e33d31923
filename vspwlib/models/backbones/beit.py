"""BEiT's transformer: timm's blocks, driven from outside, so that an adapter can work between them.

timm's own attention keeps an index of all pairs of tokens in every block (1.9 GB in 24 blocks at 896 pixels) and is
bound to one grid; ours is told how to make the bias by its caller, who makes the index once for all blocks, for any
grid. The table is read in the block's own forward pass, since only then its weights are there when they are sharded.

Source: Bao et al., BEiT, ICLR 2022; Peng et al., BEiT v2, 2022; Fang et al., EVA, CVPR 2023; blocks by timm.
"""

from collections.abc import Callable

import torch
from timm.models.beit import Block
from torch import Tensor, nn
from torch.nn import functional

from vspwlib.models.backbones.interaction import LayerNorm
from vspwlib.models.backbones.relative_position import Grid, RelativeBias, resize_table, table_rows


class BeitAttention(nn.Module):
    """Self-attention without a bias on the keys; holds the table of relative positions."""

    def __init__(self, channels: int, heads: int, *, table: Grid | None) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(channels, 3 * channels, bias=False)
        self.q_bias = nn.Parameter(torch.zeros(channels))
        self.v_bias = nn.Parameter(torch.zeros(channels))
        self.proj = nn.Linear(channels, channels)
        if table is not None:
            self.relative_position_bias_table = nn.Parameter(torch.zeros(table_rows(table), heads))

    def forward(self, tokens: Tensor, shared_rel_pos_bias: Callable[[Tensor], Tensor] | None = None) -> Tensor:
        """Attend among tokens ``(B, N, C)``.

        Args:
            tokens: The tokens.
            shared_rel_pos_bias: Makes the bias ``(1, heads, N, N)`` of the table; None for none (the name is timm's).
        """
        batch, count, channels = tokens.shape
        bias = torch.cat([self.q_bias, torch.zeros_like(self.q_bias), self.v_bias])
        joint = functional.linear(tokens, self.qkv.weight, bias).view(batch, count, 3, self.heads, -1)
        query, key, value = joint.permute(2, 0, 3, 1, 4)  # each (B, heads, N, C/heads)
        mask = None if shared_rel_pos_bias is None else shared_rel_pos_bias(self.relative_position_bias_table)
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return self.proj(mixed.transpose(1, 2).reshape(batch, count, channels))


class BeitBlocks(nn.ModuleList):
    """The transformer blocks, each with the attention above."""

    def __init__(
        self,
        channels: int,
        *,
        depth: int,
        heads: int,
        mlp_ratio: float,
        layer_scale: float | None,
        drop_path: float,
        table: Grid | None,
    ) -> None:
        rates = [drop_path * index / max(depth - 1, 1) for index in range(depth)]
        super().__init__(
            Block(channels, heads, mlp_ratio=mlp_ratio, drop_path=rate, init_values=layer_scale, norm_layer=LayerNorm)
            for rate in rates
        )
        self.table = table
        for block in self:
            block.attn = BeitAttention(channels, heads, table=table)

    def run(self, index: int, tokens: Tensor, bias_of: RelativeBias | None) -> Tensor:
        """Run one block.

        Args:
            index: Which.
            tokens: ``(B, 1 + h·w, C)``, the class token first.
            bias_of: Maker of the bias for the grid (h, w), or None without relative positions.
        """
        stored, block = self.table, self[index]
        if bias_of is None or stored is None:
            return block(tokens)
        kind = _attention_type(tokens)

        def bias(table: Tensor) -> Tensor:
            return bias_of(resize_table(table, stored, bias_of.grid).to(kind))

        return block(tokens, shared_rel_pos_bias=bias)


def _attention_type(tokens: Tensor) -> torch.dtype:
    """Return the type that attention runs in: under autocast half the memory for the bias of all pairs."""
    kind = tokens.device.type
    autocast = torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)
    return torch.get_autocast_dtype(kind) if autocast else tokens.dtype
