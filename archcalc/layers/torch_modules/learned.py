import torch
from torch import nn


class Learned(nn.Module):
    """Learned values that are added to the input, or multiplied with it."""

    def __init__(self, size: tuple[int, ...], op: str = "add", init: float | None = None) -> None:
        super().__init__()
        values = torch.empty(size)
        self.weight = nn.Parameter(values.normal_(std=0.02) if init is None else values.fill_(init))
        self.multiplies = op == "mul"

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.weight if self.multiplies else x + self.weight
