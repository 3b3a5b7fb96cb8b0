import torch
from torch import nn


class Rope(nn.Module):
    """Turns each head of queries or keys by the places of their tokens."""

    def __init__(self, num_heads: int, base: float = 10000.0, rotary_dim: int | None = None) -> None:
        super().__init__()
        self.num_heads, self.base, self.rotary_dim = num_heads, base, rotary_dim

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        heads = x.unflatten(-1, (self.num_heads, -1))
        cos, sin = self.turns(heads, self.rotary_dim or heads.shape[-1])
        if self.rotary_dim is None:
            return self.turned(heads, cos, sin).flatten(2)
        where, rest = heads.split([self.rotary_dim, heads.shape[-1] - self.rotary_dim], -1)
        where = self.turned(where, cos, sin)
        return torch.cat([where, rest], -1).flatten(2)

    def turns(self, x: torch.Tensor, features: int) -> tuple[torch.Tensor, torch.Tensor]:
        """By what angle a token's place turns each pair of features, which lie half of those that turn apart."""
        steps = self.base ** (torch.arange(0, features, 2, device=x.device) / -features)
        angles = torch.arange(x.shape[1], device=x.device)[:, None, None] * steps
        cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
        return torch.cat([cos, cos], -1), torch.cat([-sin, sin], -1)

    def turned(self, x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
        return x * cos + x.roll(x.shape[-1] // 2, -1) * sin
