import torch
import torch.nn.functional as F
from torch import nn


class Subsampling2d(nn.Module):
    """Each map's windows are summed, times a learned coefficient, plus a learned bias."""

    def __init__(self, channels: int, kernel_size: tuple[int, int], stride: tuple[int, int]) -> None:
        super().__init__()
        self.kernel_size, self.stride = kernel_size, stride
        self.weight = nn.Parameter(torch.full((channels, 1, 1), 1 / (kernel_size[0] * kernel_size[1])))
        self.bias = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.weight * F.avg_pool2d(x, self.kernel_size, self.stride, divisor_override=1) + self.bias
