import torch
from torch import nn


class SlottedMixture(nn.Module):
    """A mixture of experts, each with a number of slots for the tokens of a sample; tokens without a slot are dropped.

    `gate` says which experts each token goes through, and how much it takes of each; `capacity` is the fraction of
    slots over chosen experts. Names of weights as in Hugging Face's MixtralSparseMoeBlock and DeepseekV3MoE.
    """

    def __init__(
        self,
        num_experts: int,
        capacity: tuple[int, int],
        gate: nn.Module,
        experts: nn.Module,
        shared_experts: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.num_experts, self.capacity = num_experts, capacity
        self.gate = gate
        self.experts = experts
        self.shared_experts = shared_experts

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        tokens, (items, length) = x.flatten(0, -2), x.shape[:2]
        share, chosen = self.gate(tokens)
        top_k = chosen.shape[1]
        item = torch.arange(len(tokens), device=x.device) // length
        queue, order = (chosen * items + item[:, None]).flatten().sort(stable=True)
        queues = torch.arange(self.num_experts * items, device=x.device)
        begin, end = (torch.searchsorted(queue, queues, right=last)[:, None] for last in (False, True))
        slots = -(-self.capacity[0] * top_k * length // (self.capacity[1] * self.num_experts))  # rounded up
        place = begin + torch.arange(slots, device=x.device)
        choice = order[place.clamp(max=len(order) - 1)]
        token = (choice // top_k).view(self.num_experts, -1)
        share = share.flatten()[choice] * (place < end)  # an empty slot counts nothing
        y = self.experts(tokens[token]) * share.view(self.num_experts, -1, 1)
        routed = torch.zeros_like(tokens).index_add_(0, token.flatten(), y.flatten(0, 1)).view_as(x)
        return routed if self.shared_experts is None else routed + self.shared_experts(x)
