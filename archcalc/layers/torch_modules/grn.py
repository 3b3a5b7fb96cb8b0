import torch
from torch import nn


class GRN(nn.Module):
    """Scales each channel by its size over all positions, among the sizes of all channels."""

    def __init__(self, channels: int, rank: int, channels_last: bool = False, eps: float = 1e-6) -> None:
        super().__init__()
        self.channel, self.eps = -1 if channels_last else 1, eps
        self.positions = tuple(axis if channels_last else axis + 1 for axis in range(1, rank + 1))
        shape = (channels,) if channels_last else (channels, *[1] * rank)
        self.weight = nn.Parameter(torch.zeros(shape))
        self.bias = nn.Parameter(torch.zeros(shape))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        size = torch.linalg.vector_norm(x, dim=self.positions, keepdim=True)
        share = size / (size.mean(dim=self.channel, keepdim=True) + self.eps)
        return x * share * self.weight + self.bias + x
