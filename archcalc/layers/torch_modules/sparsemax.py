import torch
from torch import nn


class Sparsemax(nn.Module):
    """The nearest probabilities: scores minus a threshold that leaves a sum of 1, and 0 where that is below 0."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        largest = x.sort(self.dim, descending=True).values
        rank = torch.arange(1, x.shape[self.dim] + 1, device=x.device, dtype=x.dtype)
        rank = rank.view([-1 if axis == self.dim else 1 for axis in range(x.dim())])
        excess = largest.cumsum(self.dim) - 1
        count = (rank * largest > excess).sum(self.dim, keepdim=True).clamp(min=1)
        return (x - excess.gather(self.dim, count - 1) / count).clamp(min=0)
