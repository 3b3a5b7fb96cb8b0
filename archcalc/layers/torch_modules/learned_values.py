import torch
from torch import nn


class LearnedValues(nn.Module):
    """Learned values, the same for each sample of a batch."""

    def __init__(self, size: tuple[int, ...], init: float | None = None) -> None:
        super().__init__()
        values = torch.empty(1, *size)
        self.weight = nn.Parameter(values.normal_(std=0.02) if init is None else values.fill_(init))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.weight.expand(x.shape[0], *self.weight.shape[1:])
