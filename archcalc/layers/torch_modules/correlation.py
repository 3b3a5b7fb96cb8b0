import torch
import torch.nn.functional as F
from torch import nn


class Correlation(nn.Module):
    """The products of each position of a map with shifted positions of another, summed over the channels."""

    def __init__(self, max_displacement: int, stride: int = 1) -> None:
        super().__init__()
        self.steps, self.stride = max_displacement // stride, stride

    def forward(self, x: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        height, width = x.shape[2:]
        side, reach = 2 * self.steps + 1, self.steps * self.stride
        padded = F.pad(other, (reach, reach, reach, reach))
        rows = [padded[:, :, i * self.stride : i * self.stride + height] for i in range(side)]
        shifted = [row[..., j * self.stride : j * self.stride + width] for row in rows for j in range(side)]
        return torch.stack([torch.einsum("bchw,bchw->bhw", x, each) for each in shifted], dim=1) / x.shape[1]
