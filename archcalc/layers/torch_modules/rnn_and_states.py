import torch
from torch import nn


class RNNAndStates(nn.RNN):
    """An nn.RNN that gives h after every token, and then, as tokens, the last h of each layer.

    It may begin with a state: h of every layer and direction, side by side.
    """

    def forward(self, x: torch.Tensor, state: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        first = None
        if state is not None:
            first = torch.stack(state.split(self.hidden_size, dim=1))
        out, last = super().forward(x, first)
        ends = last.transpose(0, 1).reshape(-1, self.num_layers, out.shape[2])
        return torch.cat([out, ends], dim=1), last
