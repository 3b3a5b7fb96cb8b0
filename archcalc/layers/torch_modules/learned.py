import torch
from torch import nn


class Learned(nn.Module):
    """Learned values of their own, or added to the input, or multiplied with it."""

    def __init__(self, size: tuple[int, ...], op: str = "", init: float | None = None) -> None:
        super().__init__()
        values = torch.empty(size)
        self.weight = nn.Parameter(values.normal_(std=0.02) if init is None else values.fill_(init))
        self.op = op

    def forward(self, x: torch.Tensor | None = None) -> torch.Tensor:
        if x is None:
            return self.weight[None]
        return x * self.weight if self.op == "mul" else x + self.weight
