import torch
import torch.nn.functional as F
from torch import nn


class TableConv2d(nn.Module):
    """A convolution that connects output map `o` with the input maps in `table[o]` and no others."""

    sources: torch.Tensor
    targets: torch.Tensor

    def __init__(
        self,
        table: tuple[tuple[int, ...], ...],
        kernel_size: tuple[int, int],
        stride: tuple[int, int],
        dilation: tuple[int, int],
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.table, self.stride, self.dilation = table, stride, dilation
        sources = torch.tensor([i for inputs in table for i in inputs])
        targets = torch.tensor([o for o, inputs in enumerate(table) for _ in inputs])
        self.register_buffer("sources", sources, persistent=False)
        self.register_buffer("targets", targets, persistent=False)
        self.weight = nn.Parameter(torch.empty(len(sources), *kernel_size))
        self.bias = nn.Parameter(torch.zeros(len(table))) if bias else None
        nn.init.kaiming_uniform_(self.weight, a=5**0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        kernels = self.weight.unsqueeze(1)
        each = F.conv2d(x[:, self.sources], kernels, None, self.stride, 0, self.dilation, groups=len(kernels))
        y = each.new_zeros(len(x), len(self.table), *each.shape[2:]).index_add(1, self.targets, each)
        return y if self.bias is None else y + self.bias[:, None, None]
