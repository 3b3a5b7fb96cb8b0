import torch
import torch.nn.functional as F
from torch import nn


class Attend(nn.Module):
    """Attention of given queries to given keys and values; heads may share keys and values in groups."""

    def __init__(
        self,
        num_heads: int,
        num_kv_heads: int,
        causal: bool = False,
        window: int | None = None,
        scale: float | None = None,
        softcap: float | None = None,
    ) -> None:
        super().__init__()
        self.num_heads, self.num_kv_heads = num_heads, num_kv_heads
        self.causal, self.window, self.scale, self.softcap = causal, window, scale, softcap

    def forward(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor | None = None
    ) -> torch.Tensor:
        query = query.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
        key, value = (each.unflatten(-1, (self.num_kv_heads, -1)).transpose(1, 2) for each in (key, value))
        if self.softcap:
            y = self.capped(query, key, value, self.softcap)
        else:
            if self.window:
                mask = self.nearby(query, self.window)
            causal = self.causal and mask is None
            y = F.scaled_dot_product_attention(
                query, key, value, mask, is_causal=causal, scale=self.scale, enable_gqa=True
            )
        return y.transpose(1, 2).flatten(2)

    def nearby(self, x: torch.Tensor, window: int) -> torch.Tensor:
        """Which tokens each attends to: itself, and those before it within the window, or on both sides of it."""
        later = 0 if self.causal else window // 2
        return x.new_ones(x.shape[2], x.shape[2], dtype=torch.bool).tril(later).triu(later + 1 - window)

    def capped(self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, cap: float) -> torch.Tensor:
        """Attention whose scores stay between -cap and cap."""
        groups = query.unflatten(1, (key.shape[1], -1))
        scores = groups @ key.unsqueeze(2).transpose(-2, -1)
        scores = cap * torch.tanh(scores * ((self.scale or query.shape[-1] ** -0.5) / cap))
        if self.causal or self.window:
            seen = self.nearby(query, self.window or key.shape[2])
            scores = scores.masked_fill(~seen, -torch.inf)
        return (scores.softmax(-1) @ value.unsqueeze(2)).flatten(1, 2)
