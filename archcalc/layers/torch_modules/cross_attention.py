import torch
import torch.nn.functional as F
from torch import nn


class CrossAttention(nn.Module):
    """Attention whose queries come from one sequence, and keys and values from another, the memory."""

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        memory_dim: int,
        bias: bool = True,
        q_bias: bool | None = None,
        k_bias: bool | None = None,
        v_bias: bool | None = None,
        out_bias: bool | None = None,
        head_dim: int | None = None,
    ) -> None:
        super().__init__()
        self.num_heads = num_heads
        inner = embed_dim if head_dim is None else num_heads * head_dim
        self.q_proj = nn.Linear(embed_dim, inner, bias if q_bias is None else q_bias)
        self.k_proj = nn.Linear(memory_dim, inner, bias if k_bias is None else k_bias)
        self.v_proj = nn.Linear(memory_dim, inner, bias if v_bias is None else v_bias)
        self.out_proj = nn.Linear(inner, embed_dim, bias if out_bias is None else out_bias)

    def forward(self, x: torch.Tensor, memory: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        mapped = self.q_proj(x), self.k_proj(memory), self.v_proj(memory)
        query, key, value = (each.unflatten(-1, (self.num_heads, -1)).transpose(1, 2) for each in mapped)
        y = F.scaled_dot_product_attention(query, key, value, mask)
        return self.out_proj(y.transpose(1, 2).flatten(2))
