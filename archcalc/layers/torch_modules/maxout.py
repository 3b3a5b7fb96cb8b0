import torch
from torch import nn


class Maxout(nn.Linear):
    """The largest of `pieces` affine maps, for each of `out_features` units."""

    def __init__(self, in_features: int, out_features: int, pieces: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features * pieces, bias)
        self.pieces = pieces

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x).unflatten(-1, (-1, self.pieces)).amax(-1)
