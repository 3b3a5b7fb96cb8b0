import torch
from torch import nn


class GatedSlottedExperts(nn.Module):
    """Gated MLPs, each on the slots that are its own."""

    def __init__(self, features: int, num_experts: int, hidden_features: int, act: nn.Module) -> None:
        super().__init__()
        self.gate_up_proj = nn.Parameter(torch.empty(num_experts, 2 * hidden_features, features).normal_(std=0.02))
        self.down_proj = nn.Parameter(torch.empty(num_experts, features, hidden_features).normal_(std=0.02))
        self.act = act

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        gate, up = torch.bmm(rows, self.gate_up_proj.mT).chunk(2, dim=-1)
        return torch.bmm(self.act(gate) * up, self.down_proj.mT)
