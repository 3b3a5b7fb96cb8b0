import torch
from torch import nn


class LSTMFromState(nn.LSTM):
    """An LSTM that begins with a state: h of every layer and direction, side by side, and then c of every one."""

    def forward(self, x: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
        ways = self.num_layers * (2 if self.bidirectional else 1)
        sizes = [self.proj_size or self.hidden_size] * ways + [self.hidden_size] * ways
        parts = state.split(sizes, dim=1)
        return super().forward(x, (torch.stack(parts[:ways]), torch.stack(parts[ways:])))
