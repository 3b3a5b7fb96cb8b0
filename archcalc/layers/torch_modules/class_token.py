import torch
from torch import nn


class ClassToken(nn.Module):
    """Learned tokens put before the others."""

    def __init__(self, features: int, count: int = 1) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1, count, features))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.weight.expand(len(x), -1, -1), x], dim=1)
