import torch
from torch import nn


class RBF(nn.Module):
    """Radial basis function units: the squared distance of the input from each of `out_features` centres."""

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(out_features, in_features).uniform_(-1, 1))
        self.bias = nn.Parameter(torch.zeros(out_features)) if bias else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        difference = x.unsqueeze(1) - self.weight
        y = torch.einsum("nof,nof->no", difference, difference)
        return y if self.bias is None else y + self.bias
