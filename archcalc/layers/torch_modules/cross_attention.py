import torch
import torch.nn.functional as F
from torch import nn


class CrossAttention(nn.Module):
    """Attention whose queries come from one sequence, and keys and values from another, the memory."""

    def __init__(self, embed_dim: int, num_heads: int, memory_dim: int, bias: bool = True) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.q_proj = nn.Linear(embed_dim, embed_dim, bias)
        self.k_proj = nn.Linear(memory_dim, embed_dim, bias)
        self.v_proj = nn.Linear(memory_dim, embed_dim, bias)
        self.out_proj = nn.Linear(embed_dim, embed_dim, bias)

    def forward(self, x: torch.Tensor, memory: torch.Tensor) -> torch.Tensor:
        mapped = self.q_proj(x), self.k_proj(memory), self.v_proj(memory)
        query, key, value = (each.unflatten(-1, (self.num_heads, -1)).transpose(1, 2) for each in mapped)
        y = F.scaled_dot_product_attention(query, key, value)
        return self.out_proj(y.transpose(1, 2).flatten(2))
