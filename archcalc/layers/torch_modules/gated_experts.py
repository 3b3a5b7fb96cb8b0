import torch
import torch.nn.functional as F
from torch import nn


class GatedExperts(nn.Module):
    """Gated MLPs, each on the rows that are sent to it, which end where those of the next begin."""

    def __init__(self, features: int, num_experts: int, hidden_features: int, act: nn.Module) -> None:
        super().__init__()
        self.gate_up_proj = nn.Parameter(torch.empty(num_experts, 2 * hidden_features, features).normal_(std=0.02))
        self.down_proj = nn.Parameter(torch.empty(num_experts, features, hidden_features).normal_(std=0.02))
        self.act = act

    def forward(self, rows: torch.Tensor, expert: torch.Tensor, ends: torch.Tensor) -> torch.Tensor:
        gate, up = self.linear(self.gate_up_proj, rows, expert, ends).chunk(2, dim=-1)
        hidden = self.act(gate) * up
        return self.linear(self.down_proj, hidden, expert, ends)

    def linear(
        self, weight: torch.Tensor, rows: torch.Tensor, expert: torch.Tensor, ends: torch.Tensor
    ) -> torch.Tensor:
        """Each row times the matrix of its expert."""
        if rows.is_meta or rows.dtype == torch.float64:  # which grouped_mm does not take
            return (weight[expert] @ rows[:, :, None]).squeeze(-1)
        return F.grouped_mm(rows, weight.mT, offs=ends)
