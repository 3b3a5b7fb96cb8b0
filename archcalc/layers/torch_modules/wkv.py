import torch
from torch import nn


class WKV(nn.Module):
    """The decaying average of values [B, T, C], weighted by the exponentials of keys."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.time_decay = nn.Parameter(torch.zeros(features))
        self.time_first = nn.Parameter(torch.zeros(features))

    def forward(self, keys: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        rate = -self.time_decay.exp()
        above = below = torch.zeros_like(keys[:, 0])
        largest = torch.full_like(above, -torch.inf)
        made: list[torch.Tensor] = []
        for key, value in zip(keys.unbind(1), values.unbind(1), strict=True):
            top = torch.maximum(largest, key + self.time_first)
            old, new = (largest - top).exp(), (key + self.time_first - top).exp()
            made.append((old * above + new * value) / (old * below + new))
            top = torch.maximum(largest + rate, key)
            old, new = (largest + rate - top).exp(), (key - top).exp()
            above, below, largest = old * above + new * value, old * below + new, top
        return torch.stack(made, dim=1)
