import torch
from torch import nn


class GRUFromState(nn.GRU):
    """An nn.GRU that begins with a state: h of every layer and direction, side by side."""

    def forward(self, x: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return super().forward(x, torch.stack(state.split(self.hidden_size, dim=1)))
