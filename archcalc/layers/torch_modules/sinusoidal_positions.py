import torch
from torch import nn


class SinusoidalPositions(nn.Module):
    """Adds sines and cosines of a token's place, of wavelengths from 2 pi to 10000 * 2 pi."""

    table: torch.Tensor

    def __init__(self, length: int, features: int) -> None:
        super().__init__()
        angles = torch.arange(length)[:, None] * 10000 ** (torch.arange(0, features, 2) / -features)
        self.register_buffer("table", torch.stack([angles.sin(), angles.cos()], -1).flatten(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.table[: x.shape[1]]
