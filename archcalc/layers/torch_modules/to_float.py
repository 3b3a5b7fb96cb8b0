import torch
from torch import nn


class ToFloat(nn.Module):
    """Integers as numbers of the dtype of the network."""

    like: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("like", torch.empty(0), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.to(self.like.dtype)
