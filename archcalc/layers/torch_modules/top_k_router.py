import torch
import torch.nn.functional as F
from torch import nn


class TopKRouter(nn.Module):
    """Sends each token to `top_k` experts; its shares of them are softmax of their scores."""

    def __init__(self, features: int, num_experts: int, top_k: int, routed_scaling_factor: float = 1.0) -> None:
        super().__init__()
        self.top_k, self.routed_scaling_factor = top_k, routed_scaling_factor
        self.weight = nn.Parameter(torch.empty(num_experts, features))
        nn.init.kaiming_uniform_(self.weight, a=5**0.5)

    def forward(self, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        scores, chosen = F.linear(tokens, self.weight).topk(self.top_k)
        share = scores.softmax(-1)
        scaled = share if self.routed_scaling_factor == 1 else share * self.routed_scaling_factor
        return scaled, chosen
