import torch
import torch.nn.functional as F
from torch import nn


class Experts(nn.Module):
    """MLPs, each on the rows that are sent to it, which end where those of the next begin."""

    def __init__(self, features: int, num_experts: int, hidden_features: int, act: nn.Module) -> None:
        super().__init__()
        self.up_proj = nn.Parameter(torch.empty(num_experts, hidden_features, features).normal_(std=0.02))
        self.down_proj = nn.Parameter(torch.empty(num_experts, features, hidden_features).normal_(std=0.02))
        self.act = act

    def forward(self, rows: torch.Tensor, expert: torch.Tensor, ends: torch.Tensor) -> torch.Tensor:
        hidden = self.act(self.linear(self.up_proj, rows, expert, ends))
        return self.linear(self.down_proj, hidden, expert, ends)

    def linear(
        self, weight: torch.Tensor, rows: torch.Tensor, expert: torch.Tensor, ends: torch.Tensor
    ) -> torch.Tensor:
        """Each row times the matrix of its expert."""
        if rows.is_meta or rows.dtype == torch.float64:  # which grouped_mm does not take
            return (weight[expert] @ rows[:, :, None]).squeeze(-1)
        return F.grouped_mm(rows, weight.mT, offs=ends)
