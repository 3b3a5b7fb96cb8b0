import torch
from torch import nn


class LSTMAndStates(nn.LSTM):
    """An nn.LSTM that gives h after every token, and then, as tokens, the last h of each layer, and the last c of each.

    It may begin with a state: h of every layer and direction, and then c of every one, side by side.
    """

    def forward(
        self, x: torch.Tensor, state: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
        first = None
        if state is not None:
            ways = self.num_layers * (2 if self.bidirectional else 1)
            parts = state.split(self.hidden_size, dim=1)
            first = torch.stack(parts[:ways]), torch.stack(parts[ways:])
        out, last = super().forward(x, first)
        ends = [part.transpose(0, 1).reshape(-1, self.num_layers, out.shape[2]) for part in last]
        return torch.cat([out, *ends], dim=1), last
