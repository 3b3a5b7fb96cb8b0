import torch
from torch import nn


class PositionEmbedding(nn.Module):
    """Adds a learned vector to each token, one for each place in the sequence."""

    def __init__(self, length: int, features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(1, length, features).normal_(std=0.02))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.weight
