import torch
import torch.nn.functional as F
from torch import nn


class DeformConv(nn.Module):
    """A convolution of two axes whose taps are moved by offsets, and multiplied with a mask where there is one."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: tuple[int, int],
        stride: tuple[int, int] = (1, 1),
        padding: tuple[int, int] = (0, 0),
        dilation: tuple[int, int] = (1, 1),
        groups: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.kernel_size, self.stride, self.padding, self.dilation = kernel_size, stride, padding, dilation
        self.groups = groups
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels // groups, *kernel_size))
        self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None
        nn.init.kaiming_uniform_(self.weight, a=5**0.5)

    def unmoved(self, axis: int, count: int) -> torch.Tensor:
        """Where each tap reads along an axis, if it is not moved: [taps along the axis, positions]."""
        first = torch.arange(count) * self.stride[axis] - self.padding[axis]
        return torch.arange(self.kernel_size[axis]).unsqueeze(1) * self.dilation[axis] + first

    def forward(self, x: torch.Tensor, offsets: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        taps = self.kernel_size[0] * self.kernel_size[1]
        down, right = offsets.unflatten(1, (-1, taps, 2)).unbind(3)
        count, (height, width) = down.shape[1], down.shape[3:]
        rows = self.unmoved(0, height).to(x).repeat_interleave(self.kernel_size[1], dim=0).unsqueeze(2) + down
        columns = self.unmoved(1, width).to(x).repeat(self.kernel_size[0], 1).unsqueeze(1) + right
        places = torch.stack([(2 * columns + 1) / x.shape[3] - 1, (2 * rows + 1) / x.shape[2] - 1], dim=5)
        taken = F.grid_sample(
            x.unflatten(1, (count, -1)).flatten(0, 1), places.flatten(0, 1).flatten(1, 2), align_corners=False
        )
        taken = taken.unflatten(0, (-1, count)).unflatten(3, (taps, height))
        if mask is not None:
            taken = taken * mask.unflatten(1, (count, 1, taps))
        values = taken.flatten(1, 2).unflatten(1, (self.groups, -1)).flatten(4).flatten(2, 3)
        filters = self.weight.flatten(1).unflatten(0, (self.groups, -1))
        y = torch.einsum("gok,bgkl->bgol", filters, values).flatten(1, 2).unflatten(2, (height, width))
        return y if self.bias is None else y + self.bias[:, None, None]
