import torch
import torch.nn.functional as F
from torch import nn


class WindowAttention(nn.Module):
    """Self-attention within windows of a map, whose features come last; names of weights as in torchvision."""

    relative_position_index: torch.Tensor

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        window_size: int,
        shift_size: int = 0,
        bias: bool = True,
        out_features: int | None = None,
    ) -> None:
        super().__init__()
        self.num_heads, self.window_size, self.shift_size = num_heads, window_size, shift_size
        self.qkv = nn.Linear(embed_dim, 3 * embed_dim, bias)
        self.proj = nn.Linear(embed_dim, embed_dim if out_features is None else out_features, bias)
        offsets = 2 * window_size - 1  # along one axis
        self.relative_position_bias_table = nn.Parameter(torch.empty(offsets**2, num_heads))
        nn.init.trunc_normal_(self.relative_position_bias_table, std=0.02)
        places = torch.arange(window_size)
        offset = places[:, None] - places + window_size - 1
        index = offsets * offset[:, None, :, None] + offset[:, None, :]
        self.register_buffer("relative_position_index", index.flatten())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        below, right = (-n % self.window_size for n in x.shape[1:3])
        if below or right:
            x = F.pad(x, (0, 0, 0, right, 0, below))
        height, width = x.shape[1:3]
        shifts = [self.shift_size if n > self.window_size else 0 for n in (height, width)]
        if any(shifts):
            x = x.roll([-shift for shift in shifts], (1, 2))
        x = self.windows(x)
        x = self.attend(x, self.apart(height, width, shifts) if any(shifts) else None)
        x = self.joined(x, width // self.window_size)
        if any(shifts):
            x = x.roll(shifts, (1, 2))
        if below or right:
            x = F.pad(x, (0, 0, 0, -right, 0, -below))
        return x

    def windows(self, x: torch.Tensor) -> torch.Tensor:
        """[items, height, width, features] -> [items, windows, positions, features]."""
        size = self.window_size
        x = x.unflatten(2, (-1, size)).unflatten(1, (-1, size)).transpose(2, 3)
        return x.flatten(3, 4).flatten(1, 2)

    def joined(self, x: torch.Tensor, columns: int) -> torch.Tensor:
        """The map that windows are of, so many side by side."""
        size = self.window_size
        x = x.unflatten(2, (size, size)).unflatten(1, (-1, columns)).transpose(2, 3)
        return x.flatten(3, 4).flatten(1, 2)

    def apart(self, height: int, width: int, shifts: list[int]) -> torch.Tensor:
        """Which pairs of a window only the shift has brought together: [1, windows, 1, positions, positions]."""
        device = self.relative_position_index.device
        axes = zip((height, width), shifts, strict=True)
        below, right = (torch.arange(n, device=device) >= n - shift for n, shift in axes)
        sides = self.windows((2 * below[:, None] + right)[None, :, :, None])
        return (sides != sides.mT)[:, :, None]

    def attend(self, x: torch.Tensor, apart: torch.Tensor | None) -> torch.Tensor:
        heads = self.qkv(x).unflatten(-1, (3, self.num_heads, -1)).permute(3, 0, 1, 4, 2, 5).contiguous()
        query, key, value = heads
        scores = torch.add(self.position_bias(), query @ key.mT, alpha=query.shape[-1] ** -0.5)
        if apart is not None:
            scores = scores.masked_fill(apart, float("-inf"))
        scores = scores.softmax(-1)
        return self.proj((scores @ value).transpose(2, 3).flatten(3))

    def position_bias(self) -> torch.Tensor:
        """For every head and pair of positions in a window: [heads, positions, positions]."""
        bias = self.relative_position_bias_table[self.relative_position_index]
        return bias.unflatten(0, (self.window_size**2, -1)).permute(2, 0, 1).contiguous()
