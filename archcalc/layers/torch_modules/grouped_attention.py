import torch
import torch.nn.functional as F
from torch import nn


class GroupedAttention(nn.Module):
    """Self-attention whose heads share keys and values in groups; names of weights as in Llama."""

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        num_kv_heads: int,
        head_dim: int,
        qkv_bias: bool = False,
        out_bias: bool = False,
        causal: bool = False,
        rope: float | None = None,
        window: int | None = None,
        alibi: bool = False,
        qk_norm: float | None = None,
    ) -> None:
        super().__init__()
        self.head_dim, self.causal = head_dim, causal
        self.rope, self.window, self.alibi = rope, window, alibi
        self.q_proj = nn.Linear(embed_dim, num_heads * head_dim, qkv_bias)
        self.k_proj = nn.Linear(embed_dim, num_kv_heads * head_dim, qkv_bias)
        self.v_proj = nn.Linear(embed_dim, num_kv_heads * head_dim, qkv_bias)
        self.o_proj = nn.Linear(num_heads * head_dim, embed_dim, out_bias)
        self.q_norm = nn.RMSNorm(head_dim, qk_norm) if qk_norm else None
        self.k_norm = nn.RMSNorm(head_dim, qk_norm) if qk_norm else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        maps = self.q_proj, self.k_proj, self.v_proj
        query, key, value = (each(x).unflatten(-1, (-1, self.head_dim)) for each in maps)
        if self.q_norm and self.k_norm:
            query = self.q_norm(query)
            key = self.k_norm(key)
        if self.rope:
            cos, sin = self.turns(query, self.rope)
            query = query * cos + query.roll(self.head_dim // 2, -1) * sin
            key = key * cos + key.roll(self.head_dim // 2, -1) * sin
        query, key, value = (each.transpose(1, 2) for each in (query, key, value))
        mask = self.nearby(query, self.window) if self.window else self.slopes(query) if self.alibi else None
        y = F.scaled_dot_product_attention(
            query, key, value, mask, is_causal=self.causal and mask is None, enable_gqa=True
        )
        return self.o_proj(y.transpose(1, 2).flatten(2))

    def turns(self, x: torch.Tensor, base: float) -> tuple[torch.Tensor, torch.Tensor]:
        """By what angle a token's place turns each pair of features, which lie half a head apart."""
        steps = base ** (torch.arange(0, self.head_dim, 2, device=x.device) / -self.head_dim)
        angles = torch.arange(x.shape[1], device=x.device)[:, None, None] * steps
        cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
        return torch.cat([cos, cos], -1), torch.cat([-sin, sin], -1)

    def nearby(self, x: torch.Tensor, window: int) -> torch.Tensor:
        """Which tokens each attends to: itself, and those before it within the window."""
        return x.new_ones(x.shape[2], x.shape[2], dtype=torch.bool).tril().triu(1 - window)

    def slopes(self, x: torch.Tensor) -> torch.Tensor:
        """What is added to scores: less the farther away, in some heads more steeply; no later token is attended to."""
        places, heads = torch.arange(x.shape[2], device=x.device), torch.arange(x.shape[1], device=x.device)
        ahead = places - places[:, None]
        scores = 2 ** (-8 * (heads.view(1, -1, 1, 1) + 1) / len(heads)) * ahead
        return scores.masked_fill(ahead > 0, -torch.inf).to(x.dtype)
