"""Networks that read text, in torch, written by hand from their papers: Longformer."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn


def heads(x: Tensor) -> Tensor:
    return x.view(*x.shape[:2], 12, 64).transpose(1, 2)


def attended(query: Tensor, key: Tensor, value: Tensor, seen: Tensor | None = None) -> Tensor:
    scores = heads(query) @ heads(key).transpose(2, 3) / 8
    if seen is not None:
        scores = scores.masked_fill(~seen, -torch.inf)
    return (scores.softmax(-1) @ heads(value)).transpose(1, 2).flatten(2)


class Longformer(nn.Module):
    """All pairs are computed, and those that no window has are masked."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.segments = nn.Embedding(50265, 768), nn.Embedding(1, 768)
        self.places, self.norm = nn.Embedding(4098, 768), nn.LayerNorm(768)
        self.maps = nn.ModuleList(nn.ModuleList(nn.Linear(768, 768) for _ in range(7)) for _ in range(12))
        self.norms = nn.ModuleList(nn.ModuleList(nn.LayerNorm(768) for _ in range(2)) for _ in range(12))
        wide = (nn.Sequential(nn.Linear(768, 3072), nn.GELU(), nn.Linear(3072, 768)) for _ in range(12))
        self.wide, self.last = nn.ModuleList(wide), nn.Sequential(nn.Linear(768, 768), nn.Tanh())

    def forward(self, words: Tensor, segments: Tensor) -> Any:
        places = torch.arange(words.shape[1], device=words.device)
        x = self.norm(self.words(words) + self.segments(segments) + self.places(places))
        near = (places - places[:, None]).abs() <= 256
        seen = near | (places == 0) | (places == 0)[:, None]
        for maps, norms, wide in zip(self.maps, self.norms, self.wide, strict=True):
            assert isinstance(maps, nn.ModuleList)
            assert isinstance(norms, nn.ModuleList)
            q, k, v, first, keys, values, out = maps
            far = attended(first(x[:, :1]), keys(x), values(x))
            y = torch.cat([far, attended(q(x), k(x), v(x), seen)[:, 1:]], 1)
            x = norms[0](x + out(y))
            x = norms[1](x + wide(x))
        return self.last(x[:, 0])


NETWORKS: Mapping[str, Callable[[], nn.Module]] = {"longformer": Longformer}
