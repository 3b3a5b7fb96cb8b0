import torch
from torch import nn


class FixedValues(nn.Module):
    """Values that are not learned, the same for all samples; they are loaded with the weights."""

    values: torch.Tensor

    def __init__(self, size: tuple[int, ...], dtype: str = "float") -> None:
        super().__init__()
        kind = torch.long if dtype == "int64" else torch.get_default_dtype()
        self.register_buffer("values", torch.zeros(size, dtype=kind))

    def forward(self) -> torch.Tensor:
        return self.values[None]
