import torch
from torch import nn


class PositionTable(nn.Module):
    """Adds a learned vector to each token, by its place: the first ones of a table of `length`."""

    def __init__(self, length: int, features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(1, length, features).normal_(std=0.02))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.weight[:, : x.shape[1]]
