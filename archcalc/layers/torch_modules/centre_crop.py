import torch
from torch import nn


class CentreCrop(nn.Module):
    """The middle of the input, as large as `size` or as another tensor is; an odd unit goes from the end."""

    def __init__(self, size: tuple[int, ...] | None = None) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: torch.Tensor, like: torch.Tensor | None = None) -> torch.Tensor:
        size = tuple(like.shape[2:]) if like is not None else self.size or tuple(x.shape[2:])
        for axis, length in enumerate(size, 2):
            x = x.narrow(axis, (x.shape[axis] - length) // 2, length)
        return x
