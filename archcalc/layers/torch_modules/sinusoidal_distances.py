import torch
from torch import nn


class SinusoidalDistances(nn.Module):
    """Sines and cosines of all distances of two tokens; nothing is learned or stored."""

    like: torch.Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        self.features = features
        self.register_buffer("like", torch.empty(0), persistent=False)

    def forward(self, length: int) -> torch.Tensor:
        distances = torch.arange(1 - length, length, device=self.like.device)
        rates = 10000 ** (-torch.arange(0, self.features, 2, device=self.like.device) / self.features)
        angles = distances[:, None] * rates
        return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)[None].to(self.like.dtype)
