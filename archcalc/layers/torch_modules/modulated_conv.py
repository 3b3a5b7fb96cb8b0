import torch
import torch.nn.functional as F
from torch import nn


class ModulatedConv(nn.Module):
    """A convolution whose input channels a style weights; its filters then have length 1."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, demodulate: bool = True, bias: bool = True
    ) -> None:
        super().__init__()
        self.demodulate = demodulate
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, kernel_size, kernel_size))
        self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None
        nn.init.normal_(self.weight)

    def forward(self, x: torch.Tensor, style: torch.Tensor) -> torch.Tensor:
        y = F.conv2d(x * style[:, :, None, None], self.weight, padding=self.weight.shape[-1] // 2)
        if self.demodulate:
            lengths = style.square() @ self.weight.square().sum((2, 3)).T
            y = y * (lengths + 1e-8).rsqrt()[:, :, None, None]
        return y if self.bias is None else y + self.bias[:, None, None]
