import torch
import torch.nn.functional as F
from torch import nn


class SigmoidRouter(nn.Module):
    """Sends each token to `top_k` experts of the best groups; its shares of them are sigmoids of their scores.

    A buffer corrects the scores before experts are chosen.
    """

    e_score_correction_bias: torch.Tensor

    def __init__(
        self,
        features: int,
        num_experts: int,
        top_k: int,
        n_group: int,
        topk_group: int,
        norm_topk_prob: bool = True,
        routed_scaling_factor: float = 1.0,
    ) -> None:
        super().__init__()
        self.top_k, self.n_group, self.topk_group = top_k, n_group, topk_group
        self.norm_topk_prob, self.routed_scaling_factor = norm_topk_prob, routed_scaling_factor
        self.weight = nn.Parameter(torch.empty(num_experts, features))
        nn.init.kaiming_uniform_(self.weight, a=5**0.5)
        self.register_buffer("e_score_correction_bias", torch.zeros(num_experts))

    def forward(self, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        scores = F.linear(tokens, self.weight).sigmoid()
        chosen = self.preferred(scores.detach() + self.e_score_correction_bias)
        share = scores.gather(1, chosen)
        normed = share / share.sum(-1, keepdim=True) if self.norm_topk_prob else share
        scaled = normed if self.routed_scaling_factor == 1 else normed * self.routed_scaling_factor
        return scaled, chosen

    def preferred(self, scores: torch.Tensor) -> torch.Tensor:
        """The best experts of the best groups: those whose two best experts score most together."""
        groups = scores.unflatten(-1, (self.n_group, -1))
        best = groups.topk(2).values.sum(-1).topk(self.topk_group).indices
        others = torch.ones(len(scores), self.n_group, dtype=torch.bool, device=scores.device).scatter(1, best, False)
        return groups.masked_fill(others[:, :, None], float("-inf")).flatten(1).topk(self.top_k).indices
