import torch
import torch.nn.functional as F
from torch import nn


class T5Attention(nn.Module):
    """Attention without scale and biases; names of weights as in T5 of Hugging Face."""

    def __init__(
        self,
        d_model: int,
        num_heads: int,
        d_kv: int,
        memory_dim: int,
        causal: bool = False,
        num_buckets: int | None = None,
        max_distance: int = 128,
    ) -> None:
        super().__init__()
        self.num_heads, self.causal, self.max_distance = num_heads, causal, max_distance
        self.q = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.k = nn.Linear(memory_dim, num_heads * d_kv, bias=False)
        self.v = nn.Linear(memory_dim, num_heads * d_kv, bias=False)
        self.o = nn.Linear(num_heads * d_kv, d_model, bias=False)
        self.relative_attention_bias = nn.Embedding(num_buckets, num_heads) if num_buckets else None

    def forward(self, x: torch.Tensor, memory: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        mapped = self.q(x), self.k(memory), self.v(memory)
        query, key, value = (each.unflatten(-1, (self.num_heads, -1)).transpose(1, 2) for each in mapped)
        bias = self.bias(x, self.relative_attention_bias) if self.relative_attention_bias else None
        added = mask if bias is None else bias if mask is None else bias + mask
        if self.causal and added is not None:
            added = added.masked_fill(x.new_ones(x.shape[1], x.shape[1], dtype=torch.bool).triu(1), float("-inf"))
        y = F.scaled_dot_product_attention(query, key, value, added, is_causal=self.causal and added is None, scale=1.0)
        return self.o(y.transpose(1, 2).flatten(2))

    def bias(self, x: torch.Tensor, learned: nn.Embedding) -> torch.Tensor:
        """What each head adds to the score of two tokens, by their distance."""
        places = torch.arange(x.shape[1], device=x.device)
        distance = places - places[:, None]
        return learned(self.bucket(distance, learned.num_embeddings)).permute(2, 0, 1)

    def bucket(self, distance: torch.Tensor, buckets: int) -> torch.Tensor:
        """Half of the buckets for distances one by one, the others ever wider; later tokens have theirs if seen."""
        count = buckets // (1 if self.causal else 2)
        later = 0 if self.causal else count * (distance > 0)
        away, exact = distance.clamp(max=0).neg() if self.causal else distance.abs(), count // 2
        most = torch.full((), self.max_distance / exact, device=distance.device)
        wide = (away / exact).clamp(min=1).log() / most.log() * (count - exact)
        return later + torch.where(away < exact, away, (exact + wide.long()).clamp(max=count - 1))
