"""Masked attention: each query reads only where its own mask of the layer before says foreground.

Shape letters: B images, Q queries, S pixels of one level, M heads, C channels, h×w the level's grid.

Source: Cheng et al., Mask2Former, CVPR 2022, section 3.2.1; parameter names of mmdet 2's layers.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from vspwlib.models.heads.feed_forward import FeedForward


def attendable(mask_embeddings: Tensor, mask_features: Tensor) -> Tensor:
    """Tell which pixels each query may read: those of its mask, or all of them where its mask is empty.

    The official code makes mask logits at stride 4 and resizes them to the level. Both steps are linear and act on
    different axes, so features that were resized once serve every layer of a level, for a fraction of the work.

    Args:
        mask_embeddings: ``(B, Q, C)``; no gradient flows through what is returned.
        mask_features: ``(B, C, h, w)``, resized bilinearly to the level.

    Returns:
        ``(B, 1, Q, h·w)`` bool, True where a query may read, the same for all heads.
    """
    logits = mask_embeddings.detach() @ mask_features.detach().flatten(2)
    blocked = logits < 0  # sigmoid below one half
    return (~blocked | blocked.all(dim=-1, keepdim=True))[:, None]


class MultiHeadAttention(nn.Module):
    """Scaled dot-product attention with the parameters of :class:`torch.nn.MultiheadAttention`.

    Why not that class: it wants one copy of a mask per head, and leaves the fused kernels when there is a mask.

    Args:
        channels: Channels C in and out.
        heads: Number of heads M.
        dropout: Rate on attention weights.
    """

    def __init__(self, channels: int, heads: int, *, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.in_proj_weight = nn.Parameter(torch.empty(3 * channels, channels))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * channels))
        self.out_proj = nn.Linear(channels, channels)
        nn.init.xavier_uniform_(self.in_proj_weight)
        nn.init.zeros_(self.out_proj.bias)

    def forward(self, query: Tensor, key: Tensor, value: Tensor, attend: Tensor | None = None) -> Tensor:
        """Attend.

        Args:
            query: ``(B, Q, C)``.
            key: ``(B, S, C)``.
            value: ``(B, S, C)``.
            attend: Bool, broadcast to ``(B, M, Q, S)``: True where a query may read; None opens everything.

        Returns:
            ``(B, Q, C)``.
        """
        projections = zip((query, key, value), self.in_proj_weight.chunk(3), self.in_proj_bias.chunk(3), strict=True)
        q, k, v = (  # each (B, M, Q or S, C/M)
            functional.linear(tokens, weight, bias).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for tokens, weight, bias in projections
        )
        rate = self.dropout if self.training else 0.0
        mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=attend, dropout_p=rate)
        return self.out_proj(mixed.transpose(1, 2).flatten(2))


class DecoderLayer(nn.Module):
    """One decoder layer: masked attention to a level, attention among queries, feed-forward; norms come last.

    Args:
        channels: Channels C.
        heads: Heads of both attentions.
        hidden: Channels inside the feed-forward part.
        dropout: Rate on attention weights, on what the attentions return and in the feed-forward part.
    """

    def __init__(self, channels: int, *, heads: int, hidden: int, dropout: float) -> None:
        super().__init__()
        # The nesting is mmcv's: attentions.0.attn is the cross attention, attentions.1.attn the self-attention.
        self.attentions = nn.ModuleList(
            nn.ModuleDict({"attn": MultiHeadAttention(channels, heads, dropout=dropout)}) for _ in range(2)
        )
        self.ffns = nn.ModuleList([FeedForward(channels, hidden, dropout=dropout)])
        self.norms = nn.ModuleList(nn.LayerNorm(channels) for _ in range(3))
        self.dropout = nn.Dropout(dropout)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.xavier_normal_(parameter)

    def forward(self, query: Tensor, query_positions: Tensor, key: Tensor, value: Tensor, attend: Tensor) -> Tensor:
        """Update the queries.

        Args:
            query: ``(B, Q, C)``.
            query_positions: ``(Q, C)``, added to queries wherever they ask or are asked, never to what is read.
            key: ``(B, S, C)``, the level's pixels with their positions.
            value: ``(B, S, C)``, the level's pixels.
            attend: ``(B, 1, Q, S)`` of :func:`attendable`.

        Returns:
            ``(B, Q, C)``.
        """
        cross, own = (attention.get_submodule("attn") for attention in self.attentions)
        query = self.norms[0](query + self.dropout(cross(query + query_positions, key, value, attend)))
        placed = query + query_positions
        query = self.norms[1](query + self.dropout(own(placed, placed, query)))
        return self.norms[2](query + self.ffns[0](query))
