import torch
from torch import nn


class AttendDistances(nn.Module):
    """Attention whose scores depend on the distance of two tokens, too."""

    def __init__(
        self, num_heads: int, query_biases: bool = False, features: int = 0, scale: float | None = None
    ) -> None:
        super().__init__()
        self.num_heads, self.query_biases, self.scale = num_heads, query_biases, scale
        if query_biases:
            self.content_bias = nn.Parameter(torch.zeros(num_heads, features // num_heads))
            self.distance_bias = nn.Parameter(torch.zeros(num_heads, features // num_heads))

    def forward(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        distance_keys: torch.Tensor | None = None,
        distance_queries: torch.Tensor | None = None,
        mask: torch.Tensor | None = None,
    ) -> torch.Tensor:
        q, k, v = self.heads(query), self.heads(key), self.heads(value)
        at_content, at_distance = q, q
        if self.query_biases:
            at_content, at_distance = q + self.content_bias[:, None], q + self.distance_bias[:, None]
        scores = at_content @ k.transpose(-2, -1)
        if distance_keys is not None:
            scores = scores + self.gathered(at_distance @ self.heads(distance_keys).transpose(-2, -1))
        if distance_queries is not None:
            by_key = self.heads(distance_queries) @ k.transpose(-2, -1)
            scores = scores + self.gathered(by_key.transpose(-2, -1), by_key=True)
        scores = scores * (self.scale or q.shape[-1] ** -0.5)
        if mask is not None:
            scores = scores + mask
        return (scores.softmax(-1) @ v).transpose(1, 2).flatten(2)

    def heads(self, x: torch.Tensor) -> torch.Tensor:
        return x.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)

    def gathered(self, scores: torch.Tensor, by_key: bool = False) -> torch.Tensor:
        """Of the scores for all distances, those of the distances of each pair of tokens."""
        places, count = torch.arange(scores.shape[-2], device=scores.device), scores.shape[-1]
        rows = (places[:, None] - places + count // 2).clamp(0, count - 1)
        found = scores.gather(-1, (rows.T if by_key else rows).expand(*scores.shape[:2], -1, -1))
        return found.transpose(-2, -1) if by_key else found
