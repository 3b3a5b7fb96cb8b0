import torch
from torch import nn


class Constant(nn.Module):
    """Numbers that are not learned, the same for all samples."""

    values: torch.Tensor

    def __init__(self, values: tuple[float, ...], size: tuple[int, ...]) -> None:
        super().__init__()
        numbers = torch.tensor(values)
        self.register_buffer("values", numbers.expand(size).clone() if len(values) == 1 else numbers.view(size))

    def forward(self) -> torch.Tensor:
        return self.values[None]
