import torch
from torch import nn


class LocallyConnected(nn.Module):
    """A convolution whose filters are not shared: every output element has its own weights."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        output_size: tuple[int, ...],
        kernel_size: tuple[int, ...],
        stride: tuple[int, ...],
        dilation: tuple[int, ...],
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.kernel_size, self.stride, self.dilation, self.output_size = kernel_size, stride, dilation, output_size
        units = torch.Size((out_channels, *output_size)).numel()
        self.weight = nn.Parameter(torch.empty(units, in_channels, *kernel_size))
        self.bias = nn.Parameter(torch.zeros(out_channels, *output_size)) if bias else None
        nn.init.kaiming_uniform_(self.weight, a=5**0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        windows = zip(self.kernel_size, self.stride, self.dilation, strict=True)
        for axis, (kernel, stride, dilation) in enumerate(windows, 2):
            x = x.unfold(axis, dilation * (kernel - 1) + 1, stride)[..., ::dilation]
        rank = len(self.kernel_size)
        patches = x.flatten(2, 1 + rank).flatten(3)  # batch, channel, place, tap
        places = patches.shape[2]
        weight = self.weight.view(-1, places, *self.weight.shape[1:]).flatten(3)  # filter, place, channel, tap
        y = torch.einsum("ncpt,opct->nop", patches, weight).unflatten(2, self.output_size)
        return y if self.bias is None else y + self.bias
