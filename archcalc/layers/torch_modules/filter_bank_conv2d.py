import torch
import torch.nn.functional as F
from torch import nn


class FilterBankConv2d(nn.Module):
    """Fixed filters, the derivatives of a Gaussian up to `order`, and learned mixtures of their responses."""

    basis: torch.Tensor

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: tuple[int, int],
        order: int,
        sigma: float,
        stride: tuple[int, int],
        dilation: tuple[int, int],
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.in_channels, self.stride, self.dilation = in_channels, stride, dilation
        down, along = (self.derivatives(size, order, sigma) for size in kernel_size)
        pairs = [(i, total - i) for total in range(order + 1) for i in range(total + 1)]
        self.register_buffer("basis", torch.stack([torch.outer(down[i], along[j]) for i, j in pairs]))
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, len(pairs)))
        self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None
        nn.init.kaiming_uniform_(self.weight, a=5**0.5)

    @staticmethod
    def derivatives(size: int, order: int, sigma: float) -> list[torch.Tensor]:
        """sigma^n times the n-th derivative of a Gaussian, n = 0 ... order: (-1)^n He_n(t) g(t), t = x / sigma."""
        t = (torch.arange(size, dtype=torch.float32) - (size - 1) / 2) / sigma
        gaussian = torch.exp(-t * t / 2) / (sigma * (2 * torch.pi) ** 0.5)
        hermite = [torch.ones_like(t), t]
        for n in range(1, order):
            hermite.append(t * hermite[n] - n * hermite[n - 1])
        return [(-1) ** n * hermite[n] * gaussian for n in range(order + 1)]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        bank = self.basis.repeat(self.in_channels, 1, 1).unsqueeze(1)
        responses = F.conv2d(x, bank, None, self.stride, 0, self.dilation, groups=self.in_channels)
        return F.conv2d(responses, self.weight.flatten(1)[:, :, None, None], self.bias)
