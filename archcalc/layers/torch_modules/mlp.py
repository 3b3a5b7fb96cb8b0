import torch
from torch import nn


class MLP(nn.Module):
    """down(act(up(x))), without biases."""

    def __init__(self, features: int, hidden_features: int, act: nn.Module) -> None:
        super().__init__()
        self.up_proj = nn.Linear(features, hidden_features, bias=False)
        self.down_proj = nn.Linear(hidden_features, features, bias=False)
        self.act = act

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.down_proj(self.act(self.up_proj(x)))
