import torch
from torch import nn


class SelectiveScan(nn.Module):
    """A linear recurrence over tokens [B, T, E] with a state of N numbers for each feature."""

    def __init__(self, features: int, state: int) -> None:
        super().__init__()
        self.A_log = nn.Parameter(torch.arange(1.0, state + 1).log().repeat(features, 1))
        self.D = nn.Parameter(torch.ones(features))

    def forward(self, x: torch.Tensor, delta: torch.Tensor, b: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
        rate = -self.A_log.exp()
        state = x.new_zeros(x.shape[0], *rate.shape)
        made: list[torch.Tensor] = []
        for i in range(x.shape[1]):
            step = delta[:, i].unsqueeze(2)
            state = (step * rate).exp() * state + step * x[:, i].unsqueeze(2) * b[:, i].unsqueeze(1)
            made.append(torch.bmm(state, c[:, i].unsqueeze(2)).squeeze(2))
        return torch.stack(made, dim=1) + x * self.D
