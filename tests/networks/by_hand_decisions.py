"""Networks that rank and act, in torch, written by hand from their papers: DLRM, DeepFM, a dueling DQN."""

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

CRITEO = [
    1460, 583, 10131227, 2202608, 305, 24, 12517, 633, 3, 93145, 5683, 8351593, 3194, 27, 14992, 5461306, 10, 5652,
    2173, 4, 7046547, 18, 15, 286181, 105, 142572,
]  # fmt: skip
"""Values of the 26 categories of the data set of Criteo's Kaggle competition, as facebookresearch/dlrm counts them."""


def mlp(*widths: int) -> list[nn.Module]:
    return [layer for i, o in pairwise(widths) for layer in (nn.Linear(i, o), nn.ReLU())]


class Dlrm(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.bottom = nn.Sequential(*mlp(13, 512, 256, 64, 16))
        self.tables = nn.ModuleList(nn.Embedding(n, 16) for n in CRITEO)
        self.top = nn.Sequential(*mlp(16 + 27 * 26 // 2, 512, 256), nn.Linear(256, 1), nn.Sigmoid())

    def forward(self, numbers: Tensor, categories: Tensor) -> Any:
        dense = self.bottom(numbers)
        vectors = torch.stack([dense, *(table(categories[:, i]) for i, table in enumerate(self.tables))], 1)
        products = torch.bmm(vectors, vectors.transpose(1, 2))
        rows, columns = torch.tril_indices(27, 27, -1, device=products.device)
        return self.top(torch.cat([dense, products[:, rows, columns]], 1))


class DeepFm(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weights, self.vectors = nn.Embedding(1_000_000, 1), nn.Embedding(1_000_000, 10)
        self.deep = nn.Sequential(*mlp(390, 400, 400, 400), nn.Linear(400, 1))

    def forward(self, values: Tensor) -> Tensor:
        v = self.vectors(values)
        pairs = (v.sum(1) ** 2 - (v**2).sum(1)).sum(1, keepdim=True) / 2
        return torch.sigmoid(self.weights(values).sum(1) + pairs + self.deep(v.flatten(1)))


class Dueling(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        convs = (nn.Conv2d(4, 32, 8, 4), nn.ReLU(), nn.Conv2d(32, 64, 4, 2), nn.ReLU(), nn.Conv2d(64, 64, 3), nn.ReLU())
        self.seen = nn.Sequential(*convs, nn.Flatten())
        self.value = nn.Sequential(*mlp(3136, 512), nn.Linear(512, 1))
        self.advantages = nn.Sequential(*mlp(3136, 512), nn.Linear(512, 18))

    def forward(self, x: Tensor) -> Any:
        seen = self.seen(x)
        advantages = self.advantages(seen)
        return self.value(seen) + advantages - advantages.mean(1, keepdim=True)


NETWORKS: Mapping[str, Callable[[], nn.Module]] = {"dlrm": Dlrm, "deepfm": DeepFm, "dueling_dqn": Dueling}
