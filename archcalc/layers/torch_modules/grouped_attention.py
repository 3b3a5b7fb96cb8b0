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
        q_bias: bool | None = None,
        k_bias: bool | None = None,
        v_bias: bool | None = None,
        out_bias: bool = False,
        causal: bool = False,
        rope: float | None = None,
        rotary_dim: int | None = None,
        window: int | None = None,
        dilation: int = 1,
        global_tokens: int = 0,
        alibi: bool = False,
        qk_norm: float | None = None,
        qk_norm_over: str = "head",
        scale: float | None = None,
        softcap: float | None = None,
    ) -> None:
        super().__init__()
        self.num_heads, self.num_kv_heads, self.head_dim, self.causal = num_heads, num_kv_heads, head_dim, causal
        self.rope, self.rotary_dim, self.window, self.alibi = rope, rotary_dim or head_dim, window, alibi
        self.dilation, self.global_tokens = dilation, global_tokens
        self.qk_norm, self.qk_norm_over, self.scale, self.softcap = qk_norm, qk_norm_over, scale, softcap
        queries, keys = num_heads * head_dim, num_kv_heads * head_dim
        self.q_proj = nn.Linear(embed_dim, queries, qkv_bias if q_bias is None else q_bias)
        self.k_proj = nn.Linear(embed_dim, keys, qkv_bias if k_bias is None else k_bias)
        self.v_proj = nn.Linear(embed_dim, keys, qkv_bias if v_bias is None else v_bias)
        self.o_proj = nn.Linear(queries, embed_dim, out_bias)
        over_all = qk_norm_over == "all"
        self.q_norm = nn.RMSNorm(queries if over_all else head_dim, qk_norm) if qk_norm else None
        self.k_norm = nn.RMSNorm(keys if over_all else head_dim, qk_norm) if qk_norm else None

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        maps = self.q_proj, self.k_proj, self.v_proj
        query, key, value = (each(x).unflatten(-1, (-1, self.head_dim)) for each in maps)
        if self.q_norm and self.k_norm:
            over_all = self.qk_norm_over == "all"
            query = self.q_norm(query.flatten(2)).view_as(query) if over_all else self.q_norm(query)
            key = self.k_norm(key.flatten(2)).view_as(key) if over_all else self.k_norm(key)
        if self.rope:
            cos, sin = self.turns(query, self.rope)
            query = self.turned(query, cos, sin)
            key = self.turned(key, cos, sin)
        query, key, value = (each.transpose(1, 2) for each in (query, key, value))
        if self.softcap:
            y = self.capped(query, key, value, self.softcap, mask)
        else:
            if self.window or (self.causal and mask is not None):
                seen = self.nearby(query, self.window or key.shape[2])
                mask = seen if mask is None else mask.masked_fill(~seen, -torch.inf)
            if self.alibi:
                mask = self.slopes(query) if mask is None else self.slopes(query) + mask
            causal = self.causal and mask is None
            y = F.scaled_dot_product_attention(
                query, key, value, mask, is_causal=causal, scale=self.scale, enable_gqa=True
            )
        return self.o_proj(y.transpose(1, 2).flatten(2))

    def turns(self, x: torch.Tensor, base: float) -> tuple[torch.Tensor, torch.Tensor]:
        """By what angle a token's place turns each pair of features, which lie half of those that turn apart."""
        steps = base ** (torch.arange(0, self.rotary_dim, 2, device=x.device) / -self.rotary_dim)
        angles = torch.arange(x.shape[1], device=x.device)[:, None, None] * steps
        cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
        return torch.cat([cos, cos], -1), torch.cat([-sin, sin], -1)

    def turned(self, x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
        """The first features of each head turned, and the rest as it is."""
        if self.rotary_dim == self.head_dim:
            return x * cos + x.roll(self.rotary_dim // 2, -1) * sin
        where, rest = x.split([self.rotary_dim, self.head_dim - self.rotary_dim], -1)
        where = where * cos + where.roll(self.rotary_dim // 2, -1) * sin
        return torch.cat([where, rest], -1)

    def capped(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, cap: float, mask: torch.Tensor | None
    ) -> torch.Tensor:
        """Attention whose scores stay between -cap and cap, before the mask is added; groups share keys and values."""
        groups, length = query.unflatten(1, (key.shape[1], -1)), key.shape[2]
        scores = groups @ key.unsqueeze(2).transpose(-2, -1)
        scores = cap * torch.tanh(scores * ((self.scale or self.head_dim**-0.5) / cap))
        if mask is not None:
            scores = scores + mask.expand(-1, query.shape[1], -1, -1).unflatten(1, (key.shape[1], -1))
        if self.causal or self.window:
            scores = scores.masked_fill(~self.nearby(query, self.window or length), -torch.inf)
        return (scores.softmax(-1) @ value.unsqueeze(2)).flatten(1, 2)

    def nearby(self, x: torch.Tensor, window: int) -> torch.Tensor:
        """Which tokens each attends to: those before it within the window, or on both sides of it, and global ones."""
        later = 0 if self.causal else window // 2 * self.dilation
        earlier = (window - 1) * self.dilation - later
        seen = x.new_ones(x.shape[2], x.shape[2], dtype=torch.bool).tril(later).triu(-earlier)
        if self.dilation > 1:
            places = torch.arange(x.shape[2], device=x.device) % self.dilation
            seen &= places == places[:, None]
        if self.global_tokens:
            seen[: self.global_tokens].fill_(True)
            seen[:, : self.global_tokens].fill_(True)
            if self.causal:
                seen.tril_()
        return seen

    def slopes(self, x: torch.Tensor) -> torch.Tensor:
        """What is added to scores: less the farther away, in some heads more steeply; no later token is attended to."""
        places, heads = torch.arange(x.shape[2], device=x.device), torch.arange(x.shape[1], device=x.device)
        ahead = places - places[:, None]
        scores = 2 ** (-8 * (heads.view(1, -1, 1, 1) + 1) / len(heads)) * ahead
        return scores.masked_fill(ahead > 0, -torch.inf).to(x.dtype)
