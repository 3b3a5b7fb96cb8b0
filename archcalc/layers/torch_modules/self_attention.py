import torch
import torch.nn.functional as F
from torch import nn


class SelfAttention(nn.Module):
    """Self-attention with `num_heads` heads; names of weights as in nn.MultiheadAttention."""

    def __init__(self, embed_dim: int, num_heads: int, bias: bool = True, causal: bool = False) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.causal = causal
        self.in_proj_weight = nn.Parameter(torch.empty(3 * embed_dim, embed_dim))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * embed_dim)) if bias else None
        self.out_proj = nn.Linear(embed_dim, embed_dim, bias)
        nn.init.xavier_uniform_(self.in_proj_weight)

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        heads = F.linear(x, self.in_proj_weight, self.in_proj_bias).unflatten(-1, (3, self.num_heads, -1))
        query, key, value = heads.permute(2, 0, 3, 1, 4)
        if self.causal and mask is not None:
            mask = mask.masked_fill(x.new_ones(x.shape[1], x.shape[1], dtype=torch.bool).triu(1), -torch.inf)
        y = F.scaled_dot_product_attention(query, key, value, mask, is_causal=self.causal and mask is None)
        return self.out_proj(y.transpose(1, 2).flatten(2))
