import torch
import torch.nn.functional as F
from torch import nn


class LatentAttention(nn.Module):
    """Causal multi-head latent attention; names of weights as in Hugging Face's DeepseekV3Attention."""

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        kv_lora_rank: int,
        q_lora_rank: int | None = None,
        qk_nope_head_dim: int = 128,
        qk_rope_head_dim: int = 64,
        v_head_dim: int = 128,
        rope: float = 10000.0,
    ) -> None:
        super().__init__()
        self.heads, self.latent, self.nope = (num_heads, -1), kv_lora_rank, qk_nope_head_dim
        self.turned, self.rope = qk_rope_head_dim // 2, rope
        queries = num_heads * (qk_nope_head_dim + qk_rope_head_dim)
        self.compressed = q_lora_rank is not None
        if q_lora_rank is not None:
            self.q_a_proj = nn.Linear(embed_dim, q_lora_rank, bias=False)
            self.q_a_layernorm = nn.RMSNorm(q_lora_rank, eps=1e-6)
            self.q_b_proj = nn.Linear(q_lora_rank, queries, bias=False)
        else:
            self.q_proj = nn.Linear(embed_dim, queries, bias=False)
        self.kv_a_proj_with_mqa = nn.Linear(embed_dim, kv_lora_rank + qk_rope_head_dim, bias=False)
        self.kv_a_layernorm = nn.RMSNorm(kv_lora_rank, eps=1e-6)
        self.kv_b_proj = nn.Linear(kv_lora_rank, num_heads * (qk_nope_head_dim + v_head_dim), bias=False)
        self.o_proj = nn.Linear(num_heads * v_head_dim, embed_dim, bias=False)

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        cos, sin = self.turns(x)
        query = self.q_b_proj(self.q_a_layernorm(self.q_a_proj(x))) if self.compressed else self.q_proj(x)
        query = query.unflatten(-1, self.heads).transpose(1, 2)
        what, where = query[..., : self.nope], query[..., self.nope :]
        query = torch.cat([what, where * cos + where.roll(self.turned, -1) * sin], dim=-1)
        both = self.kv_a_proj_with_mqa(x)
        latent, place = both[..., : self.latent], both[:, None, :, self.latent :]
        place = place * cos + place.roll(self.turned, -1) * sin
        both = self.kv_b_proj(self.kv_a_layernorm(latent)).unflatten(-1, self.heads).transpose(1, 2)
        key, value = both[..., : self.nope], both[..., self.nope :].contiguous()
        key = torch.cat([key, place.expand(-1, self.heads[0], -1, -1)], dim=-1)
        if mask is not None:
            later = x.new_ones(x.shape[1], x.shape[1], dtype=torch.bool).triu(1)
            mask = mask.masked_fill(later, -torch.inf)
        y = F.scaled_dot_product_attention(query, key, value, mask, is_causal=mask is None)
        return self.o_proj(y.transpose(1, 2).flatten(2))

    def turns(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """By what angle a token's place turns each pair of its features of place, which lie half of them apart."""
        features = 2 * self.turned
        steps = self.rope ** (torch.arange(0, features, 2, device=x.device) / -features)
        angles = torch.arange(x.shape[1], device=x.device)[:, None] * steps
        cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
        return torch.cat([cos, cos], -1), torch.cat([-sin, sin], -1)
