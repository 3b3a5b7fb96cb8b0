import torch
from torch import nn


class ConvLSTM(nn.Module):
    """An LSTM whose maps are convolutions, over the frames of [B, C, T, H, W] or the one of [B, C, H, W]."""

    def __init__(self, in_channels: int, hidden_channels: int, kernel_size: int = 3, bias: bool = True) -> None:
        super().__init__()
        gates = 4 * hidden_channels
        self.input_map = nn.Conv2d(in_channels, gates, kernel_size, padding=kernel_size // 2, bias=bias)
        self.state_map = nn.Conv2d(hidden_channels, gates, kernel_size, padding=kernel_size // 2, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        frames = x.unbind(2) if x.dim() == 5 else (x,)
        made: list[torch.Tensor] = []
        for frame in frames:
            mapped = self.input_map(frame)
            if not made:
                hidden = cell = torch.zeros_like(mapped[:, : mapped.shape[1] // 4])
            i, f, g, o = (mapped + self.state_map(hidden)).chunk(4, dim=1)
            cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
            hidden = o.sigmoid() * cell.tanh()
            made.append(hidden)
        return torch.stack(made, dim=2) if x.dim() == 5 else hidden
