import torch
from torch import nn


class SlottedExperts(nn.Module):
    """MLPs, each on the slots that are its own."""

    def __init__(self, features: int, num_experts: int, hidden_features: int, act: nn.Module) -> None:
        super().__init__()
        self.up_proj = nn.Parameter(torch.empty(num_experts, hidden_features, features).normal_(std=0.02))
        self.down_proj = nn.Parameter(torch.empty(num_experts, features, hidden_features).normal_(std=0.02))
        self.act = act

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return torch.bmm(self.act(torch.bmm(rows, self.up_proj.mT)), self.down_proj.mT)
