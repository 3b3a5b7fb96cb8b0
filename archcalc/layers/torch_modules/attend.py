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
        dilation: int = 1,
        global_tokens: int = 0,
        scale: float | None = None,
        softcap: float | None = None,
    ) -> None:
        super().__init__()
        self.num_heads, self.num_kv_heads = num_heads, num_kv_heads
        self.causal, self.window, self.dilation, self.global_tokens = causal, window, dilation, global_tokens
        self.scale, self.softcap = scale, softcap

    def forward(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor | None = None
    ) -> torch.Tensor:
        query = query.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
        key, value = (each.unflatten(-1, (self.num_kv_heads, -1)).transpose(1, 2) for each in (key, value))
        if self.softcap:
            y = self.capped(query, key, value, self.softcap, mask)
        else:
            if self.window or (self.causal and mask is not None):
                seen = self.nearby(query, self.window or key.shape[2])
                mask = seen if mask is None else mask.masked_fill(~seen, -torch.inf)
            causal = self.causal and mask is None
            y = F.scaled_dot_product_attention(
                query, key, value, mask, is_causal=causal, scale=self.scale, enable_gqa=True
            )
        return y.transpose(1, 2).flatten(2)

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

    def capped(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, cap: float, mask: torch.Tensor | None
    ) -> torch.Tensor:
        """Attention whose scores stay between -cap and cap, before the mask is added to them."""
        groups = query.unflatten(1, (key.shape[1], -1))
        scores = groups @ key.unsqueeze(2).transpose(-2, -1)
        scores = cap * torch.tanh(scores * ((self.scale or query.shape[-1] ** -0.5) / cap))
        if mask is not None:
            scores = scores + mask.expand(-1, query.shape[1], -1, -1).unflatten(1, (key.shape[1], -1))
        if self.causal or self.window:
            seen = self.nearby(query, self.window or key.shape[2])
            scores = scores.masked_fill(~seen, -torch.inf)
        return (scores.softmax(-1) @ value.unsqueeze(2)).flatten(1, 2)
