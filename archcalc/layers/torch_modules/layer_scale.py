import torch
from torch import nn


class LayerScale(nn.Module):
    """A learned factor for each channel, which `rank` spatial axes come after."""

    def __init__(self, channels: int, rank: int = 0, init: float = 1e-6) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((channels, *[1] * rank), init))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.weight
