import torch
from torch import nn


class Mixture(nn.Module):
    """A mixture of experts: `gate` says which of them each token goes through, and how much it takes of each.

    Names of weights as in Hugging Face's MixtralSparseMoeBlock and DeepseekV3MoE.
    """

    def __init__(
        self, num_experts: int, gate: nn.Module, experts: nn.Module, shared_experts: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.num_experts = num_experts
        self.gate = gate
        self.experts = experts
        self.shared_experts = shared_experts

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        tokens = x.flatten(0, -2)
        share, chosen = self.gate(tokens)
        expert, order = chosen.flatten().sort()
        token = order // chosen.shape[1]
        numbers = torch.arange(self.num_experts, device=x.device)
        ends = torch.searchsorted(expert, numbers, right=True, out_int32=True)
        y = self.experts(tokens[token], expert, ends) * share.flatten()[order, None]
        routed = torch.zeros_like(tokens).index_add_(0, token, y).view_as(x)
        return routed if self.shared_experts is None else routed + self.shared_experts(x)
